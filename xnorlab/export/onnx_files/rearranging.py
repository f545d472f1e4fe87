"""Nodes that move numbers and compute none, and Concat."""

import math
from typing import Any

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.constants import constant
from xnorlab.export.onnx_files.handlers import reads
from xnorlab.export.onnx_files.moving import move, moves_back, onnx_shape
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import Constant, Known, Moved, Sizes, Step, Value
from xnorlab.runtime import ops
from xnorlab.runtime.limits import MAX_VALUES


@reads("Shape")
def _shape(reader: Reader, node: Node, x: Known) -> Constant:
    if isinstance(x, Constant):
        return Constant(np.array(x.array.shape, np.int64))
    value = x if isinstance(x, Moved) else reader.real(x)
    own = value.shape if isinstance(value, Moved) else onnx_shape(reader.shape(value))
    rank = 1 + len(own)
    start, end, _ = slice(node.attributes.get("start", 0), node.attributes.get("end", rank)).indices(rank)
    sizes = np.array([reader.graph.batch or 0, *own], np.int64)
    return Sizes(sizes, value) if (start, end) == (0, rank) else Constant(sizes[start:end])


@reads("Reshape")
def _reshape(reader: Reader, node: Node, x: Known, shape: Known) -> Known:
    target = constant(shape, "shape").reshape(-1).tolist()
    keeps, batch = not node.attributes.get("allowzero", 0), reader.graph.batch
    # What has the shape of its base again, at every height and width, is its base.
    if isinstance(x, Moved) and isinstance(shape, Sizes) and _is_of_base(reader, shape, x):
        return x.base

    def step(array: np.ndarray) -> np.ndarray:
        sizes = [array.shape[i] if size == 0 and keeps else size for i, size in enumerate(target)]
        if not isinstance(x, Constant) and batch is not None and sizes[:1] == [batch]:
            sizes[0] = array.shape[0]
        return array.reshape(sizes)

    return move(reader, node, x, step)


def _is_of_base(reader: Reader, sizes: Sizes, x: Moved) -> bool:
    """Whether these sizes are those of the base of `x`, and `x` has its numbers in their order."""
    alike = isinstance(sizes.value, Value) and isinstance(x.base, Value) and reader.have_one_shape(sizes.value, x.base)
    return alike and moves_back(reader, x)


@reads("Flatten")
def _flatten(reader: Reader, node: Node, x: Known) -> Known:
    axis = node.attributes.get("axis", 1)
    if axis != 1:
        raise ExportError(f"axis={axis} cannot be read; the rule is 1: all but the batch")
    return move(reader, node, x, lambda array: array.reshape(array.shape[0], -1))


@reads("Transpose")
def _transpose(reader: Reader, node: Node, x: Known) -> Known:
    axes = node.attributes.get("perm")
    return move(reader, node, x, lambda array: array.transpose(axes))


@reads("Squeeze")
def _squeeze(reader: Reader, node: Node, x: Known, axes: Known | None = None) -> Known:
    given = _axes(node, axes)
    if given is None:
        raise ExportError("names no axes, and would drop the batch where that is one input")
    return move(reader, node, x, lambda array: array.squeeze(given))


@reads("Unsqueeze")
def _unsqueeze(reader: Reader, node: Node, x: Known, axes: Known | None = None) -> Known:
    given = _axes(node, axes)
    if given is None:
        raise ExportError("names no axes")
    return move(reader, node, x, lambda array: np.expand_dims(array, given))


def _axes(node: Node, axes: Known | None) -> tuple[int, ...] | None:
    """The axes of a node, from its input in new versions of ONNX, from its attribute in old ones."""
    given = node.attributes.get("axes") if axes is None else constant(axes, "axes").reshape(-1).tolist()
    return None if given is None else tuple(given)


@reads("Gather")
def _gather(reader: Reader, node: Node, x: Known, indices: Known) -> Known:
    taken, axis = constant(indices, "indices"), node.attributes.get("axis", 0)
    if taken.dtype != np.int64:
        raise ExportError(f"its indices are {taken.dtype}; the rule is integers")

    def step(array: np.ndarray) -> np.ndarray:
        _check_numbers(taken.size * math.prod(array.shape) // max(1, array.shape[axis]))
        return np.take(array, taken, axis)

    return move(reader, node, x, step)


@reads("Slice")
def _slice(
    reader: Reader,
    node: Node,
    x: Known,
    starts: Known | None = None,
    ends: Known | None = None,
    axes: Known | None = None,
    steps: Known | None = None,
) -> Known:
    parts: dict[str, Any] = {}
    for name, known in (("starts", starts), ("ends", ends), ("axes", axes), ("steps", steps)):
        given = node.attributes.get(name) if known is None else constant(known, name).reshape(-1).tolist()
        parts[name] = None if given is None else list(given)
    if parts["starts"] is None or parts["ends"] is None:
        raise ExportError("has no starts or no ends")
    count = len(parts["starts"])
    along = parts["axes"] or list(range(count))
    by = parts["steps"] or [1] * count
    if not count == len(parts["ends"]) == len(along) == len(by):
        raise ExportError(f"has {parts}; the rule is lists of one length")

    def step(array: np.ndarray) -> np.ndarray:
        cuts = [slice(None)] * array.ndim
        for axis, start, stop, every in zip(along, parts["starts"], parts["ends"], by, strict=True):
            cuts[axis] = _cut(start, stop, every, array.shape[axis])
        return array[tuple(cuts)]

    return move(reader, node, x, step)


def _cut(start: int, stop: int, step: int, size: int) -> slice:
    """ONNX's slice as Python's: a backward one ends ahead of the first place where its end lies there."""
    return slice(start, None if step < 0 and stop < -size else stop, step)


@reads("Split")
def _split(reader: Reader, node: Node, x: Known, split: Known | None = None) -> list[Known]:
    axis, parts = node.attributes.get("axis", 0), len(node.outputs)
    sizes = node.attributes.get("split") if split is None else constant(split, "split").reshape(-1).tolist()
    if sizes is not None and (len(sizes) != parts or min(sizes) < 0):
        raise ExportError(f"split={tuple(sizes)[:16]} does not fit {parts} outputs")

    def part(number: int) -> Step:
        def step(array: np.ndarray) -> np.ndarray:
            size = array.shape[axis]
            each = [-(-size // parts)] * parts if sizes is None else sizes
            if sizes is not None and sum(sizes) != size:
                raise ValueError
            start = sum(each[:number])
            return array[(*[slice(None)] * (axis % array.ndim), slice(start, start + each[number]))]

        return step

    return [move(reader, node, x, part(number)) for number in range(parts)]


@reads("Expand")
def _expand(reader: Reader, node: Node, x: Known, shape: Known) -> Known:
    target = tuple(constant(shape, "shape").reshape(-1).tolist())

    def step(array: np.ndarray) -> np.ndarray:
        sizes = (0, *target[1:]) if len(target) == array.ndim and not isinstance(x, Constant) else target
        wide = np.broadcast_shapes(
            array.shape, tuple(array.shape[i] if size == 0 else size for i, size in enumerate(sizes))
        )
        _check_numbers(math.prod(wide))
        return np.broadcast_to(array, wide)

    return move(reader, node, x, step)


@reads("Tile")
def _tile(reader: Reader, node: Node, x: Known, repeats: Known) -> Known:
    times = constant(repeats, "repeats").reshape(-1).tolist()

    def step(array: np.ndarray) -> np.ndarray:
        if len(times) != array.ndim or min(times) < 1:
            raise ValueError
        _check_numbers(math.prod(times) * array.size)
        return np.tile(array, times)

    return move(reader, node, x, step)


def _check_numbers(count: int) -> None:
    if count > 2 * MAX_VALUES:
        raise ExportError(f"makes {count:,} numbers of its input, more than {2 * MAX_VALUES:,}")


@reads("DepthToSpace")
def _depth_to_space(reader: Reader, node: Node, x: Known) -> Value:
    """Channels as pixels; mode DCR has each channel's pixels far apart, CRD, as torch, side by side."""
    factor, mode = node.attributes.get("blocksize"), node.attributes.get("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise ExportError(f"mode={mode!r} cannot be read; the rule is DCR or CRD")
    value = reader.real(x)
    if mode == "DCR" and type(factor) is int and factor > 0:
        indices = _by_channel(factor, reader.shape(value)[-1])
        value = reader.emit(f"{node.name} channels", ops.Select, value, indices=indices.astype(np.uint64))
    return reader.emit(node.name, ops.PixelShuffle, value, factor=factor)


@reads("SpaceToDepth")
def _space_to_depth(reader: Reader, node: Node, x: Known) -> Known:
    """Pixels as channels, each pixel's channels side by side, where torch has each channel's pixels."""
    value = reader.emit(
        f"{node.name} pixels", ops.PixelUnshuffle, reader.real(x), factor=node.attributes.get("blocksize")
    )
    channels = reader.shape(value)[-1]
    order = np.argsort(_by_channel(node.attributes["blocksize"], channels))
    return move(reader, node, value, lambda array: array[:, order])


def _by_channel(factor: int, channels: int) -> np.ndarray:
    """Positions, among channels that come pixel by pixel, of those channel by channel."""
    if channels % (factor * factor):
        raise ExportError(f"takes {channels} channels; the rule is a multiple of {factor * factor}")
    return np.arange(channels).reshape(factor * factor, -1).T.reshape(-1)


@reads("Concat")
def _concat(reader: Reader, node: Node, *inputs: Known) -> Known:
    axis = node.attributes.get("axis")
    if type(axis) is not int:
        raise ExportError(f"axis={axis!r}; the rule is an integer")
    if all(isinstance(x, Constant) for x in inputs):
        try:
            return Constant(np.concatenate([constant(x, "input") for x in inputs], axis))
        except ValueError as error:
            raise ExportError(f"joins constants that do not fit ({error})") from None
    values = [reader.settled(reader.real(x)) for x in inputs]
    rank = 1 + len(reader.shape(values[0]))
    if not -rank <= axis < rank or axis % rank == 0:
        raise ExportError(f"axis={axis} cannot be read; the rule is an axis of the value other than the batch")
    along = {1: -1, 2: -3, 3: -2}[axis % rank] if rank == 4 else axis % rank - rank
    return reader.emit(node.name, ops.Concatenate, *values, axis=along) if len(values) > 1 else values[0]
