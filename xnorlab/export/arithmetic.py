"""Handlers for sums, differences, products and quotients: of a value and a constant, and of two values."""

import operator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx import Node

from xnorlab.export import steps
from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs
from xnorlab.runtime import ops

_ADDS = (operator.add, operator.iadd, torch.add, "add", "add_")
_SUBTRACTS = (operator.sub, operator.isub, torch.sub, torch.subtract, "sub", "sub_", "subtract", "subtract_")


@packs(*_ADDS)
def _add(builder: Builder, node: Node, input: Any, other: Any, *, alpha: Any = 1) -> None:
    if _varies(input) and _varies(other):
        if alpha == 1 and _gives_back(builder, node, input, other):
            return
        _two(builder, node, "add", input, other, alpha)
        return
    if _varies(input):
        with_constant(builder, node, "add", input, other, alpha)
    else:
        scaled(builder, node, other, alpha, input)


@packs(*_SUBTRACTS)
def _subtract(builder: Builder, node: Node, input: Any, other: Any, *, alpha: Any = 1) -> None:
    if _varies(input) and _varies(other):
        if alpha == 1 and _gives_back(builder, node, input, other):
            return
        _two(builder, node, "subtract", input, other, alpha)
    elif _varies(input):
        with_constant(builder, node, "add", input, other, -alpha)
    else:
        scaled(builder, node, other, -alpha, input)


@packs(torch.rsub, "rsub")
def _reversed_subtract(builder: Builder, node: Node, input: Any, other: Any, *, alpha: Any = 1) -> None:
    if not _varies(other):
        scaled(builder, node, input, -alpha, other)
    elif alpha == 1:
        _subtract(builder, node, other, input)
    else:
        raise ExportError(f"alpha={alpha} cannot be packed with two values that depend on the input")


@packs(torch.neg, torch.negative, "neg", "neg_", "negative", operator.neg)
def _negate(builder: Builder, node: Node, input: Node) -> None:
    scaled(builder, node, input, -1, 0)


@packs(operator.pos, torch.positive, "positive")
def _positive(builder: Builder, node: Node, input: Node) -> None:
    builder.same(node, input)


@packs(operator.mul, operator.imul, torch.mul, torch.multiply, "mul", "mul_", "multiply", "multiply_")
def _multiply(builder: Builder, node: Node, input: Any, other: Any) -> None:
    if _varies(input) and _varies(other):
        _two(builder, node, "multiply", input, other)
        return
    value, constant = (input, other) if _varies(input) else (other, input)
    with_constant(builder, node, "multiply", value, constant)


@packs(operator.truediv, operator.itruediv, torch.div, torch.divide, torch.true_divide, "div", "div_", "divide")
def _divide(builder: Builder, node: Node, input: Any, other: Any, *, rounding_mode: Any = None) -> None:
    if rounding_mode is not None or not _varies(input):
        raise ExportError("can be packed as value / constant and value / value, without rounding_mode, only")
    if _varies(other):
        _two(builder, node, "divide", input, other)
        return
    with_constant(builder, node, "divide", input, other)


@packs(torch.maximum, torch.minimum, "maximum", "minimum", torch.max, torch.min, "max", "min")
def _extreme(builder: Builder, node: Node, input: Any, other: Any) -> None:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    operation = "maximum" if name.startswith("max") else "minimum"
    if _varies(input) and _varies(other):
        _two(builder, node, operation, input, other)
        return
    value, constant = (input, other) if _varies(input) else (other, input)
    with_constant(builder, node, operation, value, constant)


@packs("expand_as")
def _expand_as(builder: Builder, node: Node, input: Node, other: Any) -> None:
    if builder.traced.values[node].shape == builder.traced.values[input].shape:
        builder.same(node, input)
        return

    def refuse(name: str) -> str:
        raise ExportError("can be packed as one of two values of a sum, a product or the like only")

    builder.later(node, input, refuse, monotone=False)
    builder.settle(node)


def _varies(operand: Any) -> bool:
    return isinstance(operand, Node)


def _unspread(builder: Builder, node: Node) -> Node:
    """The value that `node` repeats over the shape of another, `node` itself where it does not."""
    while True:
        node = builder.unchanged(node)
        if node.target != "expand_as":
            return node
        node = builder.pending[node].source


def _two(builder: Builder, node: Node, operation: str, a: Node, b: Node, alpha: Any = 1) -> None:
    """Pack an operation on two values that depend on the input; the second is multiplied by `alpha` before."""
    a, b = _unspread(builder, a), _unspread(builder, b)
    shapes = [builder.traced.values[each].shape for each in (a, b)]
    if len(shapes[0]) != len(shapes[1]) or torch.broadcast_shapes(*shapes) != builder.traced.values[node].shape:
        raise ExportError(f"combines values of different shapes, {tuple(shapes[0])} and {tuple(shapes[1])}")
    orders = builder.order[a], builder.order[b]
    if (orders[0] is None) != (orders[1] is None) or (orders[0] is not None and (orders[0] != orders[1]).any()):
        raise ExportError("combines a flattened map with another vector")
    names = [builder.name_of(a), builder.name_of(b)]
    equal = shapes[0] == shapes[1]
    if operation == "subtract" and equal:  # a sum runs behind a convolution, and so does the factor ahead of it
        operation, alpha = "add", -alpha
    if alpha != 1:
        channels = builder.traced.channels(b)
        fields = {"scale": np.full(channels, alpha, np.float32), "bias": np.zeros(channels, np.float32)}
        names[1] = builder.add(ops.Affine, node, names[1], suffix="factor", **fields)
    kinds: dict[str, type[ops.Op]] = {"add": ops.Add, "multiply": ops.Multiply}
    if equal and operation in kinds:
        name = builder.add(kinds[operation], node, *names)
    else:
        name = builder.add(ops.Pairwise, node, *names, operation=operation)
    builder.give(node, name, orders[0])


def _gives_back(builder: Builder, node: Node, input: Node, other: Node) -> bool:
    """Pack (a − b) + b and (a + b) − b as a, where a is a sign; returns whether it was one of these.

    Straight-through estimators are written so: sign(x).detach() − clip(x).detach() + clip(x). torch rounds the
    difference, so that its value is ±1 up to 6e−8, and the sign itself is what is meant.
    """
    inverse = _SUBTRACTS if node.target in _ADDS else _ADDS
    commutes = inverse is _SUBTRACTS
    for sum_, last in ((input, other), (other, input)) if commutes else ((input, other),):
        inner, removed = builder.unchanged(sum_), builder.unchanged(last)
        if inner.target not in inverse or len(inner.args) != 2 or inner.kwargs:
            continue
        parts = [builder.unchanged(part) if isinstance(part, Node) else None for part in inner.args]
        kept = [0] if parts[1] is removed else []
        kept += [1] if parts[0] is removed and not commutes else []
        for index in kept:
            sign = inner.args[index]
            if isinstance(sign, Node) and builder.traced.varies(sign) and steps.find(builder, sign) is not None:
                builder.same(node, sign)
                return True
    return False


def with_constant(builder: Builder, node: Node, operation: str, value: Node, constant: Any, alpha: float = 1) -> None:
    """Pack an operation on a value and a constant, which is multiplied by `alpha` before."""
    value = _unspread(builder, value)
    array = constant_array(constant) * np.float32(alpha)
    shape = builder.traced.values[value].shape
    fits = array.ndim <= len(shape) and np.broadcast_shapes(array.shape, tuple(shape)) == tuple(shape)
    if not fits or builder.traced.values[node].shape != shape:
        raise ExportError(f"a constant of shape {array.shape} does not fit a value of shape {tuple(shape)}")
    if array.ndim == len(shape) and array.shape[0] != 1:
        raise ExportError(f"a constant of shape {array.shape} has numbers for each input of a batch")
    channels = _per_channel(array, shape)
    if channels is None or operation in ("maximum", "minimum"):
        builder.later(
            node,
            value,
            lambda name: operation_with(
                builder, node, name, operation, _all_axes(array, shape), order=builder.order[value]
            ),
            monotone=channels is not None,
        )
        return
    ones, zeros = np.ones_like(channels), np.zeros_like(channels)
    if operation == "add":
        affine(builder, node, value, ones, channels)
    elif operation == "multiply":
        affine(builder, node, value, channels, zeros)
    elif not channels.all():
        raise ExportError("divides by 0")
    elif builder.must_stay_exact(node) and (np.frexp(channels)[0] != np.copysign(0.5, channels)).any():
        divisor = builder.ordered(channels, value)
        builder.later(node, value, lambda name: builder.add(ops.Divide, node, name, divisor=divisor), monotone=True)
    else:
        affine(builder, node, value, ones / channels, zeros)


def scaled(builder: Builder, node: Node, value: Node, factor: float, constant: Any) -> None:
    """Pack factor·value + constant."""
    value = _unspread(builder, value)
    array, shape = constant_array(constant), builder.traced.values[value].shape
    channels = _per_channel(array, shape) if builder.traced.values[node].shape == shape else None
    if channels is None:
        raise ExportError(
            f"a constant of shape {array.shape} cannot be packed here; the rule is one number per channel"
        )
    affine(builder, node, value, np.full_like(channels, factor), channels)


def operation_with(
    builder: Builder,
    node: Node,
    name: str,
    operation: str,
    array: np.ndarray,
    *,
    order: np.ndarray | None = None,
    suffix: str = "",
) -> str:
    """Pack an operation on the value `name` and a constant (C, H, W) or (F,); returns the name of the result."""
    constant = array.transpose(1, 2, 0) if array.ndim == 3 else array
    if order is not None and constant.shape[-1] > 1:
        constant = constant[..., order]
    fields: dict[str, Any] = {"operation": operation, "constant": np.ascontiguousarray(constant)}
    if max(array.shape[1:], default=1) > 1:
        builder.fix(node, "has a constant for each place of the map")
    return builder.add(ops.Constant, node, name, suffix=suffix, **fields)


def affine(builder: Builder, node: Node, input: Node, scale: np.ndarray, bias: np.ndarray) -> None:
    """Pack scale·x + bias per channel: folded into the layer before it where that layer has no other reader."""

    def emit(name: str) -> str:
        before = builder.ops.get(name)
        # Folding moves roundings. Ahead of a sign that could change a bit, and there the op stays.
        alone = builder.computes[name] is input and len(input.users) == 1 and not builder.must_stay_exact(node)
        if alone and hasattr(before, "scale") and not isinstance(before, ops.Affine | ops.GroupNorm | ops.PixelNorm):
            builder.replace(name, node, _folded(before, scale, bias))
            return name
        fields: dict[str, Any] = {"scale": builder.ordered(scale, input), "bias": builder.ordered(bias, input)}
        return builder.add(ops.Affine, node, name, **fields)

    builder.later(node, input, emit, monotone=True)


def _folded(layer: Any, scale: np.ndarray, bias: np.ndarray) -> ops.Op:
    """`layer`, whose sums are times scale plus bias, with another scale and bias applied behind it."""
    own_scale = 1.0 if layer.scale is None else layer.scale.astype(np.float64)
    own_bias = 0.0 if layer.bias is None else layer.bias.astype(np.float64)
    return replace(
        layer,
        scale=(own_scale * scale).astype(np.float32) * np.ones_like(scale),
        bias=(own_bias * scale + bias).astype(np.float32),
    )


def _all_axes(array: np.ndarray, shape: torch.Size) -> np.ndarray:
    """`array` with all axes of a value of `shape` but the batch."""
    whole = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    return whole[0]


def _per_channel(array: np.ndarray, shape: torch.Size) -> np.ndarray | None:
    """`array` as float32 (C,) where it has one number, or one per channel, for a value of `shape`; else None."""
    if array.ndim > len(shape):
        return None
    whole = (1,) * (len(shape) - array.ndim) + array.shape
    if any(size != 1 for i, size in enumerate(whole) if i != 1) or whole[1] not in (1, shape[1]):
        return None
    return np.broadcast_to(array.reshape(-1), shape[1]).copy()


def constant_array(constant: Any) -> np.ndarray:
    """A number or a tensor that does not depend on the input, as float32."""
    if isinstance(constant, Node):
        raise ExportError("a parameter that depends on the input cannot be packed")
    if not isinstance(constant, Tensor | int | float | bool):
        raise ExportError(f"{constant!r} is no number and no tensor")
    return torch.as_tensor(constant, dtype=torch.float32).detach().numpy()
