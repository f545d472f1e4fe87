"""Handlers for what works on each value alone: norms, activations, sums, shifts, and steps that change nothing.

The docstring of `xnorlab.runtime.ops` says how to add an elementwise op.
"""

import operator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.export.builder import Builder, packs
from xnorlab.export.errors import ExportError
from xnorlab.nn import Shift
from xnorlab.runtime import ops

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)


@packs(nn.Identity, *_DROPOUTS)
def _identity_module(builder: Builder, node: Node, module: nn.Module, input: Node) -> None:
    builder.same(node, input)


@packs(F.dropout, F.dropout1d, F.dropout2d, F.alpha_dropout)
def _dropout(builder: Builder, node: Node, input: Node, p=0.5, training=True, inplace=False) -> None:
    if training:
        raise ExportError("is active in evaluation; pass training=self.training")
    builder.same(node, input)


@packs("contiguous")
def _contiguous(builder: Builder, node: Node, input: Node) -> None:
    builder.same(node, input)


@packs(nn.ReLU)
def _relu_module(builder: Builder, node: Node, module: nn.ReLU, input: Node) -> None:
    _relu(builder, node, input)


@packs(F.relu, F.relu_, torch.relu, torch.relu_, "relu", "relu_")
def _relu(builder: Builder, node: Node, input: Node, inplace=False) -> None:
    builder.later(node, input, lambda name: builder.add(ops.ReLU, node, name), monotone=True)


@packs(nn.PReLU)
def _prelu_module(builder: Builder, node: Node, module: nn.PReLU, input: Node) -> None:
    _prelu(builder, node, input, module.weight)


@packs(F.prelu, torch.prelu, "prelu")
def _prelu(builder: Builder, node: Node, input: Node, weight: Any) -> None:
    slope = _constant_array(weight).reshape(-1)
    slope = np.broadcast_to(slope, builder.traced.channels(node)).copy()

    def emit(name: str) -> str:
        return builder.add(ops.PReLU, node, name, slope=builder.ordered(slope, input))

    builder.later(node, input, emit, monotone=bool((slope >= 0).all()))


@packs(nn.Hardtanh)
def _hardtanh_module(builder: Builder, node: Node, module: nn.Hardtanh, input: Node) -> None:
    _hardtanh(builder, node, input, module.min_val, module.max_val)


@packs(F.hardtanh, F.hardtanh_)
def _hardtanh(builder: Builder, node: Node, input: Node, min_val=-1.0, max_val=1.0, inplace=False) -> None:
    low, high = float(min_val), float(max_val)
    builder.later(node, input, lambda name: builder.add(ops.Hardtanh, node, name, low=low, high=high), monotone=True)


@packs(torch.clamp, torch.clip, "clamp", "clamp_", "clip", "clip_")
def _clamp(builder: Builder, node: Node, input: Node, min: Any = None, max: Any = None) -> None:
    if not isinstance(min, int | float) or not isinstance(max, int | float):
        raise ExportError("can be packed with two numbers as bounds only")
    _hardtanh(builder, node, input, min, max)


@packs(nn.BatchNorm1d, nn.BatchNorm2d)
def _batch_norm_module(builder: Builder, node: Node, module: nn.BatchNorm2d, input: Node) -> None:
    if module.running_mean is None:
        raise ExportError("has no running statistics (track_running_stats=False): it depends on the batch")
    _batch_norm(
        builder, node, input, module.running_mean, module.running_var, module.weight, module.bias, eps=module.eps
    )


@packs(F.batch_norm)
def _batch_norm(
    builder: Builder,
    node: Node,
    input: Node,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training=False,
    momentum=0.1,
    eps=1e-5,
) -> None:
    if training:
        raise ExportError("normalises by the batch in evaluation; pass training=self.training")
    # torch itself gives its coefficients, with every rounding: y = scale·x + bias at x = 0 and, without
    # mean and bias, at x = 1.
    zero = torch.zeros_like(running_mean)
    point = (1, len(zero))
    constant = F.batch_norm(torch.zeros(point), running_mean, running_var, weight, bias, eps=eps)
    factor = F.batch_norm(torch.ones(point), zero, running_var, weight, None, eps=eps)
    _affine(builder, node, input, _constant_array(factor)[0], _constant_array(constant)[0])


def _affine(builder: Builder, node: Node, input: Node, scale: np.ndarray, bias: np.ndarray) -> None:
    """Pack scale·x + bias per channel: folded into the layer before it where that layer has no other reader."""

    def emit(name: str) -> str:
        before = builder.ops.get(name)
        # Folding moves roundings. Ahead of a sign that could change a bit, and there the op stays.
        alone = builder.computes[name] is input and len(input.users) == 1 and not builder.must_stay_exact(node)
        if alone and hasattr(before, "scale") and not isinstance(before, ops.Affine):
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


@packs(Shift)
def _shift(builder: Builder, node: Node, module: Shift, input: Node) -> None:
    shift = _constant_array(module.bias)
    _affine(builder, node, input, np.ones_like(shift), shift)


@packs(operator.add, operator.iadd, torch.add, "add", "add_")
def _add(builder: Builder, node: Node, input: Any, other: Any, *, alpha=1) -> None:
    if alpha != 1:
        raise ExportError(f"alpha={alpha} cannot be packed; only 1 can")
    if isinstance(input, Node) and isinstance(other, Node):
        if builder.traced.values[input].shape != builder.traced.values[other].shape:
            raise ExportError("adds values of different shapes")
        orders = builder.order[input], builder.order[other]
        if (orders[0] is None) != (orders[1] is None) or (orders[0] is not None and (orders[0] != orders[1]).any()):
            raise ExportError("adds a flattened map to another vector")
        builder.give(node, builder.add(ops.Add, node, builder.name_of(input), builder.name_of(other)), orders[0])
        return
    value, constant = (input, other) if isinstance(input, Node) else (other, input)
    shift = _per_channel(builder, value, constant)
    _affine(builder, node, value, np.ones_like(shift), shift)


@packs(operator.sub, operator.isub, torch.sub, "sub", "sub_")
def _subtract(builder: Builder, node: Node, input: Any, other: Any, *, alpha=1) -> None:
    if alpha != 1 or not isinstance(input, Node) or isinstance(other, Node):
        raise ExportError("can be packed as value − constant only")
    shift = _per_channel(builder, input, other)
    _affine(builder, node, input, np.ones_like(shift), -shift)


@packs(operator.mul, operator.imul, torch.mul, "mul", "mul_")
def _multiply(builder: Builder, node: Node, input: Any, other: Any) -> None:
    if isinstance(input, Node) and isinstance(other, Node):
        raise ExportError("multiplies two values that depend on the input; only constants can be packed")
    value, constant = (input, other) if isinstance(input, Node) else (other, input)
    scale = _per_channel(builder, value, constant)
    _affine(builder, node, value, scale, np.zeros_like(scale))


def _per_channel(builder: Builder, node: Node, constant: Any) -> np.ndarray:
    """`constant`, a number or a tensor that broadcasts along channels only, as float32 (C,)."""
    value = builder.traced.values[node]
    array = _constant_array(constant)
    shape = (1,) * (value.dim() - array.ndim) + array.shape
    channels = value.shape[1]
    if len(shape) != value.dim() or any(size != 1 for i, size in enumerate(shape) if i != 1):
        raise ExportError(f"a constant of shape {array.shape} cannot be packed; the rule is one number per channel")
    if shape[1] not in (1, channels):
        raise ExportError(f"a constant of shape {array.shape} does not fit {channels} channels")
    return np.broadcast_to(array.reshape(-1), channels).copy()


def _constant_array(constant: Any) -> np.ndarray:
    if isinstance(constant, Node):
        raise ExportError("a parameter that depends on the input cannot be packed")
    return torch.as_tensor(constant, dtype=torch.float32).detach().numpy()
