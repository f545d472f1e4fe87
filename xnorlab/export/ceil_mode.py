"""Pools with ceil_mode=True: at which heights and widths a packed network, which rounds down, still equals torch."""

import math
from collections.abc import Mapping, Sequence

from torch.fx import Node

from xnorlab.runtime import graph
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.ops import AvgPool
from xnorlab.runtime.ops.base import Op, Shape

MAX_PERIOD = 512
"""Largest product of strides that is looked into; networks for photos have 32."""


def windows_fill(pool: AvgPool, size: Sequence[int]) -> bool:
    """Whether the windows of a pool end where a map of `size` (height, width) with its border ends.

    Only there it does not matter whether the number of windows is rounded down or up (torch's ceil_mode).
    """
    sides = zip(size, pool.kernel, pool.stride, pool.padding, strict=True)
    return all((side + 2 * border - k) % stride == 0 for side, k, stride, border in sides)


def first_cut(ops: Sequence[Op], input_shape: Shape, pools: Mapping[str, Node]) -> Node | None:
    """Find the first pool whose windows do not fill its map at some input that the network takes.

    The sizes of all values repeat with a period, the product of the strides up to them, and rows and columns are
    independent. So it is enough to look at one period of each. Mostly a shortcut, whose sum does not fit at any other
    size, guards the pool.

    Args:
        ops: of the network.
        input_shape: of the network's input.
        pools: nodes by the name of the AvgPool that they are packed as.

    Returns:
        The node, or None where all windows fill their maps.
    """
    named = {op.name: op for op in ops if isinstance(op, AvgPool) and op.name in pools}
    if not named:
        return None
    own = graph.infer_shapes(ops, input_shape)
    period = _period(ops)
    if period > MAX_PERIOD:
        return pools[next(iter(named))]
    for axis in (0, 1):
        for side in range(max(1, input_shape[axis] - period + 1), input_shape[axis] + period):
            shape = (*input_shape[:axis], side, *input_shape[axis + 1 :])
            try:
                shapes = graph.other_shapes(ops, shape, own)
            except ValueError:  # a run at this size would be refused
                continue
            for name, pool in named.items():
                if not windows_fill(pool, shapes[pool.inputs[0]][:2]):
                    return pools[name]
    return None


def _period(ops: Sequence[Op]) -> int:
    """The least common multiple of the strides of all values against the input."""
    strides = {INPUT: [1, 1]}
    for op in ops:
        own = getattr(op, "stride", (1, 1))
        strides[op.name] = [math.lcm(*(strides[name][axis] for name in op.inputs)) * own[axis] for axis in (0, 1)]
    return math.lcm(*(stride for both in strides.values() for stride in both))
