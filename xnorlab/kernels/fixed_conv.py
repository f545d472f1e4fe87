"""The convolution over pictures in 16-bit integers: float32's sums, bit for bit, at twice its speed.

A picture enters a network as i/64 with integers |i| <= 128, and a shipped first layer's weights are j·2^p with one p
per filter. Then all sums are integers times 2^p/64; where 128·Σ|j| < 2^24 float32 would add them exactly in any order,
and integers give the same result. One instruction multiplies and adds two pairs of 16-bit integers per lane, where
a float instruction does one.
"""

import numpy as np

from xnorlab.conventions import EXACT_SUMS, PICTURE_LIMIT, PICTURE_STEPS, Size
from xnorlab.kernels.codegen.conversions import to_integers
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.filter_blocks import aligned, blocks_of
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.tiled_conv import TiledConv
from xnorlab.kernels.traversal import Layout, Traversal

LARGEST = (1 << 15) - 1
"""Largest 16-bit integer."""

EXPONENTS = -100, 100
"""Smallest and largest p: far from where float32 runs into denormal numbers or infinity."""

SLACK = 64
"""Bytes behind the integers: the last pair of a row may reach one integer beyond it, where its weight is 0."""


@kernel
def _picture_kernel(x, out, batch, height, row, border_rows, border):
    """Write rows of floats as integers within a border; x, out: addresses. Returns 0 where all are integers."""
    wrong = np.int64(0)
    for r in range(batch * height):
        target = r // height * (height + 2 * border_rows) + border_rows + r % height
        at, to = x + 4 * r * row, out + 2 * (target * (row + 2 * border) + border)
        for _ in range(row // 64):
            wrong |= to_integers(64, at, to)
            at, to = at + 256, to + 128
        for _ in range(row % 64 // 16):
            wrong |= to_integers(16, at, to)
            at, to = at + 64, to + 32
        for _ in range(row % 16):
            wrong |= to_integers(1, at, to)
            at, to = at + 4, to + 2
    return wrong


class FixedConv2d(TiledConv):
    """Convolution of pictures in 16-bit integers: `of` makes it where it is possible.

    `take` prepares an input, `call` convolves it.
    """

    @classmethod
    def of(cls, weight: np.ndarray, *, bias=None, stride: Size = 1, padding: Size = 0) -> "FixedConv2d | None":
        """Make the layer where its sums are exact and the processor has the instruction.

        Args:
            weight: float32 (N, kh, kw, C).
            bias: float32 (N,), or None.
            stride: an int or (vertical, horizontal).
            padding: an int or (vertical, horizontal).

        Returns:
            The layer, or None where it is not possible.
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
        layout = Layout(2 * channels, 0, 0, 0, 1, channels)
        super().__init__("fixed", 1, block, tiles, window, layout, channels, n, scale, bias)

    def _padded(self, shape: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        batch, height, width, channels = shape
        return batch, height + 2 * self.window.padding[0], width + 2 * self.window.padding[1], channels

    def _traversal(self, shape: tuple[int, int, int, int]) -> Traversal:
        """The border holds zeros, so that every pixel sees whole rows of taps: pairs never straddle an edge."""
        inside = Window(self.window.kernel, self.window.stride, (0, 0))
        batch, height, width, _ = self._padded(shape)
        traversal = Traversal(inside, self._layout, batch, height, width)
        block_row = 4 * self._pairs * self._block
        traversal.runs = np.array(
            [(i * width * self._layout.pixel_bytes, i * block_row, self._pairs) for i in range(inside.kernel[0])],
            np.int64,
        )
        traversal.segments[:, 3] = len(traversal.runs)
        return traversal

    def _input_size(self, shape: tuple[int, int, int, int]) -> int:
        return 2 * int(np.prod(self._padded(shape))) + SLACK

    def buffer(self, shape: tuple[int, int, int, int]) -> np.ndarray:
        """Memory for an input (B, H, W, C) as integers, with its border of zeros."""
        return aligned((self.tables(shape).input_size,), np.uint8)

    def take(self, x: int, buffer: np.ndarray, shape: tuple[int, int, int, int]) -> bool:
        """Write the input at address x, float32 of `shape`, into `buffer`; False where it is no picture."""
        batch, height, width, channels = shape
        rows, columns = self.window.padding
        wrong = _picture_kernel(x, buffer.ctypes.data, batch, height, width * channels, rows, columns * channels)
        return not wrong


def on_grid(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the coarsest grid j·2^p of each row, with one p per row.

    Args:
        rows: finite float32 (R, C).

    Returns:
        j, int64 (R, C), and p, int32 (R,): rows = j·2^p exactly, |j| as small as can be. Rows that no |j| < 2^15
        can hold get larger ones.
    """
    mantissa, exponent = np.frexp(rows)
    integers = (mantissa.astype(np.float64) * 2**24).astype(np.int64)  # exact: a float32 has 24 bits
    low = np.where(integers == 0, 127, exponent).min(axis=1, keepdims=True)
    spread = np.minimum(np.where(integers == 0, 0, exponent - low), 30)
    integers <<= spread
    common = np.bitwise_or.reduce(np.abs(integers), axis=1, keepdims=True)
    zeros = np.where(common == 0, 0, np.round(np.log2(np.maximum(common & -common, 1)))).astype(np.int64)
    return integers >> zeros, (np.where(common == 0, 0, low - 24 + zeros))[:, 0].astype(np.int32)
