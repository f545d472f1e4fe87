"""A float network of the runtime as an ONNX graph, which both OpenVINO and ONNX Runtime read."""

# pyright: reportMissingImports=false
# The peers are optional; where they are not installed, types are checked without them.

from typing import Any

import numpy as np

from xnorlab.runtime import Network
from xnorlab.runtime.graph import INPUT, infer_shapes


def onnx_model(network: Network, shape: tuple[int, ...]) -> bytes:
    """Serialise `network` as an ONNX model; every op says how, in its `to_onnx`.

    Args:
        network: whose ops all have a counterpart in ONNX.
        shape: (N, C, H, W) of the input, which is named "x"; `value_name` names each op's output.

    Returns:
        The serialised model.

    Raises:
        ValueError: an op has no counterpart.
    """
    from onnx import TensorProto, helper

    graph = _Graph()
    shapes = infer_shapes(network.ops, network.input_shape)
    for op in network.ops:
        op.to_onnx(graph, [value_name(name) for name in op.inputs], len(shapes[op.inputs[0]]))
        graph.nodes[-1].output[0] = value_name(op.name)
    model = helper.make_graph(
        graph.nodes,
        "network",
        [helper.make_tensor_value_info(value_name(INPUT), TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(value_name(network.ops[-1].name), TensorProto.FLOAT, None)],
        graph.tensors,
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(model, ir_version=9, opset_imports=opsets).SerializeToString()


def value_name(op_name: str) -> str:
    """The name of the op's output in the graph; "x" for the input."""
    return "x" if op_name == INPUT else f"value {op_name}"


class _Graph:
    """Nodes and tensors of an ONNX graph in the making, a `runtime.ops.base.OnnxGraph`."""

    def __init__(self):
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Append a node; returns the name of its output."""
        from onnx import helper

        name = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def tensor(self, value: np.ndarray) -> str:
        """Add a constant, as float32; returns its name."""
        return self._constant(np.ascontiguousarray(value, np.float32))

    def integers(self, *values: int) -> str:
        """Add a constant (n,), as int64; returns its name."""
        return self._constant(np.array(values, np.int64))

    def _constant(self, value: np.ndarray) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(value, name))
        return name

    def per_channel(self, value: np.ndarray, rank: int) -> str:
        """Add a constant (C,) that fits values of `rank` axes without the batch; returns its name."""
        return self.tensor(value[:, None, None] if rank == 3 else value)
