"""Convolutions in other engines: torch, OpenVINO in float, int8 and binary form, ONNX Runtime."""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from xnorlab.benchmark import Contestant, ConvProblem, Ready, UnsupportedError
from xnorlab.benchmark.quantization import HALF_RANGE, Grid
from xnorlab.peers.engine_threads import onnxruntime_session, openvino_request, torch_threads
from xnorlab.peers.openvino_int8 import int8_weight, on_grid, sums_in_int8


@contextmanager
def _torch(problem: ConvProblem, channels_last: bool) -> Iterator[Ready]:
    """The float32 convolution of torch (oneDNN), called as a layer calls it.

    OpenVINO and ONNX Runtime convert a model's weights to their layout once. Torch gets them in each call, which takes
    a noticeable part of the time with many channels and few pixels.
    """
    import torch
    import torch.nn.functional as F

    shape = problem.shape
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.from_numpy(problem.x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    weight = torch.from_numpy(problem.weight).contiguous(memory_format=layout)
    with torch_threads(problem.threads):
        yield Ready(
            lambda: F.conv2d(x, weight, stride=shape.stride, padding=shape.border, groups=shape.groups),
            lambda y: y.permute(0, 2, 3, 1).numpy(),
        )


@contextmanager
def _openvino_float(problem: ConvProblem) -> Iterator[Ready]:
    import openvino.opset1 as op

    shape = problem.shape
    convolution = op.convolution if shape.groups == 1 else op.group_convolution
    groups = () if shape.groups == 1 else (shape.groups, shape.n_filters // shape.groups)
    weight = op.constant(problem.weight.reshape(*(groups or (shape.n_filters,)), *problem.weight.shape[1:]))
    yield _openvino(problem, lambda planes, geometry: convolution(planes, weight, *geometry))[0]


@contextmanager
def _openvino_int8(problem: ConvProblem) -> Iterator[Ready]:
    """OpenVINO's int8 convolution, with the range of the timed input and weights of seven bits; see `quantization`."""
    import openvino.opset1 as op

    _without_groups(problem)
    weight, grid = int8_weight(problem.weight, largest=HALF_RANGE), Grid.of(problem.x)
    ready, request = _openvino(
        problem, lambda planes, geometry: op.convolution(on_grid(planes, grid), weight, *geometry)
    )
    if not sums_in_int8(request):
        raise UnsupportedError(f"OpenVINO has no int8 kernel for {problem.shape} on this processor")
    yield ready


@contextmanager
def _openvino_binary(problem: ConvProblem) -> Iterator[Ready]:
    """OpenVINO's own BinaryConvolution.

    It reads bits from a FakeQuantize node of two levels whose outputs are exactly 0 and 1. With −1 and +1, which the
    documentation of the operation suggests, the CPU plugin computes the signs in float32 and converts them one by one,
    which took 0.53 instead of 0.17 ms at 64@56.
    """
    import openvino as ov
    import openvino.opset1 as op

    _without_groups(problem)
    shape = problem.shape
    if shape.channels % 8:  # its packed pixels and filters are whole bytes; other counts give wrong sums
        raise UnsupportedError(f"OpenVINO's BinaryConvolution takes channels in eights, not {shape.channels}")
    one = np.ones((1, shape.channels, 1, 1), np.float32)
    # x > −1e-30 is x >= 0 for all but the tiniest negative numbers; denormals are not told from 0.
    threshold = op.constant(-1e-30 * one)
    # OpenVINO keeps a pointer to this array, not a copy: it must outlive the model.
    bits = np.packbits(problem.weight.reshape(-1) >= 0, bitorder="little")
    packed = ov.op.Constant(ov.Tensor(bits, ov.Shape(list(problem.weight.shape)), ov.Type.u1))

    def binary(planes: Any, geometry: Any) -> Any:
        signs = op.fake_quantize(planes, threshold, threshold, op.constant(0 * one), op.constant(one), 2)
        return op.binary_convolution(signs, packed, *geometry, "xnor-popcount", float(shape.pad_value))

    try:
        ready, _ = _openvino(problem, binary)
    except RuntimeError as error:
        if "unsupported parameters" not in str(error):
            raise
        # padding is wide beside the map, such as 11 × 11 on 14
        raise UnsupportedError(f"OpenVINO's BinaryConvolution has no kernel for {shape}") from error
    yield ready


def _without_groups(problem: ConvProblem) -> None:
    if problem.shape.groups > 1:
        raise UnsupportedError("this engine is timed without groups")


def _openvino(problem: ConvProblem, convolution: Any) -> tuple[Ready, Any]:
    """An OpenVINO model of convolution(planes, geometry) on float NHWC data, prepared, and its inference request."""
    import openvino as ov
    import openvino.opset1 as op

    shape = problem.shape
    geometry = ([shape.stride] * 2, [shape.border] * 2, [shape.border] * 2, [1, 1])
    x = op.parameter(list(problem.x.shape), np.float32)
    planes = op.transpose(x, op.constant(np.array([0, 3, 1, 2])))
    y = op.transpose(convolution(planes, geometry), op.constant(np.array([0, 2, 3, 1])))
    model = ov.Model([y], [x], "convolution")  # pyright: ignore  # two modules export the one class
    request = openvino_request(model, problem.x, problem.threads)
    return Ready(request.infer, lambda _: request.get_output_tensor().data), request


@contextmanager
def _onnxruntime(problem: ConvProblem) -> Iterator[Ready]:
    from onnx import TensorProto, helper, numpy_helper

    shape = problem.shape
    x = np.ascontiguousarray(problem.x.transpose(0, 3, 1, 2))
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], strides=[shape.stride] * 2, pads=[shape.border] * 4, group=shape.groups
    )
    graph = helper.make_graph(
        [node],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(problem.weight, "w")],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)])
    session = onnxruntime_session(model.SerializeToString(), problem.threads)
    yield Ready(lambda: session.run(None, {"x": x})[0], lambda y: np.asarray(y).transpose(0, 2, 3, 1))


TORCH_CONVS = (
    Contestant("torch-nchw", "torch float32, NCHW", "float", partial(_torch, channels_last=False)),
    Contestant("torch-channels-last", "torch float32, channels-last", "float", partial(_torch, channels_last=True)),
)
"""The float32 convolution of torch in its two layouts."""

CONVS = (
    *TORCH_CONVS,
    Contestant("openvino-float", "OpenVINO float32, NHWC", "float", _openvino_float),
    Contestant("openvino-int8", "OpenVINO int8, float in and out, NHWC", "int8", _openvino_int8),
    Contestant(
        "openvino-binary", "OpenVINO BinaryConvolution, float in and out, NHWC, without α", "signs", _openvino_binary
    ),
    Contestant("onnxruntime-float", "ONNX Runtime float32, NCHW", "float", _onnxruntime),
)
"""All contestants that a convolution is compared with."""
