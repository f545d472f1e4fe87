"""Layouts: which ops of the runtime move numbers as a step of torch moves them.

Here a step is known by the positions of what it gives among the numbers of what it was given, both of one picture.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xnorlab.conventions import EXACT_SUMS
from xnorlab.runtime import ops

Cut = tuple[int | None, int | None, int]


@dataclass(frozen=True)
class Layout:
    """Ops that rearrange a value.

    Attributes:
        kinds: their classes and fields, in order.
        order: of the vector that comes out, see `Builder.order`.
    """

    kinds: list[tuple[type[ops.Op], dict[str, Any]]] = field(default_factory=list)
    order: np.ndarray | None = None

    def places(self, shape: tuple[int, ...], own: tuple[int, ...]) -> np.ndarray | None:
        """Where the numbers of a value of torch's `shape` go, in torch's order; None where the ops refuse it.

        Args:
            shape: with the batch, of another height and width.
            own: the shape on the example.
        """
        value = _runtime(np.arange(math.prod(shape[1:]), dtype=np.float32).reshape(1, *shape[1:]))
        before = _runtime(np.zeros((1, *own[1:]), np.float32)).shape[1:]
        if value.size > EXACT_SUMS:
            return None
        for kind, fields in self.kinds:
            op = kind(name="layout", inputs=("input",), **fields)
            try:
                op.output_shape(value.shape[1:])
            except ValueError:
                return None
            if kind is ops.Flatten and value.shape[1:] != before:  # only a map of the example's size is flattened
                return None
            value, before = op(value), op.output_shape(before)
        if self.order is not None:
            value = value[:, np.argsort(self.order)]
        return value[0].transpose(2, 0, 1) if value.ndim == 4 else value[0]


def candidates(shape: tuple[int, ...], order: np.ndarray | None, index: np.ndarray) -> list[Layout]:
    """Layouts that turn a value into another on the example; they differ at other heights and widths.

    Args:
        shape: of the value in torch, without the batch.
        order: of its features, see `Builder.order`.
        index: positions in the value, in the shape of what comes out, without the batch.
    """
    places = _places(shape, order)[index]
    wanted = places.transpose(1, 2, 0) if places.ndim == 3 else places
    if len(shape) != 3:
        return [_from_vector(wanted, math.prod(shape), len(shape) == 1)]
    channels, height, width = shape
    if wanted.ndim == 3:
        parts = _apart(wanted, (height, width, channels))
        if parts is not None:
            chosen = _chosen(parts[2], channels)
            return [Layout([*cut, *chosen]) for cut in _cuts(parts[0], parts[1], height, width)]
    if wanted.ndim == 1:
        rows, columns = wanted // (width * channels), wanted // channels % width
        one_pixel = (rows == rows[0]).all() and (columns == columns[0]).all()
        if one_pixel and height * width > 1:
            chosen = _chosen(wanted % channels, channels)
            cuts = _cuts(rows[:1], columns[:1], height, width)
            return [Layout([*cut, (ops.Flatten, {}), *chosen]) for cut in cuts]
        if len(wanted) == height * width * channels and len(np.unique(wanted)) == len(wanted):
            return [Layout([(ops.Flatten, {})], _order(wanted))]
    rest = _from_vector(wanted, height * width * channels, True)
    return [Layout([(ops.Flatten, {}), *rest.kinds], rest.order)]


def _runtime(value: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(value.transpose(0, 2, 3, 1) if value.ndim == 4 else value)


def _places(shape: tuple[int, ...], order: np.ndarray | None) -> np.ndarray:
    """The runtime's position of each of torch's positions."""
    if len(shape) == 3:
        channels, height, width = shape
        return np.arange(height * width * channels).reshape(height, width, channels).transpose(2, 0, 1).ravel()
    return np.arange(math.prod(shape)) if order is None else np.argsort(order)


def _order(wanted: np.ndarray) -> np.ndarray | None:
    order = np.argsort(wanted)
    return None if (order == np.arange(len(order))).all() else order


def _from_vector(wanted: np.ndarray, values: int, is_vector: bool) -> Layout:
    flat = wanted.ravel()
    kinds: list[tuple[type[ops.Op], dict[str, Any]]] = [] if is_vector else [(ops.Flatten, {})]
    if wanted.ndim == 1 and len(flat) == values and len(np.unique(flat)) == values:
        return Layout(kinds, _order(flat))
    kinds += _chosen(flat, values)
    return Layout(kinds if wanted.ndim == 1 else [*kinds, (ops.Unflatten, {"shape": wanted.shape})])


def _chosen(indices: np.ndarray, channels: int) -> list[tuple[type[ops.Op], dict[str, Any]]]:
    if len(indices) == channels and (indices == np.arange(channels)).all():
        return []
    return [(ops.Select, {"indices": indices.astype(np.uint64)})]


def _apart(wanted: np.ndarray, size: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Rows, columns and channels, where the same ones stand in all of `wanted`, (OH, OW, K); else None."""
    _, width, channels = size
    rows = wanted[:, 0, 0] // (width * channels)
    columns = wanted[0, :, 0] // channels % width
    chosen = wanted[0, 0, :] % channels
    together = (rows[:, None, None] * width + columns[:, None]) * channels + chosen
    return (rows, columns, chosen) if (together == wanted).all() else None


def _cuts(
    rows: np.ndarray, columns: np.ndarray, height: int, width: int
) -> list[list[tuple[type[ops.Op], dict[str, Any]]]]:
    """Ways to take these rows and columns; an empty list where no slice does."""
    down, across = _slices(rows, height), _slices(columns, width)
    made = []
    for a in down:
        for b in across:
            whole = a == b == (None, None, 1)
            made.append([] if whole else [(ops.Slice, {"rows": a, "columns": b})])
    return made


def _slices(indices: np.ndarray, size: int) -> list[Cut]:
    """Slices of `size` places that give `indices`; the numbers that Python would count from the end come later."""
    steps = set(np.diff(indices).tolist()) or {1}
    if len(steps) > 1 or 0 in steps:
        return []
    first, last, step = int(indices[0]), int(indices[-1]), steps.pop()
    if step < 0:
        return [(None, None, step)] if first == size - 1 and last + step < 0 else []
    starts: list[int | None] = [None] if first == 0 else []
    ends: list[int | None] = [None] if last + step >= size else []
    made: list[Cut] = [
        (start, end, step)
        for start in (*starts, first, first - size)
        for end in (*ends, last + 1, *([last + 1 - size] if last + 1 < size else []))
    ]
    return [cut for cut in made if list(range(size)[slice(*cut)]) == indices.tolist()]
