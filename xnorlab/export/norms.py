"""Handlers for norms: by running statistics, which are one multiply-add, and by an input's own."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.export.arithmetic import affine, constant_array, operation_with
from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs
from xnorlab.nn import Shift
from xnorlab.runtime import ops


@packs(nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)
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
    affine(builder, node, input, constant_array(factor)[0], constant_array(constant)[0])


@packs(Shift)
def _shift(builder: Builder, node: Node, module: Shift, input: Node) -> None:
    shift = constant_array(module.bias)
    affine(builder, node, input, np.ones_like(shift), shift)


@packs(nn.InstanceNorm1d, nn.InstanceNorm2d)
def _instance_norm_module(builder: Builder, node: Node, module: nn.InstanceNorm2d, input: Node) -> None:
    running = module.running_mean, module.running_var
    _instance_norm(builder, node, input, *running, module.weight, module.bias, running[0] is None, eps=module.eps)


@packs(F.instance_norm)
def _instance_norm(
    builder: Builder,
    node: Node,
    input: Node,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
) -> None:
    if builder.traced.values[input].dim() != 4:
        raise ExportError("normalises something that is no map (N, C, H, W)")
    if not use_input_stats:
        _batch_norm(builder, node, input, running_mean, running_var, weight, bias, eps=eps)
        return
    _group_norm(builder, node, input, builder.traced.channels(input), weight, bias, eps)


@packs(nn.GroupNorm)
def _group_norm_module(builder: Builder, node: Node, module: nn.GroupNorm, input: Node) -> None:
    _group_norm(builder, node, input, module.num_groups, module.weight, module.bias, module.eps)


@packs(F.group_norm, torch.group_norm)
def _group_norm(
    builder: Builder, node: Node, input: Node, num_groups: int, weight: Any = None, bias: Any = None, eps=1e-5, *_: Any
) -> None:
    if builder.order[input] is not None and num_groups != 1:
        raise ExportError("normalises groups of a flattened map, which cannot be packed")
    fields = {"groups": int(num_groups), "eps": float(eps), **_learned(builder, input, weight, bias)}
    builder.give(node, builder.add(ops.GroupNorm, node, builder.name_of(input), **fields), builder.order[input])


@packs(nn.LayerNorm)
def _layer_norm_module(builder: Builder, node: Node, module: nn.LayerNorm, input: Node) -> None:
    _layer_norm(builder, node, input, module.normalized_shape, module.weight, module.bias, module.eps)


@packs(F.layer_norm, torch.layer_norm)
def _layer_norm(
    builder: Builder,
    node: Node,
    input: Node,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps=1e-5,
    *_: Any,
) -> None:
    value = builder.traced.values[input]
    if value.dim() == 4 and tuple(normalized_shape) == (value.shape[3],):
        _pixel_norm(builder, node, input, weight, bias, eps)
        return
    if len(normalized_shape) != value.dim() - 1:
        raise ExportError(
            f"normalises the last {len(normalized_shape)} of {value.dim()} dimensions; what can be packed is the last "
            "3 of a map, the last of a vector, and the last of a map whose channels were moved there"
        )
    if value.dim() == 2:
        _group_norm(builder, node, input, 1, weight, bias, eps)
        return
    name = builder.add(
        ops.GroupNorm, node, builder.name_of(input), suffix="" if weight is None else "normed", groups=1, eps=float(eps)
    )
    for operation, part, last in (("multiply", weight, bias is None), ("add", bias, True)):
        if part is not None:
            name = operation_with(builder, node, name, operation, constant_array(part), suffix="" if last else "scaled")
    builder.give(node, name)


def _pixel_norm(builder: Builder, node: Node, input: Node, weight: Any, bias: Any, eps: float) -> None:
    """Pack a norm over the channels of a map that torch has as (N, H, W, C); what comes out is moved back likewise."""
    moved = builder.moved(input)
    if not moved.has_channels_last:
        raise ExportError("normalises the last dimension of something that is no map with its channels moved last")
    learned = {"scale": weight, "bias": bias}
    fields = {name: constant_array(part).copy() for name, part in learned.items() if part is not None}
    name = builder.add(ops.PixelNorm, node, moved.base.emit(), suffix="pixels", eps=float(eps), **fields)
    builder.move(node, moved.with_map(name, moved.base.shape[1]))


def _learned(builder: Builder, input: Node, weight: Any, bias: Any) -> dict[str, np.ndarray]:
    parts = {"scale": weight, "bias": bias}
    return {
        name: builder.ordered(constant_array(part), input).copy() for name, part in parts.items() if part is not None
    }
