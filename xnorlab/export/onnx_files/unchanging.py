"""Nodes that give what they are given."""

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.handlers import reads
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import Constant, Known

_FLOAT, _INT32, _INT64, _BOOL, _FLOAT16, _DOUBLE = 1, 6, 7, 9, 10, 11
"""Numbers of ONNX's element types."""

_TYPES = {_FLOAT: "float32", _FLOAT16: "float32", _DOUBLE: "float32", _INT32: "int64", _INT64: "int64", _BOOL: "bool"}
"""What a constant of a type is read as."""


@reads("Identity", "Dropout")
def _identity(reader: Reader, node: Node, x: Known, *options: Known) -> Known:
    """What changes nothing in evaluation."""
    return x


@reads("Cast")
def _cast(reader: Reader, node: Node, x: Known) -> Known:
    to = node.attributes.get("to")
    if isinstance(x, Constant) and to in _TYPES:
        return Constant(x.array.astype(_TYPES[to]))
    if isinstance(x, Constant) or to != _FLOAT:
        raise ExportError(f"to={to} cannot be read; the rule is {_FLOAT}, float, which all values are")
    return x
