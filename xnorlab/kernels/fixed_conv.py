"""The convolution over pictures in 16-bit integers: float32's sums, bit for bit, at twice its speed.

A picture enters a network as i/64 with integers |i| <= 128, and a shipped first layer's weights are j·2^p with one p
a filter. Then all sums are integers times 2^p/64; where 128·Σ|j| < 2^24 float32 would add them exactly in any order,
and integers give the same result. One instruction multiplies and adds two pairs of 16-bit integers a lane, where a
float instruction does one.
"""

import numpy as np
from llvmlite import ir
from numba import types

from xnorlab.conventions import EXACT_SUMS, PICTURE_LIMIT, PICTURE_STEPS, Size
from xnorlab.kernels.codegen.emitter import Emitter
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.filter_blocks import aligned, blocks_of
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.jit import instruction, kernel
from xnorlab.kernels.tiled_conv import TiledConv
from xnorlab.kernels.traversal import Layout, Walk

LARGEST = (1 << 15) - 1
"""Largest 16-bit integer."""

EXPONENTS = -100, 100
"""Smallest and largest p: far from where float32 runs into denormal numbers or infinity."""

SLACK = 64
"""Bytes behind the integers: the last pair of a row may reach one integer beyond it, where its weight is 0."""


@instruction
def _to_integers(typing, lanes, x, out):
    """Write 64·x of `lanes` floats as 16-bit integers; returns bits for those that are none within the limit."""
    if not isinstance(lanes, types.Literal):
        return None
    n = lanes.literal_value

    def emit(context, builder, signature, arguments):
        e = Emitter(builder)
        floats, wide, narrow = (ir.VectorType(t, n) for t in (ir.FloatType(), ir.IntType(32), ir.IntType(16)))
        scaled = builder.fmul(
            e.load(floats, e.address(arguments[1]), 4), ir.Constant(floats, [float(PICTURE_STEPS)] * n)
        )
        low, high = (ir.Constant(floats, [float(limit)] * n) for limit in (-PICTURE_LIMIT, PICTURE_LIMIT))
        clipped = builder.select(builder.fcmp_ordered("<", scaled, high), scaled, high)  # NaN becomes a number, too
        clipped = builder.select(builder.fcmp_ordered(">", clipped, low), clipped, low)
        integers = builder.fptosi(clipped, wide)
        wrong = builder.fcmp_unordered("!=", builder.sitofp(integers, floats), scaled)
        e.store(builder.trunc(integers, narrow), e.address(arguments[2]), 2)
        bits = builder.bitcast(wrong, ir.IntType(n))
        return bits if n == 64 else builder.zext(bits, ir.IntType(64))

    return types.int64(lanes, types.int64, types.int64), emit


@kernel
def _picture_kernel(x, out, batch, height, row, border_rows, border):
    """Rows of floats as integers within a border; x, out: addresses. Returns 0 where all of them are integers."""
    wrong = np.int64(0)
    for r in range(batch * height):
        target = r // height * (height + 2 * border_rows) + border_rows + r % height
        at, to = x + 4 * r * row, out + 2 * (target * (row + 2 * border) + border)
        for _ in range(row // 64):
            wrong |= _to_integers(64, at, to)
            at, to = at + 256, to + 128
        for _ in range(row % 64 // 16):
            wrong |= _to_integers(16, at, to)
            at, to = at + 64, to + 32
        for _ in range(row % 16):
            wrong |= _to_integers(1, at, to)
            at, to = at + 4, to + 2
    return wrong


class FixedConv2d(TiledConv):
    """Convolution of pictures in 16-bit integers; made by `of`, which tells where it is possible.

    `take` prepares an input, `call` walks it.
    """

    @classmethod
    def of(cls, weight: np.ndarray, *, bias=None, stride: Size = 1, padding: Size = 0) -> "FixedConv2d | None":
        """The layer, or None where the weights lie on no grid that is exact, or the processor has no such instruction.

        weight: (N, kh, kw, C) float32. bias: (N,) float32 or None.
        """
        n = len(weight)
        integers, exponents = on_grid(weight.reshape(n, -1))
        sizes = np.abs(integers)
        exact = (PICTURE_LIMIT * sizes.sum(axis=1) < EXACT_SUMS) & (sizes.max(axis=1) <= LARGEST)
        exact &= (exponents >= EXPONENTS[0]) & (exponents <= EXPONENTS[1])
        if vector_unit().arm or not exact.all():
            return None
        scale = np.ldexp(np.float32(1 / PICTURE_STEPS), exponents).astype(np.float32)
        return cls(integers.reshape(weight.shape), scale, bias, Window.of(weight.shape[1:3], stride, padding))

    def __init__(self, integers: np.ndarray, scale: np.ndarray, bias, window: Window):
        n, kh, kw, channels = integers.shape
        self._pairs, block = -(-kw * channels // 2), vector_unit().float_filters
        rows = np.zeros((n, kh, 2 * self._pairs), np.int16)
        rows[:, :, : kw * channels] = integers.reshape(n, kh, -1)
        tiles = blocks_of(rows.view(np.int32).reshape(n, -1), 1, block)
        layout = Layout(2 * channels, 0, 0, 0, 1)
        super().__init__("fixed", 1, tiles, window, layout, channels, n, scale, bias)

    def _padded(self, shape: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        batch, height, width, channels = shape
        return batch, height + 2 * self.window.padding[0], width + 2 * self.window.padding[1], channels

    def _walk(self, shape: tuple[int, int, int, int]) -> Walk:
        """The border is there as zeros, so that every pixel sees whole rows of taps: pairs never straddle an edge."""
        inside = Window(self.window.kernel, self.window.stride, (0, 0))
        batch, height, width, _ = self._padded(shape)
        walk = Walk(inside, self._layout, batch, height, width)
        block_row = 4 * self._pairs * self._block
        walk.runs = np.array(
            [(i * width * self._layout.pixel_bytes, i * block_row, self._pairs) for i in range(inside.kernel[0])],
            np.int64,
        )
        walk.segments[:, 3] = len(walk.runs)
        return walk

    def _input_size(self, shape: tuple[int, int, int, int]) -> int:
        return 2 * int(np.prod(self._padded(shape))) + SLACK

    def buffer(self, shape: tuple[int, int, int, int]) -> np.ndarray:
        """Room for an input (B, H, W, C) as integers, with its border of zeros."""
        return aligned((self.tables(shape).input_size,), np.uint8)

    def take(self, x: int, buffer: np.ndarray, shape: tuple[int, int, int, int]) -> bool:
        """Write the input at address x, float32 of `shape`, into `buffer`; False where it is no picture."""
        batch, height, width, channels = shape
        rows, columns = self.window.padding
        wrong = _picture_kernel(x, buffer.ctypes.data, batch, height, width * channels, rows, columns * channels)
        return not wrong


def on_grid(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of finite float32 as int64 j and exponents p a row, rows = j·2^p exactly, |j| as small as can be.

    Rows that no |j| < 2^15 can hold get numbers beyond it.
    """
    mantissa, exponent = np.frexp(rows)
    integers = (mantissa.astype(np.float64) * 2**24).astype(np.int64)  # exact: a float32 has 24 bits
    low = np.where(integers == 0, 127, exponent).min(axis=1, keepdims=True)
    spread = np.minimum(np.where(integers == 0, 0, exponent - low), 30)
    integers <<= spread
    common = np.bitwise_or.reduce(np.abs(integers), axis=1, keepdims=True)
    zeros = np.where(common == 0, 0, np.round(np.log2(np.maximum(common & -common, 1)))).astype(np.int64)
    return integers >> zeros, (np.where(common == 0, 0, low - 24 + zeros))[:, 0].astype(np.int32)
