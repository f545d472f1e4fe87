"""Binary convolution: signs of activations against signs of weights, 64 at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnorlab.conventions import EXACT_SUMS, PAD_VALUES, Size, n_words
from xnorlab.kernels.codegen.lookup import MOST_SIGNS
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.codegen.records import CALL, PACKING, record_at
from xnorlab.kernels.filter_blocks import aligned, per_filter
from xnorlab.kernels.gathered_taps import GatheredWeights, Gathering, gathers
from xnorlab.kernels.geometry import Window, divides, feature_map, filter_words, for_kernels, result
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.packed_weights import CountedWeights, TableWeights
from xnorlab.kernels.packing import Packing, running_xor, unpack_bits
from xnorlab.kernels.pair_tables import Laying, Pairing, value_tables
from xnorlab.kernels.team import Job
from xnorlab.kernels.threads import thread_count
from xnorlab.kernels.tiled_conv import Call, Tables, TiledConv
from xnorlab.kernels.traversal import Traversal

NO_MAP = np.zeros((0, 0, 0, 0), np.float32)
"""Stands for the map that packing alone does not write, or the convolution alone does not read."""


@kernel
def _set_arrays(packing, call, x, words, prepared, out):
    """Set the arrays of a PACKING and a CALL: in Python each address alone would cost a microsecond."""
    pack = record_at(packing, PACKING)
    pack.x, pack.words = x.ctypes.data, words.ctypes.data
    run = record_at(call, CALL)
    run.x, run.out = prepared.ctypes.data, out.ctypes.data


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
        n, kh, kw, _ = words.shape
        if kh * kw * per_group >= EXACT_SUMS:
            raise ValueError(f"a filter of {kh}×{kw} taps × {per_group} channels has {EXACT_SUMS} signs or more")
        window = Window.of((kh, kw), stride, padding, dilation)
        # Half of an odd number of channels is no whole number: such a border of zeros has no tables.
        tables = not (per_group % 2 and self.pad_value == 0 and any(window.padding))
        gathered = gathers(per_group, groups, kh * kw)
        self.by_table = vector_unit().looks_up and kh * kw * per_group < MOST_SIGNS and tables and not gathered
        kind = GatheredWeights if gathered else TableWeights if self.by_table else CountedWeights
        self._weights, self.groups = kind(words, per_group, groups), groups
        self._values = value_tables(per_group, self.pad_value) if self.by_table else None
        w = self._weights
        super().__init__(w.arithmetic, w.group, w.block, w.tiles, window, w.layout, channels, n, scale, bias)

    @property
    def words(self) -> np.ndarray:
        """The filters as they were given, uint64 (N, kh, kw, n_words(channels // groups))."""
        return self._weights.words()

    def _traversal(self, shape: tuple[int, int, int, int]) -> Traversal:
        if isinstance(self._weights, GatheredWeights):
            return self._weights.traversal(self.window, shape)
        if self.by_table:
            return Pairing.of(self.window, *shape[:3]).traversal(self.window, self._layout)
        return super()._traversal(shape)

    def _input_size(self, shape: tuple[int, int, int, int]) -> int:
        if isinstance(self._weights, GatheredWeights):
            return self._weights.input_size(self.window, shape)
        if self.by_table:
            return Pairing.of(self.window, *shape[:3]).size(self._layout)
        return super()._input_size(shape)

    def _init(self, traversal: Traversal) -> np.ndarray:
        """Taps inside count their channels; a tap on the border adds pad_value · (sum of its signs).

        Gathered, all taps count their channels, those on the border as −1.
        """
        per_group, (kh, kw) = self.channels // self.groups, self.window.kernel
        if self.by_table:  # the border counts, too
            return np.full((1, self._block), kh * kw * per_group, np.float32)
        inside = [(rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in traversal.inside]
        gathered = isinstance(self._weights, GatheredWeights)
        counted = np.array([kh * kw] * len(inside) if gathered else inside)[:, None] * per_group
        added = self.pad_value + gathered  # to what the border has added already
        if added == 0 or min(inside) == kh * kw:
            return np.repeat(counted, self._block, axis=1).astype(np.float32)
        signs = unpack_bits(self.words, per_group).sum(axis=3, dtype=np.int64) * 2 - per_group
        total = signs.sum(axis=(1, 2))
        border = [total - signs[:, rows, columns].sum(axis=(1, 2)) for rows, columns in traversal.inside]
        sums = (counted + added * np.array(border)).astype(np.float32)
        return np.stack([per_filter(row, self._layout.groups, self._block).ravel() for row in sums])

    @property
    def pixel_words(self) -> int:
        """Words that hold one pixel of packed input."""
        return self.word_groups * n_words(self.channels // self.word_groups)

    @property
    def word_groups(self) -> int:
        """Groups of channels that begin with a word of their own: 1 where taps are gathered from plain pixels."""
        return 1 if isinstance(self._weights, GatheredWeights) else self.groups

    def packing(self, shape, threshold=None, flip=None) -> Packing:
        """The packing of inputs (B, H, W, C) into words, in the order of `arranging`. Arguments as in `__call__`."""
        return Packing(shape, threshold, flip, groups=self.word_groups, prefix=self._weights.prefix)

    def laying(self, shape) -> Laying | Gathering | None:
        """What makes tables, or gathers taps, of the words that `packing` gives; None where the kernel reads these."""
        if isinstance(self._weights, GatheredWeights):
            per_group = self.channels // self.groups
            return Gathering(self.window, shape, self.groups, per_group, self._layout.pixel_bytes)
        if self._values is None:
            return None
        pairing, per_group = Pairing.of(self.window, *shape[:3]), self.channels // self.groups
        return Laying(pairing, self.window, shape[1:3], self.groups, per_group, self._values)

    def arrange(self, words: np.ndarray) -> None:
        """Turn plain packed signs, uint64 flat, into the order of `packing`, in place."""
        running_xor(words, self._weights.prefix)

    @property
    def reads_plain_words(self) -> bool:
        """Whether `arrange` has nothing to do."""
        return self._weights.prefix == 1

    def pack(self, x, *, threshold=None, flip=None, threads=1) -> np.ndarray:
        """Prepare `x` for `convolve`: uint64, flat, in this layer's own form. Arguments as in `__call__`."""
        x, threads = feature_map(x, "x", self.channels), thread_count(threads)
        tables = self.tables(x.shape)
        prepared = aligned((tables.input_size // 8,), np.uint64)
        work = self._workspace(x.shape, threshold, flip)
        work.set_arrays(x, prepared, NO_MAP)
        work.preparation.run(min(threads, tables.parts), tables.worth_waking)
        work.give_back(tables)
        return prepared

    def convolve(self, prepared, shape, *, input_scale=None, threads=1, out=None) -> np.ndarray:
        """Convolve what `pack` gave for an input of `shape` (B, H, W, C); returns what `__call__` returns."""
        shape = tuple(shape)
        if len(shape) != 4 or shape[3] != self.channels or not all(isinstance(n, int) and n > 0 for n in shape):
            raise ValueError(f"shape={shape} must be (B, H, W, {self.channels}), each an int of at least 1")
        tables, threads = self.tables(shape), thread_count(threads)
        size = tables.input_size // 8
        if not isinstance(prepared, np.ndarray) or prepared.dtype != np.uint64 or prepared.shape != (size,):
            raise ValueError(f"prepared must be what pack() gives for shape={shape}: uint64, ({size},)")
        prepared, out = for_kernels(prepared), result(tables.shape, out)
        work = self._workspace(shape, input_scale=input_scale)
        work.set_arrays(NO_MAP, prepared, out)
        work.call.job.run(min(threads, tables.parts), tables.worth_waking)
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
        work.set_arrays(x, work.prepared, out)
        work.whole.run(min(threads, tables.parts), tables.worth_waking)
        work.give_back(tables)
        return out

    def standing(self, shape, *, threshold=None, flip=None, input_scale=None) -> Callable[..., None]:
        """A call for inputs of one shape, as often as wanted, never twice at once.

        What `__call__` makes anew for thresholds and input scales takes as long as a small layer's work; here it is
        made once.

        Args:
            shape: (B, H, W, C) of the inputs.
            threshold: as in `__call__`.
            flip: as in `__call__`.
            input_scale: K, float32 (B, OH, OW) for kernels, read at each call; None for 1.

        Returns:
            A function of x, out and threads, both arrays as `feature_map` and `result` give them.
        """
        tables = self.tables(shape)
        work = self._workspace(shape, threshold, flip, input_scale)

        def convolve(x: np.ndarray, out: np.ndarray, threads: int) -> None:
            work.set_arrays(x, work.prepared, out)
            work.whole.run(min(threads, tables.parts), tables.worth_waking)

        return convolve

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
        packing, laying = self.packing(shape, threshold, flip), self.laying(shape)
        words = aligned((packing.size,), np.uint64)
        prepared = words if laying is None else aligned((tables.input_size // 8,), np.uint64)
        return _Workspace(packing, laying, call, words, prepared, factors, own)


@dataclass
class _Workspace:
    """What one caller at a time needs.

    Attributes:
        packing: of the input into `words`.
        laying: of the words' tables or taps, or None where the call reads the words.
        call: of the convolution of `prepared`.
        words: packed signs, between packing and laying.
        prepared: what the call reads.
        factors: input scales that the call reads, or None.
        own: made for one call alone, whose thresholds or input scales it holds.
        preparation: packing, and laying where there is one.
        whole: preparation and convolution.
    """

    packing: Packing
    laying: Laying | Gathering | None
    call: Call
    words: np.ndarray
    prepared: np.ndarray
    factors: np.ndarray | None
    own: bool

    def __post_init__(self):
        jobs = [self.packing.job, *([] if self.laying is None else [self.laying.job])]
        self.preparation, self.whole = Job.of(*jobs), Job.of(*jobs, self.call.job)

    def set_arrays(self, x: np.ndarray, prepared: np.ndarray, out: np.ndarray) -> None:
        """Set what the next run reads and writes."""
        if self.laying is None:
            _set_arrays(self.packing.address, self.call.address, x, prepared, prepared, out)
        else:
            _set_arrays(self.packing.address, self.call.address, x, self.words, prepared, out)
            self.laying.prepare(self.words.ctypes.data, prepared.ctypes.data)

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
