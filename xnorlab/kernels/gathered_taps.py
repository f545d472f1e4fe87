"""Binary convolutions of narrow groups: the taps of a window side by side in words.

A group of four channels fills four of the 64 bits of a word. With a word for each tap, a 3 × 3 window would xor and
count nine nearly empty words. Gathered, its 36 bits are one word. The words of a pixel lie group beside group, so that
a register that holds filters of several groups loads the words of all of them at once (codegen/tile.py, "gathered").
"""

import math

import numpy as np

from xnorlab.conventions import WORD_BITS
from xnorlab.kernels.codegen.memory import atomic_load, fetch_and_add, load_int, merge_words, store_word
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.codegen.records import COUNTER, GATHERING, RUN, record_at
from xnorlab.kernels.filter_blocks import aligned, blocks_of, filters_of
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.packing import pack_bits, unpack_bits
from xnorlab.kernels.team import Job
from xnorlab.kernels.traversal import Layout, Traversal

MOST_CHANNELS = 16
"""Channels of a group up to which taps are gathered: four of a word."""

MOST_TAPS = 25
"""Taps up to which they are gathered: the words of larger windows would take more memory than maps."""

SLACK = 128
"""Bytes behind the words: the last block of filters may load those of groups that are not there."""


def gathers(per_group: int, groups: int, taps: int) -> bool:
    """Whether taps are gathered for so many channels of a group and taps."""
    return groups > 1 and per_group <= MOST_CHANNELS and taps <= MOST_TAPS


class GatheredWeights:
    """Filters whose taps lie side by side in words, as `Gathering` lays those of the input.

    Args:
        words: uint64 (N, kh, kw, 1), as `pack_filters` gives them.
        per_group: channels of a group.
        groups: of the convolution.

    Attributes:
        arithmetic, group, block, tiles, layout: as `TiledConv` takes them.
        prefix: 1; plain words are gathered.
    """

    prefix = 1

    def __init__(self, words: np.ndarray, per_group: int, groups: int):
        self._shape, self._per_group = words.shape, per_group
        n, kh, kw, _ = words.shape
        together = WORD_BITS // per_group
        self._count = -(-kh * kw // together)
        bits = np.zeros((n, self._count * together, per_group), bool)
        bits[:, : kh * kw] = unpack_bits(words, per_group).reshape(n, kh * kw, per_group)
        gathered = pack_bits(bits.reshape(n, self._count, -1))[..., 0]
        unit, filters = vector_unit(), n // groups
        self.block, self._word_bytes = unit.packed_filters, 8 * groups
        pixel, tap = self._word_bytes * self._count, 8 * self.block
        if unit.bits // 64 % filters == 0:  # a register holds filters of several groups, or of one
            self.arithmetic, self.group = "gathered", filters
            self.layout = Layout(pixel, 0, tap, 1, 1, per_group, 8 * (self.block // filters))
        else:
            self.arithmetic, self.group = "xnor", 1
            self.layout = Layout(pixel, 8, tap, 1, groups, per_group)
        self.tiles = blocks_of(gathered, self.layout.groups, self.block)

    def words(self) -> np.ndarray:
        """The words as they were given, made from the tiles, which are the only copy that is kept."""
        n, kh, kw, _ = self._shape
        together = WORD_BITS // self._per_group
        gathered = filters_of(self.tiles, n)[..., None]
        bits = unpack_bits(gathered, together * self._per_group).reshape(n, -1, self._per_group)
        return pack_bits(bits[:, : kh * kw].astype(bool)).reshape(self._shape)

    def traversal(self, window: Window, shape: tuple[int, int, int, int]) -> Traversal:
        """The output pixels in segments that see the same taps; each pixel has words of its own, one run each."""
        traversal = Traversal(window, self.layout, *shape[:3])
        traversal.pixels["x_offset"] = traversal.pixels["index"] * self.layout.pixel_bytes
        runs = [(j * self._word_bytes, j * self.layout.tap_bytes, 1) for j in range(self._count)]
        traversal.runs = np.array(runs, RUN)
        traversal.segments[:, 2:] = 0, self._count
        return traversal

    def input_size(self, window: Window, shape: tuple[int, int, int, int]) -> int:
        """Bytes of the gathered words of an input (B, H, W, C)."""
        rows, columns = window.output(*shape[1:3])
        return shape[0] * rows * columns * self.layout.pixel_bytes + SLACK


@kernel
def _part_kernel(address, scratch, counters, part, parts):
    """Give each group of each pixel a word of its own; returns in no thread before all are done.

    address: of a GATHERING; see `team.Job`.
    """
    call = record_at(address, GATHERING)
    groups, bits = call.groups, call.bits
    mask, pixel_bytes = np.uint64((1 << bits) - 1), (groups * bits + WORD_BITS - 1) // WORD_BITS * 8
    n_tasks, done = call.batch * call.height, counters + COUNTER * parts
    for turn in range(parts):
        owner = (part + turn) % parts
        counter = counters + COUNTER * owner
        first, end = n_tasks * owner // parts, n_tasks * (owner + 1) // parts
        task = first + fetch_and_add(counter, 1)
        while task < end:
            words, to = call.words + task * call.width * pixel_bytes, call.parted + task * call.width * groups * 8
            for _ in range(call.width):
                at, shift = words, 0
                for _ in range(groups):
                    word = np.uint64(load_int(at)) >> np.uint64(shift)
                    shift += bits
                    if shift >= WORD_BITS:
                        at, shift = at + 8, shift - WORD_BITS
                        if shift > 0:  # the group goes on in the next word
                            word |= np.uint64(load_int(at)) << np.uint64(bits - shift)
                    store_word(to, word & mask)
                    to += 8
                words += pixel_bytes
            fetch_and_add(done, 1)
            task = first + fetch_and_add(counter, 1)
    while atomic_load(done) < n_tasks:  # what is missing has been taken by a thread that runs
        pass


@kernel
def _gather_kernel(address, scratch, counters, part, parts):
    """Gather rows of output pixels until none is left; returns in no thread before all are done.

    address: of a GATHERING; see `team.Job`.
    """
    call = record_at(address, GATHERING)
    height, width, groups, bits = call.height, call.width, call.groups, call.bits
    word_bytes = 8 * groups
    n_tasks, done = call.batch * call.out_height, counters + COUNTER * parts
    for turn in range(parts):
        owner = (part + turn) % parts
        counter = counters + COUNTER * owner
        first, end = n_tasks * owner // parts, n_tasks * (owner + 1) // parts
        task = first + fetch_and_add(counter, 1)
        while task < end:
            top = task % call.out_height * call.sh - call.ph
            image = call.parted + task // call.out_height * height * width * word_bytes
            to = call.gathered + task * call.out_width * call.pixel_bytes
            for j in range(call.out_width):
                for at in range(to, to + call.pixel_bytes, 8):
                    store_word(at, np.uint64(0))
                left, out, shift = j * call.sw - call.pw, to, 0
                for y in range(call.kh):
                    row = top + y * call.dh
                    for z in range(call.kw):
                        column = left + z * call.dw
                        if 0 <= row < height and 0 <= column < width:
                            x, g = image + (row * width + column) * word_bytes, 0
                            while g + 8 <= groups:
                                merge_words(8, out + 8 * g, x + 8 * g, shift)
                                g += 8
                            while g < groups:
                                merge_words(1, out + 8 * g, x + 8 * g, shift)
                                g += 1
                        shift += bits
                        if shift + bits > WORD_BITS:
                            shift, out = 0, out + word_bytes
                to += call.pixel_bytes
            fetch_and_add(done, 1)
            task = first + fetch_and_add(counter, 1)
    while atomic_load(done) < n_tasks:  # what is missing has been taken by a thread that runs
        pass


@kernel
def _start(address, words, gathered):
    call = record_at(address, GATHERING)
    call.words, call.gathered = words, gathered


class Gathering:
    """The gathering of taps from packed words of one shape, all channels of a pixel in a row.

    What lies outside the map is 0, a −1.

    It runs as often as wanted, never twice at once.

    Args:
        window: of the convolution.
        shape: (B, H, W, C) of the input.
        groups: of the convolution.
        per_group: channels of a group.
        pixel_bytes: of a pixel's gathered words.

    Attributes:
        job: the work of a run.
    """

    def __init__(self, window: Window, shape: tuple[int, int, int, int], groups: int, per_group: int, pixel_bytes: int):
        self._record, self._parted = np.zeros(1, GATHERING), aligned((math.prod(shape[:3]) * groups,), np.uint64)
        self._address = self._record.ctypes.data
        self.job = Job((_part_kernel, self._record), (_gather_kernel, self._record))
        sizes = (*shape[:3], groups, *window.output(*shape[1:3]))
        steps = (*window.kernel, *window.stride, *window.padding, *window.dilation)
        self._record[0] = (0, self._parted.ctypes.data, 0, *sizes, *steps, per_group, pixel_bytes)  # as its fields

    def prepare(self, words: int, gathered: int) -> None:
        """Set the addresses of packed and gathered words before a run."""
        _start(self._address, words, gathered)

    def run(self, words: int, gathered: int, threads: int = 1) -> None:
        """Gather the words at address `words` to the address `gathered`."""
        self.prepare(words, gathered)
        self.job.run(threads)
