"""Binary convolution: signs of activations against signs of weights, 64 at a time."""

import numpy as np

from xnorlab.conventions import PAD_VALUES, Size
from xnorlab.kernels import packing, walk
from xnorlab.kernels.blocks import aligned, blocks_of, per_filter
from xnorlab.kernels.epilogue import Epilogue
from xnorlab.kernels.geometry import Window, divides, feature_map, filter_words, for_kernels, result
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.packing import Packing, unpack_bits
from xnorlab.kernels.processor import vector_unit
from xnorlab.kernels.threads import run_parts, thread_count
from xnorlab.kernels.tiled import Call, TiledConv
from xnorlab.kernels.walk import Layout, Walk

EXACT_SUMS = 1 << 24
"""float32 holds every integer up to here."""


def _prefix(group_words: int) -> int:
    """Words that share a running XOR (see tile.py): the largest of 4, 2 and 1 that divides the words of a pixel.

    Longer groups need more registers than there are and gained nothing.
    """
    return next(size for size in (4, 2, 1) if group_words % size == 0)


@kernel
def _aim(table, head, x, out):
    """Both parts of a call at new arrays: in Python each address alone would cost a microsecond."""
    table[packing.X], table[packing.TAKEN], table[packing.DONE] = x.ctypes.data, 0, 0
    head[walk.OUT], head[walk.TAKEN] = out.ctypes.data, 0


class XnorConv2d(TiledConv):
    """Binary convolution y = ((sign x ⊛ sign W) · scale [· K]) + bias (XNOR-Net, section 3.2).

    words: uint64 (N, kh, kw, n_words(channels // groups)), as `pack_filters` gives them. scale (α), bias: (N,)
    float32 or None. pad_value: what a padded border holds, −1, 0 or +1. The sums are exact integers; scale, input
    scale and bias follow as separately rounded float32 operations, in this order, so that a torch network that
    computes conv2d(sign x, sign W) · α agrees bit for bit. An object may be called from several threads at once.
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
        """The filters as they were given, from the tile layout: the only copy that is kept."""
        groups, blocks, length, block = self._tiles.shape
        n = self.filters // groups
        filters = self._tiles.transpose(0, 1, 3, 2).reshape(groups, blocks * block, length)[:, :n]
        running = filters.reshape(self.filters, -1, self.prefix)
        words = running.copy()
        words[..., 1:] ^= running[..., :-1]
        return words.reshape(self.filters, *self.window.kernel, -1)

    def _init(self, walk: Walk) -> np.ndarray:
        """Taps inside count their channels; a tap on the border adds pad_value · (sum of its signs)."""
        per_group, (kh, kw) = self.channels // self.groups, self.window.kernel
        inside = [(rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in walk.inside]
        counted = np.array(inside)[:, None] * per_group
        if self.pad_value == 0 or min(inside) == kh * kw:
            return np.repeat(counted, self._block, axis=1).astype(np.float32)
        signs = unpack_bits(self.words, per_group).sum(axis=3, dtype=np.int64) * 2 - per_group
        border = [signs.sum(axis=(1, 2)) - signs[:, rows, columns].sum(axis=(1, 2)) for rows, columns in walk.inside]
        sums = (counted + self.pad_value * np.array(border)).astype(np.float32)
        return np.stack([per_filter(row, self.groups, self._block).ravel() for row in sums])

    @property
    def pixel_words(self) -> int:
        """Words of a pixel of packed input."""
        return self._layout.pixel_bytes // 8

    def packing(self, shape, threshold=None, flip=None) -> Packing:
        """How inputs (B, H, W, C) become the words that this layer reads, see `__call__`."""
        return Packing(shape, threshold, flip, groups=self.groups, prefix=self.prefix)

    def pack(self, x, *, threshold=None, flip=None, threads=1) -> np.ndarray:
        """The words that `convolve` reads, in this layer's own order: uint64, flat. Arguments as in `__call__`."""
        x = feature_map(x, "x", self.channels)
        threads = thread_count(threads)
        pack = self.packing(x.shape, threshold, flip)
        words = np.empty(pack.size, np.uint64)
        pack.run(x.ctypes.data, words.ctypes.data, threads)
        return words

    def convolve(self, words, shape, *, input_scale=None, threads=1, out=None) -> np.ndarray:
        """The convolution of words that `pack` gave for an input of `shape` (B, H, W, C); returns as `__call__`."""
        tables, threads = self.tables(tuple(shape)), thread_count(threads)
        if not isinstance(words, np.ndarray) or words.dtype != np.uint64 or words.shape != (tables.input_size // 8,):
            raise ValueError(f"words must be what pack() gives for shape={shape}: uint64, ({tables.input_size // 8},)")
        words, factors, out = for_kernels(words), _factors(input_scale, tables.shape), result(tables.shape, out)
        epilogue = self.epilogue(None if factors is None else factors.ctypes.data).store(out.ctypes.data)
        self.call(tuple(shape), epilogue, words.ctypes.data).run(threads)
        return out

    def __call__(self, x, *, threshold=None, flip=None, input_scale=None, threads=1, out=None) -> np.ndarray:
        """x: (B, H, W, C) float32, its signs taken as (x >= threshold) ^ flip, channel by channel.

        threshold: (C,) float32. flip: (C,) bool. input_scale: K, (B, OH, OW) float32. Returns (B, OH, OW, N)
        float32, in `out` where given.
        """
        x = feature_map(x, "x", self.channels)
        tables, threads = self.tables(x.shape), thread_count(threads)
        out = result(tables.shape, out)
        if threshold is None and flip is None and input_scale is None:
            try:
                lane = tables.free.pop()
            except IndexError:
                lane = self._lane(x.shape, self.epilogue())
            self._run(lane, x, out, threads)
            tables.free.append(lane)
            return out
        factors = _factors(input_scale, tables.shape)
        epilogue = self.epilogue(None if factors is None else factors.ctypes.data)
        self._run(self._lane(x.shape, epilogue, threshold, flip), x, out, threads)
        return out

    def _lane(self, shape, epilogue: Epilogue, threshold=None, flip=None) -> tuple[Packing, Call, np.ndarray]:
        """What one caller at a time needs: packing, call, and the words between them."""
        pack = self.packing(shape, threshold, flip)
        words = aligned((pack.size,), np.uint64)
        pack.prepare(0, words.ctypes.data)
        return pack, self.call(shape, epilogue, words.ctypes.data), words

    def _run(self, lane: tuple[Packing, Call, np.ndarray], x: np.ndarray, out: np.ndarray, threads: int) -> None:
        pack, call, _ = lane
        _aim(pack.table, call.head, x, out)
        threads = min(threads, call.parts)
        if threads == 1:
            pack.work()
            call.work()
            return

        def work(part: int, parts: int) -> None:
            pack.work()
            call.work()

        run_parts(work, threads)


def _factors(input_scale, shape: tuple[int, int, int, int]) -> np.ndarray | None:
    if input_scale is None:
        return None
    input_scale = np.asarray(input_scale)
    if input_scale.shape != shape[:3] or input_scale.dtype != np.float32:
        raise ValueError(
            f"input_scale has shape {input_scale.shape} and dtype {input_scale.dtype}; float32, one entry an output "
            f"pixel, {shape[:3]}, is needed"
        )
    return for_kernels(input_scale)
