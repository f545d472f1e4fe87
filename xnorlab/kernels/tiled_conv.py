"""The base of every convolution: operands in tile order, tables for each input shape, calls with an epilogue."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xnorlab.kernels.codegen.epilogue import Epilogue
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.codegen.records import CALL
from xnorlab.kernels.conv_kernel import WIDENED, conv_kernel
from xnorlab.kernels.filter_blocks import aligned
from xnorlab.kernels.geometry import Window, vector
from xnorlab.kernels.jit import Kernel
from xnorlab.kernels.team import WAKING, Job
from xnorlab.kernels.threads import available_threads
from xnorlab.kernels.traversal import Layout, Traversal

SHAPES_KEPT = 16
"""Input shapes whose tables a layer remembers; the oldest goes first."""

PASS_BYTES = 1 << 17
"""Output bytes that one pass over the filters covers: an eighth of a core's usual second-level cache."""

XNOR_PART, REAL_PART = 1 << 23, 1 << 17
"""Multiply-adds that are worth a thread that waits for them, about 0.01 ms of them."""


@dataclass
class Tables:
    """What a layer knows about one input shape.

    Attributes:
        shape: of the output.
        arrays: passes, pieces, runs, pixels and starting sums, whose addresses calls hold.
        input_size: bytes of the prepared input (packed words, tables, or integers with their border).
        parts: threads that the work is worth.
        worth_waking: whether it is worth waking threads that sleep.
        scratch: bytes that each thread needs for widened weights.
        free: what calls need besides, made once and not in use now.
    """

    shape: tuple[int, int, int, int]
    arrays: tuple[np.ndarray, ...]
    input_size: int
    parts: int
    worth_waking: bool
    scratch: int
    free: list[Any] = field(default_factory=list)


class Call:
    """A layer's run over one input: the kernel's record and what it points at.

    It runs as often as wanted, never twice at once. Addresses are not checked: whoever makes a call has checked
    shapes, and keeps input and outputs alive.

    Attributes:
        address: of the record, a CALL.
        parts: threads that the work is worth.
        job: the work of a run.
    """

    def __init__(self, kernel: Kernel, record: np.ndarray, tables: Tables, epilogue: Epilogue, x: int):
        # The arrays alone: tables hold idle calls, and a reference cycle would wait for the garbage collector.
        self._arrays, self._epilogue = tables.arrays, epilogue
        self.parts, self._worth_waking = tables.parts, tables.worth_waking
        self._program = epilogue.program()
        self._record = record.copy()
        self.address = self._record.ctypes.data
        fields = {"program": self._program.ctypes.data, "n_steps": len(self._program), "x": x, **epilogue.fields()}
        for name, value in fields.items():
            self._record[name] = value
        threads = min(self.parts, available_threads()) if tables.scratch else 0
        self.job = Job((kernel, self._record, aligned((threads, tables.scratch), np.uint8)))
        self._x = self._record["x"]  # a view: to set a field of a record by name takes four times as long

    def read(self, x: int) -> None:
        """Set the address of the input of later runs."""
        self._x[0] = x

    def run(self, threads: int = 1) -> None:
        """Do all of the work, by at most so many threads."""
        self.job.run(min(threads, self.parts), self._worth_waking)


class TiledConv:
    """A convolution by register tiles. Subclasses say which arithmetic it takes and how its input lies in memory.

    Args:
        arithmetic: "xnor", "gathered", "lookup", "real", "sign", "ternary" or "fixed", see `conv_kernel`.
        group: what a tile takes together, see `tile`: words that share a running XOR, registers of filters, or the
            channels of a group.
        block: filters that a tile computes.
        tiles: the weights, (groups, blocks, …) as `blocks_of` gives them.
        window: kernel, stride, padding and dilation.
        layout: how the operands lie in memory.
        channels: of the input.
        filters: N.
        scale: float32 (N,) or None; with `bias` it begins the epilogue.
        bias: float32 (N,) or None.
    """

    def __init__(
        self,
        arithmetic: str,
        group: int,
        block: int,
        tiles: np.ndarray,
        window: Window,
        layout: Layout,
        channels: int,
        filters: int,
        scale,
        bias,
    ):
        self.window, self.channels, self.filters = window, channels, filters
        self._tiles, self._layout, self._block = tiles, layout, block
        self._scale = None if scale is None else vector(scale, "scale", filters)
        self._bias = None if bias is None else vector(bias, "bias", filters)
        self._own = Epilogue(filters, layout.groups, self._block, self._scale, self._bias)
        self._arithmetic = arithmetic
        self._kernel = conv_kernel(arithmetic, group, *vector_unit().rows(arithmetic, group))
        self._shapes: OrderedDict[tuple[int, ...], tuple[Tables, np.ndarray]] = OrderedDict()

    def __deepcopy__(self, memo: dict) -> "TiledConv":
        """Return the layer itself: it never changes, and a copy's addresses would point into the original."""
        return self

    def epilogue(self, factor: int | None = None) -> Epilogue:
        """Scale, input scale and bias of the layer, without a store. factor: address of one factor per output pixel."""
        if factor is None:
            return self._own.copy()
        scaled = Epilogue(self.filters, self._layout.groups, self._block, self._scale).factor(factor)
        return scaled if self._bias is None else scaled.bias(self._bias)

    def call(self, shape: tuple[int, int, int, int], epilogue: Epilogue, x: int = 0) -> Call:
        """A call for inputs (B, H, W, C); x: the address of the prepared input."""
        tables, record = self._at(shape)
        return Call(self._kernel, record, tables, epilogue, x)

    def tables(self, shape: tuple[int, int, int, int]) -> Tables:
        """The tables for inputs (B, H, W, C); raises ValueError where the window does not fit."""
        return self._at(shape)[0]

    def _at(self, shape: tuple[int, int, int, int]) -> tuple[Tables, np.ndarray]:
        known = self._shapes.get(shape)
        if known is None:
            known = self._shapes[shape] = self._make(shape)
            while len(self._shapes) > SHAPES_KEPT:
                self._shapes.popitem(last=False)
        return known

    def _traversal(self, shape: tuple[int, int, int, int]) -> Traversal:
        return Traversal(self.window, self._layout, *shape[:3])

    def _input_size(self, shape: tuple[int, int, int, int]) -> int:
        return math.prod(shape[:3]) * self._layout.pixel_bytes

    def _init(self, traversal: Traversal) -> np.ndarray:
        """float32 (segments, filters in tile order, or one block for all): the sum without a mismatch."""
        return np.zeros((len(traversal.inside), self._block), np.float32)

    def _make(self, shape: tuple[int, int, int, int]) -> tuple[Tables, np.ndarray]:
        traversal = self._traversal(shape)
        init, (groups, blocks) = self._init(traversal), self._tiles.shape[:2]
        passes, pieces = traversal.passes(max(64, PASS_BYTES // (4 * self.filters)))
        arrays = (passes, pieces, traversal.runs, traversal.pixels, init)
        out_shape = (shape[0], *traversal.output, self.filters)
        macs = math.prod(out_shape) * math.prod(self.window.kernel) * self._layout.channels
        parts = max(1, macs // (XNOR_PART if self._arithmetic in ("xnor", "gathered", "lookup") else REAL_PART))
        block_bytes, block_steps = self._tiles[0, 0].nbytes, self._tiles.shape[2]
        fields = {
            "passes": passes.ctypes.data,
            "n_passes": len(passes),
            "pieces": pieces.ctypes.data,
            "runs": traversal.runs.ctypes.data,
            "pixels": traversal.pixels.ctypes.data,
            "groups": groups,
            "blocks": blocks,
            "block_filters": self._block,
            "group_filters": self.filters // groups,
            "group_bytes": self._layout.group_bytes,
            "input_block": self._layout.block_bytes,
            "weights": self._tiles.ctypes.data,
            "block_bytes": block_bytes,
            "block_steps": block_steps,
            "init": init.ctypes.data,
            "init_segment": init.strides[0],
            "init_block": 0 if init.shape[1] == self._block else 4 * self._block,
        }
        record = np.zeros(1, CALL)
        for name, value in fields.items():
            record[name] = value
        scratch = 4 * self._block * block_steps if self._arithmetic in WIDENED else 0
        return Tables(out_shape, arrays, self._input_size(shape), parts, parts >= WAKING, scratch), record
