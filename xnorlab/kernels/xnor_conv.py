"""Binary convolution: signs of activations against signs of weights, 64 at a time."""

from dataclasses import dataclass

import numpy as np

from xnorlab.conventions import EXACT_SUMS, PAD_VALUES, Size
from xnorlab.kernels import conv_kernel, packing
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.filter_blocks import aligned, blocks_of, per_filter
from xnorlab.kernels.geometry import Window, divides, feature_map, filter_words, for_kernels, result
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.packing import Packing, unpack_bits
from xnorlab.kernels.threads import run_parts, thread_count
from xnorlab.kernels.tiled_conv import Call, Tables, TiledConv
from xnorlab.kernels.traversal import Layout, Traversal


def _prefix(group_words: int) -> int:
    """Words that share a running XOR, see codegen/tile.py: the largest of 4, 2 and 1 that divides a pixel's words.

    Longer groups need more registers than there are and gained nothing.
    """
    return next(size for size in (4, 2, 1) if group_words % size == 0)


NO_MAP = np.zeros((0, 0, 0, 0), np.float32)
"""Stands for the map that packing alone does not write, or the convolution alone does not read."""


@kernel
def _set_arrays(table, head, x, words, out):
    """Set the arrays of a packing and a call: in Python each address alone would cost a microsecond."""
    table[packing.X], table[packing.WORDS] = x.ctypes.data, words.ctypes.data
    table[packing.TAKEN], table[packing.DONE] = 0, 0
    head[conv_kernel.X], head[conv_kernel.OUT], head[conv_kernel.TAKEN] = words.ctypes.data, out.ctypes.data, 0


class XnorConv2d(TiledConv):
    """Binary convolution y = ((sign x ⊛ sign W) · scale [· K]) + bias (XNOR-Net, section 3.2).

    The sums are exact integers; scale, input scale and bias follow as separately rounded float32 operations, in this
    order, so that a torch network that computes conv2d(sign x, sign W) · α agrees bit for bit. An object may be
    called from several threads at once.

    Args:
        words: uint64 (N, kh, kw, n_words(channels // groups)), as `pack_filters` gives them.
        channels: C, of the input.
        scale: α, float32 (N,), or None.
        bias: float32 (N,), or None.
        stride: an int or (vertical, horizontal); `padding` and `dilation` likewise.
        padding: width of the border.
        dilation: distance between taps.
        groups: each filter sees the channels of one of so many groups.
        pad_value: what a padded border holds, −1, 0 or +1.

    Raises:
        ValueError: an argument does not fit, or a filter has 2^24 signs or more.
    """

    def __init__(
        self,
        words,
        channels,
        *,
        scale=None,
        bias=None,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups=1,
        pad_value=0,
    ):
        per_group = divides(groups, "channels", channels)
        words = filter_words(words, per_group, groups)
        if pad_value not in PAD_VALUES:
            raise ValueError(f"pad_value={pad_value!r} must be one of {PAD_VALUES}")
        self.pad_value = int(pad_value)
        n, kh, kw, per_tap = words.shape
        if kh * kw * per_group >= EXACT_SUMS:
            raise ValueError(f"a filter of {kh}×{kw} taps × {per_group} channels has {EXACT_SUMS} signs or more")
        block, prefix = vector_unit().packed_filters, _prefix(per_tap)
        running = words.reshape(n, kh * kw, per_tap // prefix, prefix)
        running = np.bitwise_xor.accumulate(running, axis=3).reshape(n, -1)
        layout = Layout(8 * groups * per_tap, 8 * per_tap, 8 * per_tap * block, per_tap // prefix, groups)
        window = Window.of((kh, kw), stride, padding, dilation)
        super().__init__("xnor", prefix, blocks_of(running, groups, block), window, layout, channels, n, scale, bias)

    @property
    def words(self) -> np.ndarray:
        """The filters as they were given, made from the tiles, which are the only copy that is kept."""
        groups, blocks, length, block = self._tiles.shape
        n = self.filters // groups
        filters = self._tiles.transpose(0, 1, 3, 2).reshape(groups, blocks * block, length)[:, :n]
        running = filters.reshape(self.filters, -1, self.prefix)
        words = running.copy()
        words[..., 1:] ^= running[..., :-1]
        return words.reshape(self.filters, *self.window.kernel, -1)

    def _init(self, traversal: Traversal) -> np.ndarray:
        """Taps inside count their channels; a tap on the border adds pad_value · (sum of its signs)."""
        per_group, (kh, kw) = self.channels // self.groups, self.window.kernel
        inside = [(rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in traversal.inside]
        counted = np.array(inside)[:, None] * per_group
        if self.pad_value == 0 or min(inside) == kh * kw:
            return np.repeat(counted, self._block, axis=1).astype(np.float32)
        signs = unpack_bits(self.words, per_group).sum(axis=3, dtype=np.int64) * 2 - per_group
        total = signs.sum(axis=(1, 2))
        border = [total - signs[:, rows, columns].sum(axis=(1, 2)) for rows, columns in traversal.inside]
        sums = (counted + self.pad_value * np.array(border)).astype(np.float32)
        return np.stack([per_filter(row, self.groups, self._block).ravel() for row in sums])

    @property
    def pixel_words(self) -> int:
        """Words that hold one pixel of packed input."""
        return self._layout.pixel_bytes // 8

    def packing(self, shape, threshold=None, flip=None) -> Packing:
        """The packing of inputs (B, H, W, C) into the words that this layer reads. Arguments as in `__call__`."""
        return Packing(shape, threshold, flip, groups=self.groups, prefix=self.prefix)

    def pack(self, x, *, threshold=None, flip=None, threads=1) -> np.ndarray:
        """Pack `x` for `convolve`: uint64 words, flat, in this layer's own order. Arguments as in `__call__`."""
        x, threads = feature_map(x, "x", self.channels), thread_count(threads)
        tables = self.tables(x.shape)
        words = np.empty(tables.input_size // 8, np.uint64)
        work = self._workspace(x.shape, threshold, flip)
        _set_arrays(work.packing.table, work.call.head, x, words, NO_MAP)
        run_parts(work.packing.work, min(threads, tables.parts))
        work.give_back(tables)
        return words

    def convolve(self, words, shape, *, input_scale=None, threads=1, out=None) -> np.ndarray:
        """Convolve words that `pack` gave for an input of `shape` (B, H, W, C); returns what `__call__` returns."""
        shape = tuple(shape)
        if len(shape) != 4 or shape[3] != self.channels or not all(isinstance(n, int) and n > 0 for n in shape):
            raise ValueError(f"shape={shape} must be (B, H, W, {self.channels}), each an int of at least 1")
        tables, threads = self.tables(shape), thread_count(threads)
        if not isinstance(words, np.ndarray) or words.dtype != np.uint64 or words.shape != (tables.input_size // 8,):
            raise ValueError(f"words must be what pack() gives for shape={shape}: uint64, ({tables.input_size // 8},)")
        words, out = for_kernels(words), result(tables.shape, out)
        work = self._workspace(shape, input_scale=input_scale)
        _set_arrays(work.packing.table, work.call.head, NO_MAP, words, out)
        run_parts(work.call.work, min(threads, tables.parts))
        work.give_back(tables)
        return out

    def __call__(self, x, *, threshold=None, flip=None, input_scale=None, threads=1, out=None) -> np.ndarray:
        """Binarize and convolve.

        Args:
            x: float32 (B, H, W, C); its signs are (x >= threshold) ^ flip, channel by channel.
            threshold: float32 (C,), or None for 0.
            flip: bool (C,), or None for no flip.
            input_scale: K, float32 (B, OH, OW), or None for 1.
            threads: that may share the work.
            out: where to write the result; a new array where None.

        Returns:
            float32 (B, OH, OW, N).
        """
        x, threads = feature_map(x, "x", self.channels), thread_count(threads)
        tables = self.tables(x.shape)
        out = result(tables.shape, out)
        work = self._workspace(x.shape, threshold, flip, input_scale)
        _set_arrays(work.packing.table, work.call.head, x, work.words, out)
        run_parts(work.run, min(threads, tables.parts))
        work.give_back(tables)
        return out

    def _workspace(self, shape, threshold=None, flip=None, input_scale=None) -> "_Workspace":
        """A workspace that nobody else uses: one that was given back, where the call has no tables of its own."""
        tables = self.tables(shape)
        own = threshold is not None or flip is not None or input_scale is not None
        if not own:
            try:
                return tables.free.pop()
            except IndexError:
                pass
        factors = None if input_scale is None else _factors(input_scale, tables.shape)
        call = self.call(shape, self.epilogue(None if factors is None else factors.ctypes.data))
        words = aligned((tables.input_size // 8,), np.uint64)
        return _Workspace(self.packing(shape, threshold, flip), call, words, factors, own)


@dataclass
class _Workspace:
    """What one caller at a time needs.

    Attributes:
        packing: of the input into `words`.
        call: of the convolution of `words`.
        words: between the two.
        factors: input scales that the call reads, or None.
        own: made for one call alone, whose thresholds or input scales it holds.
    """

    packing: Packing
    call: Call
    words: np.ndarray
    factors: np.ndarray | None
    own: bool

    def run(self, part: int, parts: int) -> None:
        """Pack, then convolve; no thread begins to count before all words are packed."""
        self.packing.work()
        self.call.work()

    def give_back(self, tables: Tables) -> None:
        """Leave the workspace to the next caller."""
        if not self.own:
            tables.free.append(self)


def _factors(input_scale, shape: tuple[int, int, int, int]) -> np.ndarray:
    input_scale = np.asarray(input_scale)
    if input_scale.shape != shape[:3] or input_scale.dtype != np.float32:
        raise ValueError(
            f"input_scale has shape {input_scale.shape} and dtype {input_scale.dtype}; float32, one entry per output "
            f"pixel, {shape[:3]}, is needed"
        )
    return for_kernels(input_scale)
