"""Sums and products: of two values, and with constants, which become part of a packed layer ahead of them."""

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader, constant, ordered, reads, spread
from xnorlab.export.onnx_files.values import Constant, Draft, InputScale, Known, Value
from xnorlab.runtime import ops

_PACKED = (
    *(ops.BinaryConv, ops.BinaryWeightConv, ops.TernaryWeightConv),
    *(ops.BinaryLinear, ops.BinaryWeightLinear, ops.TernaryWeightLinear),
)


@reads("Mul")
def _mul(reader: Reader, node: Node, a: Known, b: Known) -> Value:
    if isinstance(a, InputScale | Constant):
        a, b = b, a
    if isinstance(b, InputScale):
        return _times_input_scale(reader, node, a, b)
    if not isinstance(b, Constant):
        return reader.emit(node.name, ops.Multiply, *(reader.settled(reader.real(known)) for known in (a, b)))
    draft = reader.open_draft(node, a, *_PACKED)
    if draft is not None and _lacks(draft, "scale", "bias") and not draft.fields.get("input_scale"):
        return reader.complete(node, draft, scale=spread(b.array, draft.channels, draft.rank))
    return _product(reader, node, a, b.array)


@reads("Add")
def _add(reader: Reader, node: Node, a: Known, b: Known) -> Value:
    if isinstance(a, Constant):
        a, b = b, a
    if isinstance(b, Constant):
        return _plus(reader, node, a, b.array)
    first, second = reader.real(a), reader.real(b)
    if not _same_order(first, second):
        first, second = reader.settled(first), reader.settled(second)
    return reader.emit(node.name, ops.Add, first, second, order=first.order)


@reads("Sub")
def _sub(reader: Reader, node: Node, a: Known, b: Known) -> Value:
    return _plus(reader, node, a, -_float(b))


@reads("Div")
def _div(reader: Reader, node: Node, a: Known, b: Known) -> Value:
    divisor = _float(b)
    if not divisor.all():
        raise ExportError("divides by 0")
    value = reader.real(a)
    return reader.emit(node.name, ops.Divide, value, order=value.order, divisor=reader.per_channel(value, divisor))


def _float(known: Known) -> np.ndarray:
    array = constant(known, "second input")
    if array.dtype != np.float32:
        raise ExportError(f"its second input is {array.dtype}; the rule is float")
    return array


def _lacks(draft: Draft, *fields: str) -> bool:
    return all(draft.fields.get(name) is None for name in fields)


def _same_order(a: Value, b: Value) -> bool:
    if a.order is None or b.order is None:
        return a.order is b.order
    return np.array_equal(a.order, b.order)


def _times_input_scale(reader: Reader, node: Node, a: Known, factor: InputScale) -> Value:
    draft = reader.open_draft(node, a, ops.BinaryConv)
    if draft is None or draft.signs is None or not _lacks(draft, "bias") or draft.fields.get("input_scale"):
        raise ExportError("multiplies by the input scale K what is no wholly binary convolution without a bias")
    kernel = draft.fields["words"].shape[1:3]
    same = draft.signs.value.draft is factor.value.draft
    if not same or kernel != factor.kernel or any(draft.fields[name] != v for name, v in factor.geometry.items()):
        raise ExportError("multiplies a convolution by the input scale K of another input, kernel, stride or padding")
    return reader.complete(node, draft, input_scale=True)


def _plus(reader: Reader, node: Node, a: Known, array: np.ndarray) -> Value:
    """The sum with a constant: the bias of a packed layer or of a product ahead of it, else an op of its own."""
    layer = reader.open_draft(node, a, *_PACKED)
    if layer is not None and _lacks(layer, "bias"):
        return reader.complete(node, layer, bias=spread(array, layer.channels, layer.rank))
    product = reader.open_draft(node, a, ops.Affine)
    if product is not None and product.channels:
        assert isinstance(a, Value)
        bias = ordered(a, spread(array, product.channels, product.rank))
        product.channels = 0
        return reader.complete(node, product, order=a.order, bias=bias)
    value = reader.real(a)
    bias = reader.per_channel(value, array)
    return reader.emit(node.name, ops.Affine, value, order=value.order, scale=np.ones_like(bias), bias=bias)


def _product(reader: Reader, node: Node, a: Known, array: np.ndarray) -> Value:
    """The product with a constant, to which a sum may come."""
    value = reader.real(a)
    scale = reader.per_channel(value, array)
    made = reader.emit(node.name, ops.Affine, value, order=value.order, scale=scale, bias=np.zeros_like(scale))
    made.draft.channels, made.draft.rank = len(scale), len(reader.shape(value))
    return made
