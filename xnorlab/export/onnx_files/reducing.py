"""Means, extremes and sums over axes, and softmax."""

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.constants import constant
from xnorlab.export.onnx_files.handlers import reads
from xnorlab.export.onnx_files.moving import move
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import Known, Magnitude
from xnorlab.runtime import ops

_OF_THE_INPUT_SCALE = (("ReduceMean", (1,)), ("ReduceMean", (-3,)))
"""Operator and axes of the mean over the channels of a map."""


@reads("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum")
def _reduce(reader: Reader, node: Node, x: Known, axes: Known | None = None) -> Known:
    keeps = bool(node.attributes.get("keepdims", 1))
    given = node.attributes.get("axes", ()) if axes is None else constant(axes, "axes").reshape(-1).tolist()
    if isinstance(x, Magnitude) and not x.mean and keeps and (node.kind, tuple(given)) in _OF_THE_INPUT_SCALE:
        return Magnitude(node.name, x.value, mean=True)
    value = reader.settled(reader.real(x))
    rank = 1 + len(reader.shape(value))
    along = sorted({axis % rank for axis in given})
    if not along or not all(-rank <= axis < rank for axis in given) or along[0] == 0:
        raise ExportError(f"axes={tuple(given)} cannot be read; the rule is axes of the value other than the batch")
    how, name = node.kind.removeprefix("Reduce").lower(), node.name if keeps else f"{node.name} {node.kind[6:].lower()}"
    if rank == 4 and how == "mean" and along == [2, 3]:
        reduced = reader.emit(name, ops.GlobalAvgPool, value)
    else:
        own = {1: 2, 2: 0, 3: 1} if rank == 4 else {axis: axis - 1 for axis in along}
        reduced = reader.emit(name, ops.Reduce, value, how=how, axes=tuple(sorted(own[axis] for axis in along)))
    return reduced if keeps else move(reader, node, reduced, lambda array: array.squeeze(tuple(along)))


@reads("Softmax", "LogSoftmax")
def _softmax(reader: Reader, node: Node, x: Known) -> Known:
    value = reader.settled(reader.real(x))
    rank = 1 + len(reader.shape(value))
    new = reader.graph.opset >= 13
    axis = node.attributes.get("axis", -1 if new else 1)
    last = 1 if rank == 4 else rank - 1
    # Before version 13 all axes from this one on were one: the same for a value with no axis behind it.
    if axis % rank != last or (not new and last != rank - 1):
        rule = "the rule is the channels of a map, or the last axis of another value"
        raise ExportError(f"axis={axis} of a value of shape {reader.shape(value)} cannot be read; {rule}")
    return reader.emit(node.name, ops.Softmax, value, log=node.kind == "LogSoftmax")
