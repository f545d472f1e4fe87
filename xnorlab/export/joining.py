"""Handlers for steps that join values, and that put borders around maps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs
from xnorlab.runtime import ops

_PADS = (nn.ZeroPad2d, nn.ConstantPad2d)


@packs(torch.cat, torch.concat, torch.concatenate)
def _concatenate(builder: Builder, node: Node, tensors: Any, dim: Any = 0, *, axis: Any = None) -> None:
    values = [value for value in tensors if not isinstance(value, Node) or builder.traced.values[value].numel()]
    if not all(isinstance(value, Node) for value in values):
        raise ExportError("joins a constant to values that depend on the input; only such values can be packed")
    rank = builder.traced.values[node].dim()
    at = (dim if axis is None else axis) % rank
    if not at:
        raise ExportError("joins along the axis of the batch; no answer may depend on another input")
    if len(values) == 1:
        builder.same(node, values[0])
        return
    names, orders = zip(*(_features(builder, value) for value in values), strict=True)
    order = None
    if any(part is not None for part in orders):
        sizes = [builder.traced.channels(value) for value in values]
        starts = np.cumsum([0, *sizes[:-1]])
        parts = [np.arange(size) if part is None else part for part, size in zip(orders, sizes, strict=True)]
        order = np.concatenate([part + start for part, start in zip(parts, starts, strict=True)])
    place = _runtime_axis(at, rank) - (rank - 1)
    builder.give(node, builder.add(ops.Concatenate, node, *names, axis=place), order)


def _features(builder: Builder, value: Node) -> tuple[str, np.ndarray | None]:
    return builder.name_of(value), builder.order[value]


@packs(torch.stack)
def _stack(builder: Builder, node: Node, tensors: Any, dim: Any = 0) -> None:
    if not all(isinstance(value, Node) for value in tensors):
        raise ExportError("joins a constant to values that depend on the input; only such values can be packed")
    rank = builder.traced.values[node].dim()
    if rank != 3:
        raise ExportError(f"gives {rank} axes; torch.stack can be packed for vectors (N, F) only, torch.cat for maps")
    features = builder.traced.channels(tensors[0])
    shape = {1: (1, features), 2: (features, 1)}.get(dim % rank)
    if shape is None:
        raise ExportError("joins along the axis of the batch; no answer may depend on another input")
    names = [
        builder.add(ops.Unflatten, node, builder.in_torchs_order(value), suffix="part", shape=shape)
        for value in tensors
    ]
    builder.give(node, builder.add(ops.Concatenate, node, *names, axis=dim % rank - rank))


def _runtime_axis(axis: int, rank: int) -> int:
    """The runtime's axis, without the batch, of one of torch's."""
    return {1: 2, 2: 0, 3: 1}[axis] if rank == 4 else axis - 1


@packs(*_PADS)
def _pad_module(builder: Builder, node: Node, module: nn.ConstantPad2d, input: Node) -> None:
    _pad(builder, node, input, module.padding, "constant", module.value)


@packs(nn.ReflectionPad2d)
def _reflection_module(builder: Builder, node: Node, module: nn.ReflectionPad2d, input: Node) -> None:
    _pad(builder, node, input, module.padding, "reflect")


@packs(nn.ReplicationPad2d)
def _replication_module(builder: Builder, node: Node, module: nn.ReplicationPad2d, input: Node) -> None:
    _pad(builder, node, input, module.padding, "replicate")


@packs(F.pad)
def _pad(builder: Builder, node: Node, input: Node, pad: Sequence[int], mode="constant", value: Any = None) -> None:
    if mode not in ("constant", "reflect", "replicate"):
        raise ExportError(f"mode={mode!r} cannot be packed; 'constant', 'reflect' and 'replicate' can")
    if not any(pad):
        builder.same(node, input)
        return
    builder.demand_map(input)
    if any(pad[6:]):
        raise ExportError("pads along the axis of the batch; no answer may depend on another input")
    columns, rows, channels = ((*pad, 0, 0, 0, 0)[i : i + 2] for i in (0, 2, 4))
    if min(channels) < 0:
        raise ExportError(f"pad={tuple(pad)} cuts channels off; a slice can be packed")
    name = builder.name_of(input)
    if min(*columns, *rows) < 0:
        cuts = {"rows": _cut(*rows), "columns": _cut(*columns)}
        wide = max(*columns, *rows, *channels) > 0
        name = builder.add(ops.Slice, node, name, suffix="cut" if wide else "", **cuts)
    sides = {
        key: tuple(max(0, side) for side in both)
        for key, both in (("rows", rows), ("columns", columns), ("channels", channels))
    }
    if any(any(both) for both in sides.values()):
        fill = {"fill": mode, "value": float(value or 0)}
        name = builder.add(ops.Border, node, name, **sides, **fill)
    builder.give(node, name)


def _cut(before: int, after: int) -> tuple[int | None, int | None, int]:
    """The slice that negative pads make."""
    return (-before if before < 0 else None, after if after < 0 else None, 1)
