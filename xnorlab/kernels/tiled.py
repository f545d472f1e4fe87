"""What every tiled convolution shares: operands in tile order, one plan a shape, buffers that are used again."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from xnorlab.kernels.geometry import Window, vector
from xnorlab.kernels.jit import Kernel
from xnorlab.kernels.processor import vector_unit
from xnorlab.kernels.walk import (
    BIAS,
    BLOCK_BYTES,
    BLOCK_FILTERS,
    BLOCKS,
    GROUP_BYTES,
    GROUP_FILTERS,
    GROUPS,
    INIT,
    INIT_BLOCK,
    INIT_SEGMENT,
    OUT_STEP,
    PASS_BYTES,
    SCALE,
    WEIGHTS,
    Layout,
    Walk,
    per_filter,
    walker,
)

PLANS_KEPT = 16
"""Input shapes whose plans a layer remembers; the oldest goes first."""

XNOR_PART, REAL_PART = 1 << 27, 1 << 23
"""Multiply-adds that are worth a thread, about 0.1 ms of them; to wake one takes half of that."""

NO_INPUT_SCALE = np.ones((1, 1, 1), np.float32)


@dataclass
class Plan:
    """A layer at one input shape.

    table: for the kernel. shape: of the output. init: kept because the table holds its address. packed_size: words
    of packed input. parts: threads that the work is worth. free: buffers for packed input that nobody uses now.
    """

    table: np.ndarray
    shape: tuple[int, int, int, int]
    init: np.ndarray
    packed_size: int
    parts: int
    free: list[np.ndarray] = field(default_factory=list)

    def borrow(self) -> np.ndarray:
        """A buffer for packed input that no other thread uses until it is given back to `free`."""
        try:
            return self.free.pop()
        except IndexError:
            return np.empty(self.packed_size, np.uint64)

    def result(self, out) -> np.ndarray:
        """`out`, or a new array where it is None; raises ValueError where it does not fit."""
        if out is None:
            return np.empty(self.shape, np.float32)
        if (
            not isinstance(out, np.ndarray)
            or out.shape != self.shape
            or out.dtype != np.float32
            or not out.flags.carray
        ):
            raise ValueError(f"out must be a writeable C-contiguous float32 array of shape {self.shape}")
        return out


class TiledConv:
    """Operands in tile order and a plan for each input shape. Subclasses say which arithmetic and how inputs lie.

    tiles: (groups, blocks, …) as `blocks_of` gives them. scale, bias: (N,) float32, or None for 1 and −0
    (x + −0 = x for every x, −0 too).
    """

    def __init__(
        self,
        arithmetic: str,
        prefix: int,
        tiles: np.ndarray,
        window: Window,
        layout: Layout,
        channels: int,
        filters: int,
        scale,
        bias,
    ):
        unit = vector_unit()
        self.window, self.channels, self.filters, self.groups = window, channels, filters, layout.groups
        self._tiles, self._layout, self._prefix = tiles, layout, prefix
        self._block = unit.packed_filters if arithmetic.startswith("xnor") else unit.float_filters
        scale = np.ones(filters, np.float32) if scale is None else vector(scale, "scale", filters)
        bias = np.full(filters, -0.0, np.float32) if bias is None else vector(bias, "bias", filters)
        self._scale = per_filter(scale, layout.groups, self._block)
        self._bias = per_filter(bias, layout.groups, self._block)
        self._arithmetic, self._rows = arithmetic, unit.rows(arithmetic, prefix)
        self._plans: OrderedDict[tuple[int, ...], Plan] = OrderedDict()

    def _init(self, walk: Walk) -> np.ndarray:
        """float32 (segments, filters in tile order, or one block for all): the sum without a mismatch."""
        return np.zeros((len(walk.inside), self._block), np.float32)

    def plan(self, shape: tuple[int, int, int, int]) -> Plan:
        """The plan for inputs (B, H, W, C); raises ValueError where the window does not fit."""
        plan = self._plans.get(shape)
        if plan is None:
            plan = self._plans[shape] = self._make_plan(shape)
            while len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        return plan

    def _make_plan(self, shape: tuple[int, int, int, int]) -> Plan:
        walk = Walk(self.window, self._layout, *shape[:3])
        init = self._init(walk)
        groups, blocks = self._tiles.shape[:2]
        head = {
            GROUPS: groups,
            BLOCKS: blocks,
            BLOCK_FILTERS: self._block,
            GROUP_FILTERS: self.filters // groups,
            GROUP_BYTES: self._layout.group_bytes,
            WEIGHTS: self._tiles.ctypes.data,
            BLOCK_BYTES: self._tiles[0, 0].nbytes,
            INIT: init.ctypes.data,
            INIT_SEGMENT: init.strides[0],
            INIT_BLOCK: 0 if init.shape[1] == self._block else 4 * self._block,
            SCALE: self._scale.ctypes.data,
            BIAS: self._bias.ctypes.data,
            OUT_STEP: 4 * self.filters,
        }
        out_shape = (shape[0], *walk.output, self.filters)
        packed_size = shape[0] * shape[1] * shape[2] * self._layout.pixel_bytes // 8
        macs = math.prod(out_shape) * math.prod(self.window.kernel) * (self.channels // groups)
        parts = max(1, macs // (XNOR_PART if self._arithmetic == "xnor" else REAL_PART))
        table = walk.plan(head, max(64, PASS_BYTES // (4 * self.filters)))
        return Plan(table, out_shape, init, packed_size, parts)

    def _kernel(self, input_scale: np.ndarray | None = None) -> tuple[Kernel, np.ndarray]:
        """The kernel that walks this layer's plans, and the input scales that it is to be given."""
        if input_scale is None:
            return walker(self._arithmetic, self._prefix, *self._rows), NO_INPUT_SCALE
        return walker(f"{self._arithmetic}-k", self._prefix, *self._rows), input_scale
