"""Pools with ceil_mode=True become plain ones where it changes nothing at any height and width that a network takes."""

import math
from collections.abc import Collection, Mapping, Sequence

from xnorlab.runtime import graph
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.ops import AvgPool, CeilMaxPool, CountedAvgPool, MaxPool
from xnorlab.runtime.ops.base import Op, Shape

MAX_PERIOD = 512
"""Largest product of strides that is looked into; networks for photos have 32."""

Rounding = CeilMaxPool | CountedAvgPool


def simplified(ops: Sequence[Op], input_shape: Shape, names: Collection[str]) -> list[Op]:
    """The ops with plain pools, which older readers know, in place of those whose windows always fill their maps.

    Always means: at every height and width at which the network with the plain pool runs. Mostly a shortcut, whose sum
    fits at no other size, guards the pool.

    Args:
        ops: of the network.
        input_shape: of the network's input.
        names: of pools that round up.
    """
    if len(input_shape) != 3 or _period(ops) > MAX_PERIOD:
        return list(ops)
    own = graph.infer_shapes(ops, input_shape)
    rounding = {op.name: op for op in ops if op.name in names and isinstance(op, Rounding)}
    fill = {name for name, op in rounding.items() if _counts_all(op) and _windows_fill(op, own[op.inputs[0]])}
    while True:
        plain = [_plain(rounding[op.name]) if op.name in fill else op for op in ops]
        cut = _cut(plain, input_shape, {name: rounding[name] for name in fill})
        if not cut:
            return plain
        fill -= cut


def _cut(ops: Sequence[Op], input_shape: Shape, pools: Mapping[str, Rounding]) -> set[str]:
    """The pools whose windows do not fill their maps at some input that a network takes.

    The sizes of all values repeat with a period, the product of the strides up to them, and rows and columns are
    independent. So it is enough to look at one period of each.
    """
    cut: set[str] = set()
    if not pools:
        return cut
    own, period = graph.infer_shapes(ops, input_shape), _period(ops)
    for axis in (0, 1):
        for side in range(max(1, input_shape[axis] - period + 1), input_shape[axis] + period):
            shape = (*input_shape[:axis], side, *input_shape[axis + 1 :])
            try:
                shapes = graph.other_shapes(ops, shape, own)
            except ValueError:  # a run at this size would be refused
                continue
            cut |= {name for name, pool in pools.items() if not _windows_fill(pool, shapes[pool.inputs[0]])}
    return cut


def _counts_all(pool: Rounding) -> bool:
    return isinstance(pool, CeilMaxPool) or (pool.count_include_pad and not pool.divisor)


def _windows_fill(pool: Rounding, size: Sequence[int]) -> bool:
    """Whether the windows of a pool end where a map of `size` (height, width, …) with its border ends."""
    sides = zip(size[:2], pool.kernel, pool.stride, pool.padding, strict=True)
    return all((side + 2 * border - k) % stride == 0 for side, k, stride, border in sides)


def _plain(pool: Rounding) -> Op:
    kind = MaxPool if isinstance(pool, CeilMaxPool) else AvgPool
    return kind(name=pool.name, inputs=pool.inputs, kernel=pool.kernel, stride=pool.stride, padding=pool.padding)


def _period(ops: Sequence[Op]) -> int:
    """The least common multiple of the strides of all values against the input."""
    strides = {INPUT: [1, 1]}
    for op in ops:
        own = getattr(op, "stride", (1, 1))
        strides[op.name] = [math.lcm(*(strides[name][axis] for name in op.inputs)) * own[axis] for axis in (0, 1)]
    return math.lcm(*(stride for both in strides.values() for stride in both))
