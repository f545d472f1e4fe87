"""Moved values: which ops of the runtime give them."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xnorlab.conventions import EXACT_SUMS
from xnorlab.export import layout as layouts
from xnorlab.export.errors import ExportError
from xnorlab.export.layout import Layout
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.values import BipolarConstant, Constant, Known, Moved, Signs, Step, Value, moved
from xnorlab.runtime.ops import Shape

if TYPE_CHECKING:
    from xnorlab.export.onnx_files.reader import Reader

_LONGEST_CHAIN = 32
"""Most steps of one moved value; what comes behind them starts from ops."""

_BATCH = 2
"""Inputs on which a step shows that it leaves them apart."""


def move(reader: "Reader", node: Node, x: Known, step: Step) -> Known:
    """The value that a step makes of `x`; a constant is moved at once.

    Args:
        reader: of the graph.
        node: that moves.
        x: whose numbers move.
        step: of arrays with the batch, as ONNX has them.

    Raises:
        ExportError: the step does not fit, mixes the inputs of a batch, or makes too many numbers.
    """
    if isinstance(x, BipolarConstant):
        signs = _tried(step, x.signs)
        scale = x.scale.reshape((1,) * (x.signs.ndim - x.scale.ndim) + x.scale.shape)
        return BipolarConstant(signs, _without_repeats(_tried(step, np.broadcast_to(scale, x.signs.shape))))
    if isinstance(x, Constant):
        array = np.array(_tried(step, x.array), order="C")
        reader.hold(array.nbytes)
        return Constant(array)
    base, steps = _start(reader, x)
    shape = onnx_shape(reader.shape(base.value if isinstance(base, Signs) else base))
    one = np.broadcast_to(np.int8(0), (_BATCH, *shape))  # a view of one number: only its shape counts
    outcome = _tried(lambda array: moved(array, (*steps, step)), one)
    if not outcome.ndim or outcome.shape[0] != _BATCH:
        raise ExportError(f"gives shape {outcome.shape} for {_BATCH} inputs: it mixes the inputs of a batch")
    if max(math.prod(shape), math.prod(outcome.shape[1:])) > EXACT_SUMS:
        raise ExportError(f"moves more than {EXACT_SUMS:,} numbers")
    return Moved(str(node), node.name, base, (*steps, step), outcome.shape[1:])


def _without_repeats(array: np.ndarray) -> np.ndarray:
    """`array` with one number along each axis on which all are equal."""
    for axis in range(array.ndim):
        first = array.take([0], axis)
        array = first if (first == array).all() else array
    return array


def _start(reader: "Reader", x: Known) -> tuple[Value | Signs, tuple[Step, ...]]:
    """The value whose numbers `x` has, and the steps that moved them."""
    if isinstance(x, Moved) and len(x.steps) < _LONGEST_CHAIN and not x.made:
        return x.base, x.steps
    if isinstance(x, Signs) and not any(x.padding) and not x.made:
        return x, ()
    return reader.real(x), ()


def _tried(step: Step, array: np.ndarray) -> np.ndarray:
    try:
        return step(array)
    except (ValueError, IndexError, TypeError) as error:
        raise ExportError(f"does not fit a value of shape {array.shape} ({type(error).__name__})") from None


def onnx_shape(shape: Shape) -> Shape:
    """ONNX's shape without the batch of a value of the runtime's shape: of maps the channels come first."""
    return (shape[2], *shape[:2]) if len(shape) == 3 else shape


def settled(reader: "Reader", x: Moved) -> Value:
    """The value of the ops that give `x`."""
    base = reader.real(x.base)
    shape = onnx_shape(reader.shape(base))
    layout, is_right = _layout(reader, x, base, shape)
    if not is_right:
        reader.fix(x.node, "moves numbers as is right for one height and width")
    value = base
    for number, (kind, fields) in enumerate(layout.kinds, 1):
        name = x.name if number == len(layout.kinds) else f"{x.name} {kind.kind}"
        value = reader.emit(name, kind, value, **fields)
    return replace(value, order=layout.order)


def _layout(reader: "Reader", x: Moved, base: Value, shape: Shape) -> tuple[Layout, bool]:
    """Ops that give `x`, and whether they are right at other heights and widths."""
    found = layouts.candidates(shape, base.order, _own_places(x, shape))
    if not reader.grows(base):
        return found[0], True
    right = (each for each in found if all(_holds(x, each, shape, more) for more in ((1, 2), (4, 3), (8, 8))))
    layout = next(right, None)
    return (found[0], False) if layout is None else (layout, True)


def _own_places(x: Moved, shape: Shape) -> np.ndarray:
    """The positions of one input's numbers in a base of `shape`."""
    both = _tried(lambda _: x.places(shape), np.zeros((_BATCH, 0)))
    if not np.array_equal(both[1], both[0] + math.prod(shape)):
        raise ExportError("mixes the inputs of a batch")
    return both[0]


def _holds(x: Moved, layout: Layout, shape: Shape, more: tuple[int, int]) -> bool:
    """Whether a layout does what the nodes do with a map that is larger by so much."""
    larger = (shape[0], shape[1] + more[0], shape[2] + more[1])
    got = layout.places((1, *larger), (1, *shape))
    if got is None:
        return True
    try:
        want = x.places(larger)[0]
    except (ValueError, IndexError, TypeError):
        return False
    return want.shape == got.shape and bool((want == got).all())


def signs_of(reader: "Reader", x: Known) -> Signs | None:
    """`x` as the signs of a value: also where it is a vector of a map's signs. None where it is something else."""
    if isinstance(x, Signs):
        return x
    if not isinstance(x, Moved) or not isinstance(x.base, Signs) or len(x.shape) != 1:
        return None
    signs = x.base
    shape = onnx_shape(reader.shape(signs.value))
    vector = settled(reader, Moved(x.node, x.name, signs.value, x.steps, x.shape))
    places = _own_places(x, shape)
    reader.hold(5 * places.size)

    def taken(part: np.ndarray | None) -> np.ndarray | None:
        """One entry per channel of the map as one per feature of the vector, in the runtime's order."""
        if part is None:
            return None
        if len(shape) == 1:
            each = part if signs.value.order is None else part[np.argsort(signs.value.order)]
        else:
            each = np.broadcast_to(part[:, None, None], shape).reshape(-1)
        chosen = each[places]
        return np.ascontiguousarray(chosen if vector.order is None else chosen[vector.order])

    return Signs(f"{x.name} sign", vector, taken(signs.threshold), taken(signs.flip), signs.scale)


def with_channels_last(reader: "Reader", x: Known) -> Value | None:
    """The map that ONNX has as (N, H, W, C) in `x`; None where `x` is something else."""
    if not isinstance(x, Moved) or isinstance(x.base, Signs) or len(x.shape) != 3:
        return None
    channels, height, width = shape = (*onnx_shape(reader.shape(x.base)), 0, 0)[:3]
    if x.shape != (height, width, channels):
        return None
    last = np.arange(math.prod(shape)).reshape(shape).transpose(1, 2, 0)
    return x.base if np.array_equal(_own_places(x, shape), last) else None


def channels_moved_last(reader: "Reader", node: Node, map: Value) -> Moved:
    """A map of the packed network as ONNX has it behind `node`, (N, H, W, C)."""
    height, width, channels = reader.shape(map)
    steps = (lambda array: array.transpose(0, 2, 3, 1),)
    return Moved(str(node), f"{node.name} moved", map, steps, (height, width, channels))


def moves_back(reader: "Reader", x: Moved) -> bool:
    """Whether all numbers of `x` stand in the order of its base, in whatever shape."""
    base = x.base.value if isinstance(x.base, Signs) else x.base
    shape = onnx_shape(reader.shape(base))
    return math.prod(x.shape) == math.prod(shape) and bool(
        (_own_places(x, shape).reshape(-1) == np.arange(math.prod(shape))).all()
    )
