"""The content of an ONNX file as plain Python values, checked; nothing in it is executed or fetched."""

import json
import math
import os
import stat
from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.package import onnx_package
from xnorlab.printable import one_line
from xnorlab.runtime.limits import MAX_OPS, MAX_VALUES
from xnorlab.runtime.onnx_graph import METADATA

MAX_FILE_BYTES = 2**31 - 1
"""Largest file; one message of protobuf, of which an ONNX file consists, cannot be larger."""

MAX_NODES = 16 * MAX_OPS
"""Most nodes of a graph: an op of a packed network is up to 8 nodes."""

OLDEST_OPSET = 9
"""Files of older operators are refused."""

_DTYPES = {"FLOAT": np.float32, "FLOAT16": np.float32, "DOUBLE": np.float32}
_DTYPES |= {"INT64": np.int64, "INT32": np.int64, "BOOL": np.bool_}
"""ONNX's element types that a constant may have, and what it is read as."""

COMPOSED = "xnorlab"
"""The domain of what `compositions` makes of several nodes."""

_OWN = ("", "ai.onnx")
"""Names of the domain of ONNX's own operators."""


@dataclass(frozen=True)
class Node:
    """A node of the graph.

    Attributes:
        kind: the operator.
        domain: of the operator; empty for ONNX's own.
        name: of the node, or of its first output where it has none.
        inputs: names of values, empty for an optional input that is not given.
        outputs: names of values.
        attributes: numbers, texts, lists of them and arrays.
    """

    kind: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    def __str__(self) -> str:
        kind = f"{self.domain}.{self.kind}" if self.domain else self.kind
        return one_line(f"{self.name} ({kind})")[:300]


@dataclass(frozen=True)
class Graph:
    """The graph of an ONNX file.

    Attributes:
        nodes: in order.
        constants: initializers and what Constant nodes give, by name: float32, int64 or bool.
        input: the name of the one input.
        input_shape: (C, H, W) or (F,), without the batch.
        batch: the number of inputs that the file is fixed to, or None.
        outputs: names of values.
        opset: the version of ONNX's operators.
        description: what `to_onnx` wrote about the network; empty for files of others.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray]
    input: str
    input_shape: tuple[int, ...]
    batch: int | None
    outputs: tuple[str, ...]
    opset: int
    description: dict[str, Any]


def parse(path: str | os.PathLike) -> Graph:
    """The graph in a file; raises ExportError where the file is no ONNX model, or one that cannot be read here."""
    onnx = onnx_package("export.from_onnx")
    data = _content(path)
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own error types, which differ between its versions
        raise ExportError(f"is not an ONNX model ({type(error).__name__})") from None
    graph = model.graph
    if not graph.node or not graph.output:
        raise ExportError("is not an ONNX model: it has no nodes or no output")
    if len(graph.node) > MAX_NODES:
        raise ExportError(f"has {len(graph.node):,} nodes, more than {MAX_NODES:,}")
    if model.functions or graph.sparse_initializer:
        what = "functions of its own" if model.functions else "sparse initializers"
        raise ExportError(f"has {what}, which cannot be read")
    constants = {tensor.name: array(onnx, tensor) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise ExportError(f"has {len(inputs)} inputs; the rule is one")
    batch, shape = _input_shape(inputs[0])
    nodes = []
    for node in (_node(onnx, node) for node in graph.node):
        if (node.domain, node.kind) != ("", "Constant"):
            nodes.append(node)
        elif node.outputs[0] in constants:
            raise ExportError(f"{node}: its output {one_line(node.outputs[0])[:200]!r} exists already")
        else:
            constants[node.outputs[0]] = _constant(node)
    return Graph(
        nodes=tuple(nodes),
        constants=constants,
        input=inputs[0].name,
        input_shape=shape,
        batch=batch,
        outputs=tuple(value.name for value in graph.output),
        opset=_opset(model),
        description=_description(model),
    )


def _content(path: str | os.PathLike) -> bytes:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ExportError("is not a regular file")
            if not 0 < status.st_size <= MAX_FILE_BYTES:
                raise ExportError(f"has {status.st_size:,} bytes; the rule is 1 to {MAX_FILE_BYTES:,}")
            return file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise ExportError(f"cannot be read: {error.strerror}") from None


def array(onnx: Any, tensor: Any) -> np.ndarray:
    """The values of a TensorProto, as float32, int64 or bool; raises ExportError where it holds something else."""
    name = f"constant {one_line(tensor.name)[:200]!r}"
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ExportError(f"{name}: lies in another file; the rule is a file that holds its own constants")
    known = onnx.TensorProto.DataType.values()
    kind = onnx.TensorProto.DataType.Name(tensor.data_type) if tensor.data_type in known else str(tensor.data_type)
    if kind not in _DTYPES:
        raise ExportError(f"{name}: holds {kind}; the rule is one of {', '.join(_DTYPES)}")
    shape = tuple(tensor.dims)
    if len(shape) > 8 or any(size < 0 for size in shape) or math.prod(shape) > MAX_FILE_BYTES // 2:
        raise ExportError(f"{name}: has the impossible shape {shape}")
    try:
        given = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # whatever does not fit: too few bytes, a wrong field
        raise ExportError(f"{name}: its content does not fit its shape {shape} ({type(error).__name__})") from None
    if given.shape != shape:
        raise ExportError(f"{name}: its content does not fit its shape {shape}")
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(given, _DTYPES[kind]).reshape(shape)
    if values.dtype == np.float32 and np.isnan(values).any():
        raise ExportError(f"{name}: holds NaN")
    return values


def _node(onnx: Any, node: Any) -> Node:
    domain = "" if node.domain in _OWN else node.domain
    outputs = tuple(node.output)
    if not outputs or not outputs[0]:
        raise ExportError(f"{one_line(node.name)[:200]} ({one_line(node.op_type)[:50]}): has no output")
    plain = Node(node.op_type, domain, node.name or outputs[0], tuple(node.input), outputs, {})
    for attribute in node.attribute:
        plain.attributes[attribute.name] = _attribute(onnx, plain, attribute)
    return plain


def _attribute(onnx: Any, node: Node, attribute: Any) -> Any:
    kinds = onnx.AttributeProto
    if attribute.type == kinds.TENSOR:
        return array(onnx, attribute.t)
    if attribute.type == kinds.STRING:
        return attribute.s.decode("utf-8", "replace")
    fields = {kinds.INT: "i", kinds.FLOAT: "f", kinds.INTS: "ints", kinds.FLOATS: "floats"}
    if attribute.type not in fields or attribute.ref_attr_name:
        raise ExportError(f"{node}: its attribute {one_line(attribute.name)[:50]!r} is of a kind that cannot be read")
    value = getattr(attribute, fields[attribute.type])
    return tuple(value) if attribute.type in (kinds.INTS, kinds.FLOATS) else value


def _constant(node: Node) -> np.ndarray:
    """What a Constant node gives."""
    kinds = {"value": None, "value_float": np.float32, "value_floats": np.float32}
    kinds |= {"value_int": np.int64, "value_ints": np.int64}
    given = [name for name in kinds if name in node.attributes]
    if len(given) != 1:
        raise ExportError(
            f"{node}: holds a constant of a kind that cannot be read; the rule is one of {', '.join(kinds)}"
        )
    return np.asarray(node.attributes[given[0]], kinds[given[0]])


def _input_shape(value: Any) -> tuple[int | None, tuple[int, ...]]:
    """The batch, None where it is left open, and the shape behind it."""
    dims = value.type.tensor_type.shape.dim
    name = one_line(value.name)[:200]
    sizes = tuple(dim.dim_value if dim.WhichOneof("value") == "dim_value" else 0 for dim in dims)
    if len(sizes) not in (2, 4) or not all(1 <= size <= MAX_VALUES for size in sizes[1:]):
        rule = "the rule is (N, C, H, W) or (N, F) with numbers behind N"
        raise ExportError(f"its input {name!r} has shape {tuple(size or '?' for size in sizes)}; {rule}")
    return sizes[0] or None, sizes[1:]


def _opset(model: Any) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in _OWN]
    if not versions or versions[0] < OLDEST_OPSET:
        given = versions[0] if versions else "none"
        raise ExportError(f"its version of ONNX's operators is {given}; the rule is {OLDEST_OPSET} or newer")
    return versions[0]


def _description(model: Any) -> dict[str, Any]:
    texts = [entry.value for entry in model.metadata_props if entry.key == METADATA]
    if not texts:
        return {}
    try:
        described = json.loads(texts[0])
    except (ValueError, RecursionError):
        described = None
    if not isinstance(described, dict):
        raise ExportError(f"is altered: its metadata {METADATA!r} is no JSON object")
    return described
