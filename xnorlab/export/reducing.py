"""Handlers for means, extremes and sums over the axes of a value, and for softmax."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs
from xnorlab.export.rearranged import Base, Rearranged
from xnorlab.runtime import ops


class _Extremes(NamedTuple):
    """What torch.max gives along an axis; the positions cannot be packed."""

    values: Any
    indices: None


@packs(torch.mean, "mean")
def _mean(builder: Builder, node: Node, input: Node, dim: Any = None, keepdim=False, *, dtype: Any = None) -> None:
    _reduce(builder, node, input, "mean", dim, keepdim)


@packs(torch.sum, "sum")
def _sum(builder: Builder, node: Node, input: Node, dim: Any = None, keepdim=False, *, dtype: Any = None) -> None:
    _reduce(builder, node, input, "sum", dim, keepdim)


@packs(torch.amax, "amax")
def _amax(builder: Builder, node: Node, input: Node, dim: Any = (), keepdim=False) -> None:
    _reduce(builder, node, input, "max", dim, keepdim)


@packs(torch.amin, "amin")
def _amin(builder: Builder, node: Node, input: Node, dim: Any = (), keepdim=False) -> None:
    _reduce(builder, node, input, "min", dim, keepdim)


@packs(torch.max, "max")
def _max(builder: Builder, node: Node, input: Node, dim: Any = None, keepdim=False) -> None:
    _extreme(builder, node, input, dim, keepdim, "max")


@packs(torch.min, "min")
def _min(builder: Builder, node: Node, input: Node, dim: Any = None, keepdim=False) -> None:
    _extreme(builder, node, input, dim, keepdim, "min")


def _extreme(builder: Builder, node: Node, input: Node, dim: Any, keepdim: bool, how: str) -> None:
    if not isinstance(dim, int):
        raise ExportError("can be packed along one axis only, as its dim")
    _reduce(builder, node, input, how, dim, keepdim, lambda places: _Extremes(places, None))


@packs(nn.Softmax)
def _softmax_module(builder: Builder, node: Node, module: nn.Softmax, input: Node) -> None:
    _softmax(builder, node, input, module.dim)


@packs(nn.LogSoftmax)
def _log_softmax_module(builder: Builder, node: Node, module: nn.LogSoftmax, input: Node) -> None:
    _log_softmax(builder, node, input, module.dim)


@packs(nn.Softmax2d)
def _softmax_2d_module(builder: Builder, node: Node, module: nn.Softmax2d, input: Node) -> None:
    _softmax(builder, node, input, 1)


@packs(F.softmax, torch.softmax, "softmax")
def _softmax(builder: Builder, node: Node, input: Node, dim: Any = None, _stacklevel=3, dtype: Any = None) -> None:
    _along_the_last_axis(builder, node, input, dim, log=False)


@packs(F.log_softmax, torch.log_softmax, "log_softmax")
def _log_softmax(builder: Builder, node: Node, input: Node, dim: Any = None, _stacklevel=3, dtype: Any = None) -> None:
    _along_the_last_axis(builder, node, input, dim, log=True)


def _along_the_last_axis(builder: Builder, node: Node, input: Node, dim: Any, *, log: bool) -> None:
    rank = builder.traced.values[input].dim()
    axis = (1 if rank in (2, 4) else 0) if dim is None else dim % rank
    if axis != (1 if rank == 4 else rank - 1) or not axis:
        raise ExportError(f"dim={dim} cannot be packed; the channels of a map and the last axis of another value can")
    builder.give(node, builder.add(ops.Softmax, node, builder.name_of(input), log=log), builder.order[input])


def _reduce(
    builder: Builder, node: Node, input: Node, how: str, dim: Any, keepdim: bool, result: Any = lambda places: places
) -> None:
    rank = builder.traced.values[input].dim()
    axes = _axes(dim, rank)
    if 0 in axes:
        raise ExportError("works along the axis of the batch too; no answer may depend on another input")
    moved = builder.moved(input)
    along = _axes_of_base(moved)
    if along is None:
        moved = Rearranged(
            builder, Base(lambda: builder.in_torchs_order(input), _shape(builder, input), None, None, input)
        )
        along = list(range(rank))
    base = moved.base
    reduced = frozenset(axis for axis in (along[at] for at in axes) if axis is not None)
    # Axes of the base that the input lacks have size 1; the others come in the input's order.
    kept = [axis for axis in along if axis is not None]
    missing = [axis for axis in range(len(base.shape)) if axis not in kept]

    def placed(places: Tensor) -> Any:
        """The positions of the node among those of the reduced base."""
        moved = places.permute(*kept, *missing).flatten(len(kept))[..., 0] if missing else places.permute(kept)
        for at, axis in enumerate(along):
            if axis is None:
                moved = moved.unsqueeze(at)
        for at in sorted(axes, reverse=True):
            moved = moved if keepdim else moved.squeeze(at)
        return result(moved)

    if not reduced:
        builder.settle(node)
        builder.move(node, moved.then(lambda places: result(_without(places, axes, keepdim))))
        return
    shape = tuple(1 if axis in reduced else size for axis, size in enumerate(base.shape))
    known: list[str] = []

    def emit() -> str:
        if not known:
            known.append(_packed(builder, node, base, how, reduced))
        return known[0]

    over = Base(emit, shape, None, None, base.like, base.ones | reduced)
    builder.move(node, Rearranged(builder, over).then(placed))


def _packed(builder: Builder, node: Node, base: Base, how: str, reduced: frozenset[int]) -> str:
    source = base.emit()
    if len(base.shape) == 4 and how == "mean" and reduced == {2, 3}:
        return builder.add(ops.GlobalAvgPool, node, source, suffix="map")
    axes = sorted({1: 2, 2: 0, 3: 1}[axis] if len(base.shape) == 4 else axis - 1 for axis in reduced)
    return builder.add(ops.Reduce, node, source, suffix=how, how=how, axes=tuple(axes))


def _shape(builder: Builder, node: Node) -> tuple[int, ...]:
    return tuple(builder.traced.values[node].shape)


def _axes(dim: Any, rank: int) -> set[int]:
    if dim is None or dim == () or dim == []:
        return set(range(1, rank))
    return {axis % rank for axis in (dim if isinstance(dim, list | tuple) else [dim])}


def _without(places: Tensor, axes: set[int], keepdim: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        places = places if keepdim else places.squeeze(axis)
    return places


def _axes_of_base(moved: Rearranged) -> list[int | None] | None:
    """The base's axis along which each axis of a value runs, None for one of size 1; None where they mix."""
    base = moved.base
    if not moved.steps:
        return list(range(len(base.shape)))
    shape = base.shape
    places = moved.own_places
    if moved.grows:  # at a size at which no two axes of a map can be taken for each other
        shape = base.grown(base.shape[2] + 1, base.shape[3] + 2)
        places = moved.places_at(base.shape[2] + 1, base.shape[3] + 2)
    if places is None or base.order is not None:
        return None
    steps = [1]
    for size in shape[:1:-1]:
        steps.insert(0, steps[0] * size)
    known = {step: axis for axis, (step, size) in enumerate(zip(steps, shape[1:], strict=True), 1) if size > 1}
    along: list[int | None] = [0]
    expected = places * 0
    for at, size in enumerate(places.shape):
        if size == 1:
            along.append(None)
            continue
        step = int((places.take(1, at) - places.take(0, at)).flat[0])
        axis = known.pop(step, None)
        if axis is None or shape[axis] != size:
            return None
        along.append(axis)
        expected = expected + (step * torch.arange(size).numpy()).reshape(-1, *[1] * (places.ndim - 1 - at))
    return along if not known and (expected == places).all() else None
