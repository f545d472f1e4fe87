"""A packed network as an ONNX graph, which other engines read."""

# pyright: reportMissingImports=false
# The package onnx is optional; where it is not installed, types are checked without it.

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from xnorlab.runtime.graph import INPUT, infer_shapes
from xnorlab.runtime.network import Network
from xnorlab.runtime.ops.base import Shape

OPSET = 17
"""The version of ONNX's operators that a graph uses."""

METADATA = "xnorlab"
"""The key of the model's metadata that holds `description` as JSON."""

VALUE, OUTPUT = "value ", "output "
"""What stands ahead of an op's name in the name of its value, and ahead of the name of one of several outputs."""


def onnx_model(network: Network, shape: Sequence[int | str]) -> bytes:
    """Serialise `network` as an ONNX model; every op says how, in its `to_onnx`.

    A sign is GreaterOrEqual and Where, as ONNX's own Sign gives 0 for 0. Binary weights are float32 of −1 and +1.

    Args:
        network: whose ops all have a counterpart in ONNX.
        shape: (N, C, H, W) or (N, F) of the input, which is named "x"; a name in place of N leaves it open.
            `value_name` names each op's value. Several outputs are named "output " and their name.

    Returns:
        The serialised model.

    Raises:
        ValueError: an op has no counterpart.
    """
    from onnx import helper

    graph = _Graph()
    shapes = infer_shapes(network.ops, network.input_shape)
    for op in network.ops:
        first = len(graph.nodes)
        op.to_onnx(graph, [value_name(name) for name in op.inputs], len(shapes[op.inputs[0]]))
        graph.nodes[-1].output[0] = value_name(op.name)
        for number, node in enumerate(graph.nodes[first:]):
            node.name = op.name if first + number + 1 == len(graph.nodes) else f"{op.name} {number}"
    outputs = {value_name(network.ops[-1].name): network.ops[-1].name}
    if network.outputs:
        outputs = {OUTPUT + name: op for name, op in network.outputs.items()}
        for name, op in outputs.items():
            graph.nodes.append(helper.make_node("Identity", [value_name(op)], [name], name=name))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [_value("x", shape)],
            [_value(name, (shape[0], *_channels_first(shapes[op]))) for name, op in outputs.items()],
            graph.tensors,
        ),
        ir_version=9,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="xnorlab",
    )
    helper.set_model_props(model, {METADATA: json.dumps(description(network), sort_keys=True)})
    return model.SerializeToString()


def onnx_input_shape(network: Network) -> tuple[int | str, ...]:
    """The shape of the network's input in ONNX, (N, C, H, W) or (N, F), with the number of inputs left open."""
    return ("N", *_channels_first(network.input_shape))


def description(network: Network) -> dict[str, Any]:
    """What a packed network holds besides its graph, as JSON values."""
    return {
        "name": network.name,
        "labels": list(network.labels),
        "preprocessing": None if network.preprocessing is None else network.preprocessing.to_dict(),
        "provenance": network.provenance,
        "fixed_by": network.fixed_by,
        "unknown": None if network.unknown is None else network.unknown.to_dict(),
    }


def value_name(op_name: str) -> str:
    """The name of the op's value in the graph; "x" for the input."""
    return "x" if op_name == INPUT else VALUE + op_name


def _channels_first(shape: Shape) -> Shape:
    return (shape[2], *shape[:2]) if len(shape) == 3 else shape


def _value(name: str, shape: Sequence[int | str]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


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
