"""Other engines' convolutions: torch, OpenVINO's float, int8 and binary ones, ONNX Runtime."""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from xnorlab.benchmark import Contestant, ConvProblem
from xnorlab.benchmark.eight_bits import Grid
from xnorlab.peers.quantized import int8_weight, on_grid, sums_in_int8
from xnorlab.peers.settings import onnxruntime_session, openvino_request, torch_threads


@contextmanager
def torch_conv(problem: ConvProblem) -> Iterator[Sequence[Contestant]]:
    """The float32 convolution of torch (oneDNN) in its two layouts, called as a layer calls it.

    OpenVINO and ONNX Runtime lay a model's weights out once; torch is given them anew in each call, and with many
    channels and few pixels that shows.
    """
    import torch
    import torch.nn.functional as F

    shape = problem.shape
    x = torch.from_numpy(problem.x).permute(0, 3, 1, 2)
    weight = torch.from_numpy(problem.weight)
    channels_last = {"memory_format": torch.channels_last}

    def contestant(name: str, about: str, x: torch.Tensor, weight: torch.Tensor) -> Contestant:
        def call() -> torch.Tensor:
            return F.conv2d(x, weight, stride=shape.stride, padding=shape.border)

        return Contestant(name, about, call, lambda y: y.permute(0, 2, 3, 1).numpy(), "float")

    with torch_threads(problem.threads):
        found = [
            contestant("torch-nchw", "torch float32, NCHW", x.contiguous(), weight),
            contestant(
                "torch-channels-last",
                "torch float32, channels-last",
                x.contiguous(**channels_last),
                weight.contiguous(**channels_last),
            ),
        ]
        yield found


@contextmanager
def openvino_conv(problem: ConvProblem) -> Iterator[Sequence[Contestant]]:
    """OpenVINO's Convolution in float32 and in int8, and its own BinaryConvolution, on float NHWC data as ours.

    int8 takes its grid from the minimum and maximum of the very input; it is left out where the processor has no
    int8 kernels for the shape.

    BinaryConvolution takes bits from a FakeQuantize node of two levels whose outputs are exactly 0 and 1. With −1 and
    +1, which the operation's text suggests, the CPU plugin computes the signs in float32 and converts them one by one,
    which took 0.53 instead of 0.17 ms at 64@56.
    """
    import openvino as ov
    import openvino.opset1 as op

    shape = problem.shape
    geometry = ([shape.stride] * 2, [shape.border] * 2, [shape.border] * 2, [1, 1])
    one = np.ones((1, shape.channels, 1, 1), np.float32)
    # x > −1e-30 is x >= 0 for all but the tiniest negative numbers; denormals are not told from 0.
    threshold = op.constant(-1e-30 * one)
    # OpenVINO keeps a pointer to this array, not a copy: it must outlive the model.
    bits = np.packbits(problem.weight.reshape(-1) >= 0, bitorder="little")
    packed = ov.op.Constant(ov.Tensor(bits, ov.Shape(list(problem.weight.shape)), ov.Type.u1))

    def contestant(name: str, about: str, computes: Any) -> Contestant | None:
        x = op.parameter(list(problem.x.shape), np.float32)
        planes = op.transpose(x, op.constant(np.array([0, 3, 1, 2])))
        if computes == "float":
            y = op.convolution(planes, op.constant(problem.weight), *geometry)
        elif computes == "int8":
            y = op.convolution(on_grid(planes, Grid.of(problem.x)), int8_weight(problem.weight), *geometry)
        else:
            signs = op.fake_quantize(planes, threshold, threshold, op.constant(0 * one), op.constant(one), 2)
            y = op.binary_convolution(signs, packed, *geometry, "xnor-popcount", float(shape.pad_value))
        y = op.transpose(y, op.constant(np.array([0, 2, 3, 1])))
        model = ov.Model([y], [x], "convolution")  # pyright: ignore  # two modules export the one class
        request = openvino_request(model, problem.x, problem.threads)
        if computes == "int8" and not sums_in_int8(request):
            return None
        return Contestant(name, about, request.infer, lambda _: request.get_output_tensor().data, computes)

    found = [
        contestant("openvino-float", "OpenVINO float32, NHWC", "float"),
        contestant("openvino-int8", "OpenVINO int8, float in and out, NHWC", "int8"),
    ]
    if shape.channels % 8 == 0:  # its packed pixels and filters are whole bytes; other counts give wrong sums
        about = "OpenVINO BinaryConvolution, float in and out, NHWC, without α"
        try:
            found.append(contestant("openvino-binary", about, "signs"))
        except RuntimeError as error:  # it has no kernel where padding is wide beside the map, such as 11 × 11 on 14
            if "unsupported parameters" not in str(error):
                raise
    yield [each for each in found if each is not None]


@contextmanager
def onnxruntime_conv(problem: ConvProblem) -> Iterator[Sequence[Contestant]]:
    """ONNX Runtime's float32 Conv, NCHW."""
    from onnx import TensorProto, helper, numpy_helper

    shape = problem.shape
    x = np.ascontiguousarray(problem.x.transpose(0, 3, 1, 2))
    node = helper.make_node("Conv", ["x", "w"], ["y"], strides=[shape.stride] * 2, pads=[shape.border] * 4)
    graph = helper.make_graph(
        [node],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(problem.weight, "w")],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
    session = onnxruntime_session(model.SerializeToString(), problem.threads)
    yield [
        Contestant(
            "onnxruntime-float",
            "ONNX Runtime float32, NCHW",
            lambda: session.run(None, {"x": x})[0],
            lambda y: np.asarray(y).transpose(0, 2, 3, 1),
            "float",
        )
    ]
