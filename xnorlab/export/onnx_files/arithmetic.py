"""Sums, products, quotients: of two values, and with constants, which become part of a layer ahead of them."""

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.activations import activation
from xnorlab.export.onnx_files.constants import ordered, spread
from xnorlab.export.onnx_files.handlers import reads_each_value
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import Constant, Draft, InputScale, Known, Value
from xnorlab.runtime import ops

_PACKED = (
    *(ops.BinaryConv, ops.BinaryWeightConv, ops.TernaryWeightConv),
    *(ops.BinaryLinear, ops.BinaryWeightLinear, ops.TernaryWeightLinear),
)


_MINUS_ONE = np.array(-1, np.float32)
_NORMS = (ops.GroupNorm, ops.PixelNorm)


@reads_each_value("Mul")
def _mul(reader: Reader, node: Node, a: Known, b: Known) -> Value:
    if isinstance(a, InputScale | Constant):
        a, b = b, a
    if isinstance(b, InputScale):
        return _times_input_scale(reader, node, a, b)
    if isinstance(b, Constant):
        return with_constant(reader, node, "multiply", a, b.array)
    return activation(reader, node, a, "square") if a is b else _pairwise(reader, node, "multiply", a, b)


@reads_each_value("Add")
def _add(reader: Reader, node: Node, a: Known, b: Known) -> Value:
    if isinstance(a, Constant):
        a, b = b, a
    if isinstance(b, Constant):
        return with_constant(reader, node, "add", a, b.array)
    return _pairwise(reader, node, "add", a, b)


@reads_each_value("Sub")
def _sub(reader: Reader, node: Node, a: Known, b: Known) -> Value:
    if isinstance(b, Constant):
        return with_constant(reader, node, "add", a, -_float(b.array))
    if isinstance(a, Constant):
        value = reader.real(b)
        bias = reader.per_channel(value, _float(a.array))
        fields = {"scale": np.full_like(bias, -1), "bias": bias}
        return reader.emit(node.name, ops.Affine, value, order=value.order, **fields)
    return _pairwise(reader, node, "subtract", a, b)


@reads_each_value("Neg")
def _neg(reader: Reader, node: Node, x: Known) -> Value:
    return _product(reader, node, x, _MINUS_ONE)


@reads_each_value("Div")
def _div(reader: Reader, node: Node, a: Known, b: Known) -> Value:
    if isinstance(b, Constant):
        return with_constant(reader, node, "divide", a, b.array)
    return _pairwise(reader, node, "divide", a, b)


@reads_each_value("Max", "Min")
def _extreme(reader: Reader, node: Node, a: Known, b: Known) -> Value:
    operation = "maximum" if node.kind == "Max" else "minimum"
    if isinstance(a, Constant):
        a, b = b, a
    if isinstance(b, Constant):
        return with_constant(reader, node, operation, a, b.array)
    return _pairwise(reader, node, operation, a, b)


def _pairwise(reader: Reader, node: Node, operation: str, a: Known, b: Known) -> Value:
    """An operation on two values of one shape, or of which one is spread over the other."""
    first, second = reader.real(a), reader.real(b)
    if not _same_order(first, second):
        first, second = reader.settled(first), reader.settled(second)
    kinds: dict[str, type[ops.Op]] = {"add": ops.Add, "multiply": ops.Multiply}
    if reader.shape(first) == reader.shape(second) and operation in kinds:
        return reader.emit(node.name, kinds[operation], first, second, order=first.order)
    return reader.emit(node.name, ops.Pairwise, first, second, order=first.order, operation=operation)


def with_constant(reader: Reader, node: Node, operation: str, x: Known, array: np.ndarray) -> Value:
    """An operation on a value and a constant, which may become part of the layer ahead of it."""
    array = _float(array)
    if not _is_per_channel(array, _rank(reader, node, x)):
        return _with_every_place(reader, node, operation, x, array)
    if operation == "add":
        return _plus(reader, node, x, array)
    if operation == "multiply":
        return _times(reader, node, x, array)
    value = reader.real(x)
    if operation == "divide":
        if not array.all():
            raise ExportError("divides by 0")
        return reader.emit(node.name, ops.Divide, value, order=value.order, divisor=reader.per_channel(value, array))
    return _with_every_place(reader, node, operation, value, array)


def _rank(reader: Reader, node: Node, x: Known) -> int:
    """Axes of a value without the batch; an op to whose fields a constant may come stays open."""
    draft = reader.open_draft(node, x, *_PACKED, *_NORMS, ops.Affine)
    return draft.rank if draft is not None and draft.channels else len(reader.shape(reader.real(x)))


def _is_per_channel(array: np.ndarray, rank: int) -> bool:
    """Whether ONNX spreads a constant over a value of `rank` axes without the batch as one number per channel."""
    full = (1,) * (1 + rank - array.ndim) + array.shape
    return len(full) == 1 + rank and all(size == 1 for axis, size in enumerate(full) if axis != 1)


def _with_every_place(reader: Reader, node: Node, operation: str, x: Known, array: np.ndarray) -> Value:
    """An operation on a value and a constant that may differ from place to place of a map."""
    value = reader.real(x)
    rank = len(reader.shape(value))
    full = array.reshape((1,) * (1 + rank - array.ndim) + array.shape)
    if full.ndim != 1 + rank or full.shape[0] != 1:
        raise ExportError(f"takes a constant of shape {array.shape} for a value of {1 + rank} axes with the batch")
    own = full[0].transpose(1, 2, 0) if rank == 3 else full[0]
    if max(own.shape[:2] if rank == 3 else (1,)) > 1:
        reader.fix(node, "has a constant for each place of the map")
    own = ordered(value, own) if own.shape[-1:] != (1,) else own
    constant = np.ascontiguousarray(own)
    return reader.emit(node.name, ops.Constant, value, order=value.order, operation=operation, constant=constant)


def _float(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.float32:
        raise ExportError(f"takes a constant {array.dtype}; the rule is float")
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


def _times(reader: Reader, node: Node, a: Known, array: np.ndarray) -> Value:
    """The product with a constant: the scale of a packed layer or of a norm ahead of it, else an op of its own."""
    layer = reader.open_draft(node, a, *_PACKED, *_NORMS)
    if layer is None or not layer.channels or not _lacks(layer, "scale", "bias") or layer.fields.get("input_scale"):
        return _product(reader, node, a, array)
    assert isinstance(a, Value)
    scale = ordered(a, spread(array, layer.channels, layer.rank))
    return reader.complete(node, layer, order=a.order, scale=scale)


def _plus(reader: Reader, node: Node, a: Known, array: np.ndarray) -> Value:
    """The sum with a constant: the bias of a packed layer, a norm or a product ahead of it, else an op of its own."""
    layer = reader.open_draft(node, a, *_PACKED, *_NORMS)
    if layer is not None and layer.channels and _lacks(layer, "bias"):
        assert isinstance(a, Value)
        bias = ordered(a, spread(array, layer.channels, layer.rank))
        return reader.complete(node, layer, order=a.order, bias=bias)
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
