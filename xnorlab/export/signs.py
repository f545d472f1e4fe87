"""Handlers for signs and comparisons: xnorlab's own input binarizers, and those of a model's own code."""

import operator
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node

from xnorlab.export.arithmetic import constant_array
from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import TAKES_STEPS, packs
from xnorlab.runtime import ops

_SIGNS = (torch.sign, torch.sgn, "sign", "sign_", "sgn", "sgn_")
_COMPARISONS = (
    *(operator.gt, operator.ge, operator.lt, operator.le, torch.gt, torch.ge, torch.lt, torch.le),
    *(torch.greater, torch.greater_equal, torch.less, torch.less_equal),
    *("gt", "ge", "lt", "le", "greater", "greater_equal", "less", "less_equal"),
)
TAKES_STEPS.update({*_SIGNS, *_COMPARISONS, torch.where, torch.copysign})


def _refuse(name: str) -> str:
    raise AssertionError("a step is packed by its levels")


@packs(*_SIGNS)
def _sign(builder: Builder, node: Node, input: Node) -> None:
    builder.later(node, input, _refuse, monotone=True, takes_steps=True)


@packs(torch.copysign)
def _copysign(builder: Builder, node: Node, input: Any, other: Any) -> None:
    # −0 + 0 is +0, so that behind a sum with 0 the sign bit is that of x < 0.
    inner = builder.unchanged(other) if isinstance(other, Node) else None
    if isinstance(input, Node) or inner is None or inner.target not in (operator.add, torch.add, "add"):
        raise ExportError("can be packed as copysign(constant, x + 0.0) only: without the sum it tells −0 from +0")
    builder.later(node, other, _refuse, monotone=True, takes_steps=True)


@packs(*_COMPARISONS)
def _compare(builder: Builder, node: Node, input: Any, other: Any) -> None:
    if isinstance(input, Node) and isinstance(other, Node):
        raise ExportError("compares two values that depend on the input; only one with a constant can be packed")
    builder.later(node, input if isinstance(input, Node) else other, _refuse, monotone=True, takes_steps=True)


@packs(torch.logical_not, "logical_not", operator.invert, operator.not_)
def _not(builder: Builder, node: Node, input: Node) -> None:
    builder.later(node, input, _refuse, monotone=True, takes_steps=True)


@packs(torch.where)
def _where(builder: Builder, node: Node, condition: Any, input: Any, other: Any) -> None:
    """Two constants are a step; of values c·a + (1 − c)·b is exact, c being 0 or 1."""
    if not isinstance(condition, Node):
        raise ExportError("can be packed with a condition that depends on the input only")
    constants = [None if isinstance(value, Node) else constant_array(value) for value in (input, other)]
    if all(constant is not None and constant.size == 1 for constant in constants):
        yes, no = (torch.tensor(float(constant.reshape(-1)[0])) for constant in constants if constant is not None)

        def compute(mask: Tensor) -> Tensor:
            return torch.where(mask != 0, yes, no)

        builder.later(node, condition, _refuse, monotone=True, compute=compute, takes_steps=True)
        return
    _chosen(builder, node, condition, input, other)


@packs("where")
def _where_method(builder: Builder, node: Node, input: Any, condition: Any, other: Any) -> None:
    _where(builder, node, condition, input, other)


@packs("masked_fill", "masked_fill_", torch.masked_fill)
def _masked_fill(builder: Builder, node: Node, input: Any, mask: Any, value: Any) -> None:
    _where(builder, node, mask, value, input)


def _chosen(builder: Builder, node: Node, condition: Node, yes: Any, no: Any) -> None:
    """Pack the choice between two values by a condition of their shape."""
    shape, channels = builder.traced.values[node].shape, builder.traced.channels(node)
    for part in (condition, yes, no):
        if isinstance(part, Node) and (builder.traced.values[part].shape != shape or builder.order[part] is not None):
            raise ExportError("can be packed for a condition and values of one shape only")
    mask = builder.name_of(condition)
    terms = []
    for suffix, value, sign in (("yes", yes, 1.0), ("no", no, -1.0)):
        if isinstance(value, Node):
            weight = mask if sign > 0 else _affine(builder, node, mask, "not", [-1.0] * channels, [1.0] * channels)
            terms.append(builder.add(ops.Multiply, node, weight, builder.name_of(value), suffix=suffix))
        else:
            numbers = constant_array(value).reshape(-1)
            if numbers.size not in (1, channels):
                raise ExportError("can be packed with one constant, or one per channel, only")
            numbers = numbers.tolist() * (channels if numbers.size == 1 else 1)
            offsets = [0.0 if sign > 0 else number for number in numbers]
            terms.append(_affine(builder, node, mask, suffix, [sign * number for number in numbers], offsets))
    builder.give(node, builder.add(ops.Add, node, *terms))


def _affine(builder: Builder, node: Node, name: str, suffix: str, scale: list[float], bias: list[float]) -> str:
    fields = {"scale": torch.tensor(scale).numpy(), "bias": torch.tensor(bias).numpy()}
    return builder.add(ops.Affine, node, name, suffix=suffix, **fields)


def sign_module(builder: Builder, node: Node, module: nn.Module, input: Node) -> None:
    """Pack an input binarizer that gives −1 and +1."""
    builder.later(node, input, _refuse, monotone=True, takes_steps=True)
