"""A float network of our runtime as an ONNX graph, which both OpenVINO and ONNX Runtime read."""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

from typing import Any

import numpy as np

from xnorlab.runtime import Network
from xnorlab.runtime import ops as rt
from xnorlab.runtime.graph import INPUT


def onnx_model(network: Network, shape: tuple[int, ...]) -> bytes:
    """`network` for inputs "x" of `shape` (N, C, H, W), serialised; each op's output is named as by `value_name`.

    Raises ValueError for an op that is not real.
    """
    from onnx import TensorProto, helper

    graph = _Graph()
    names = {INPUT: value_name(INPUT)}
    ranks = {INPUT: len(network.input_shape)}
    for op in network.ops:
        ranks[op.name] = 1 if isinstance(op, rt.Flatten | rt.Linear) else ranks[op.inputs[0]]
        graph.add(op, [names[name] for name in op.inputs], ranks[op.inputs[0]])
        names[op.name] = graph.nodes[-1].output[0] = value_name(op.name)
    model = helper.make_graph(
        graph.nodes,
        "network",
        [helper.make_tensor_value_info(names[INPUT], TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(names[network.ops[-1].name], TensorProto.FLOAT, None)],
        graph.tensors,
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(model, ir_version=9, opset_imports=opsets).SerializeToString()


def value_name(op_name: str) -> str:
    """What the output of the op is called in the graph; "x" for the input."""
    return "x" if op_name == INPUT else f"value {op_name}"


class _Graph:
    """Nodes and tensors of an ONNX graph in the making."""

    def __init__(self):
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        from onnx import helper

        name = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def tensor(self, value: np.ndarray) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def per_channel(self, value: np.ndarray, rank: int) -> str:
        return self.tensor(value[:, None, None] if rank == 3 else value)

    def add(self, op: rt.Op, inputs: list[str], rank: int) -> None:
        """Append the nodes of one op, the last of which gives its output. rank: axes of its input without the batch."""
        match op:
            case rt.Conv():
                self._conv(op, inputs)
            case rt.Linear():
                weight = op.weight if op.scale is None else op.weight * op.scale[:, None]
                bias = [] if op.bias is None else [self.tensor(op.bias)]
                self.node("Gemm", [*inputs, self.tensor(weight), *bias], transB=1)
            case rt.Affine():
                scaled = self.node("Mul", [*inputs, self.per_channel(op.scale, rank)])
                self.node("Add", [scaled, self.per_channel(op.bias, rank)])
            case rt.PReLU():
                self.node("PRelu", [*inputs, self.per_channel(op.slope, rank)])
            case rt.Hardtanh():
                limits = [self.tensor(np.array(op.low)), self.tensor(np.array(op.high))]
                self.node("Clip", [*inputs, *limits])
            case rt.MaxPool():
                self.node("MaxPool", inputs, **_window(op))
            case rt.AvgPool():
                self.node("AveragePool", inputs, **_window(op), count_include_pad=1)
            case rt.Flatten():
                # ours runs over channels last; where the map is 1 × 1 engines drop the transposition
                self.node("Flatten", [self.node("Transpose", inputs, perm=[0, 2, 3, 1])])
            case rt.ReLU() | rt.Add() | rt.GlobalAvgPool():
                kinds = {"relu": "Relu", "add": "Add", "global_avg_pool": "GlobalAveragePool"}
                self.node(kinds[op.kind], inputs)
            case _:
                raise ValueError(f"{op.name}: {op.kind} has no counterpart here; only float networks become ONNX")

    def _conv(self, op: rt.Conv, inputs: list[str]) -> None:
        weight = op.weight if op.scale is None else op.weight * op.scale[:, None, None, None]
        bias = [] if op.bias is None else [self.tensor(op.bias)]
        self.node(
            "Conv",
            [*inputs, self.tensor(weight.transpose(0, 3, 1, 2)), *bias],
            strides=op.stride,
            pads=[*op.padding, *op.padding],
            dilations=op.dilation,
            group=op.groups,
        )


def _window(op: rt.MaxPool | rt.AvgPool) -> dict[str, Any]:
    return {"kernel_shape": op.kernel, "strides": op.stride, "pads": [*op.padding, *op.padding]}
