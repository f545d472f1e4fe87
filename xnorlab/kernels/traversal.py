"""The walk of a convolution: which pixels, which taps, which filters, in which order; the tile does the rest."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from xnorlab.kernels.codegen.emitter import fetch_and_add, load_int, prefetch
from xnorlab.kernels.codegen.tile import tile
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.jit import Kernel, kernel_of_many

# Places in a call, one int64 each; most are addresses. TAKEN counts the tasks that threads have taken.
X, TAKEN, PROGRAM, N_STEPS, PASSES, N_PASSES, PIECES, RUNS, PIXELS = range(9)
GROUPS, BLOCKS, BLOCK_FILTERS, GROUP_FILTERS, GROUP_BYTES, WEIGHTS, BLOCK_BYTES = range(9, 16)
INIT, INIT_SEGMENT, INIT_BLOCK = range(16, 19)
SCALE, SHIFT, OUT, OUT_STRIDE, LIMITS, FLIPS, WORDS, WORDS_STRIDE = range(19, 27)
CALL = 27

PASS_BYTES = 1 << 17
"""Output bytes that one pass over the filters covers: an eighth of a core's usual second-level cache."""

FETCH_BYTES = 1 << 15
"""Weights of a block that are fetched ahead: what the first-level cache holds. More would crowd out what is in use."""


def _axis(size: int, kernel: int, stride: int, padding: int, dilation: int, count: int) -> list[tuple[int, int, list]]:
    """Output positions along one axis by the range of taps that fall inside: [(first, last + 1, positions)]."""
    found: dict[tuple[int, int], list[int]] = {}
    for position in range(count):
        start = position * stride - padding
        first = min(kernel, -(start // dilation)) if start < 0 else 0
        last = min(kernel, max(first, -((start - size) // dilation)))
        found.setdefault((first, last), []).append(position)
    return [(*taps, positions) for taps, positions in found.items()]


def run_count(window: Window, groups: int, height: int, width: int) -> int:
    """How many runs of taps a `Walk` over such a map lists: one a tap, or one a row of taps that lie together."""
    together = window.dilation[1] == 1 and groups == 1
    totals = []
    for size, axis, count in zip((height, width), (0, 1), window.output(height, width), strict=True):
        kernel, stride, padding, dilation = (
            pair[axis] for pair in (window.kernel, window.stride, window.padding, window.dilation)
        )
        parts = _axis(size, kernel, stride, padding, dilation, count)
        totals.append(len(parts) if together and axis else sum(last - first for first, last, _ in parts))
    return totals[0] * totals[1]


@dataclass(frozen=True)
class Layout:
    """How a layer's operands lie in memory: bytes of a pixel and of a tap's weights, tile steps a tap."""

    pixel_bytes: int
    group_bytes: int
    tap_bytes: int
    tap_steps: int
    groups: int


class Walk:
    """Output pixels in segments that see the same taps. Border taps are never visited; their segment knows them.

    output: (OH, OW). inside: for each segment the (rows, columns) of the kernel that fall inside the map.
    segments: rows of first pixel, last pixel + 1, first run, number of runs. runs: rows of byte offset from the
    pixel, byte offset into a block's weights, tile steps. pixels: rows of byte offset of the window's first tap
    (on the border it lies outside, and is never read) and index of the output pixel.
    """

    def __init__(self, window: Window, layout: Layout, batch: int, height: int, width: int):
        self.output = oh, ow = window.output(height, width)
        (kh, kw), (sh, sw), (ph, pw), (dh, dw) = window.kernel, window.stride, window.padding, window.dilation
        self.inside: list[tuple[slice, slice]] = []
        segments, runs, pixels, n_pixels = [], [], [], 0
        image = np.arange(batch, dtype=np.int64)[:, None, None]
        for row_first, row_last, rows in _axis(height, kh, sh, ph, dh, oh):
            for column_first, column_last, columns in _axis(width, kw, sw, pw, dw, ow):
                y = np.array(rows, np.int64)[None, :, None]
                x = np.array(columns, np.int64)[None, None, :]
                start = ((image * height + y * sh - ph) * width + x * sw - pw) * layout.pixel_bytes
                pixels.append(np.stack([start.ravel(), ((image * oh + y) * ow + x).ravel()], axis=1))
                first_run = len(runs)
                taps = column_last - column_first
                together = taps if dw == 1 and layout.groups == 1 else 1
                for i in range(row_first, row_last):
                    for j in range(column_first, column_last, max(together, 1)):
                        at = (i * dh * width + j * dw) * layout.pixel_bytes
                        runs.append((at, (i * kw + j) * layout.tap_bytes, together * layout.tap_steps))
                segments.append((n_pixels, n_pixels + start.size, first_run, len(runs) - first_run))
                self.inside.append((slice(row_first, row_last), slice(column_first, column_last)))
                n_pixels += start.size
        self.segments = np.array(segments, np.int64).reshape(-1, 4)
        self.runs = np.array(runs, np.int64).reshape(-1, 3)
        self.pixels = np.concatenate(pixels)

    def passes(self, pixels: int) -> tuple[np.ndarray, np.ndarray]:
        """Segments cut into pieces, and passes of at most so many pixels over all filters.

        Returns passes, rows of first piece and last piece + 1, and pieces, rows of a segment and its number.
        """
        passes, pieces, room = [], [], 0
        for number, (first, last, *runs) in enumerate(self.segments.tolist()):
            while first < last:
                if room == 0:
                    passes.append([len(pieces), 0])
                    room = pixels
                stop = min(last, first + room)
                pieces.append((first, stop, *runs, number))
                passes[-1][1] = len(pieces)
                room -= stop - first
                first = stop
        return np.array(passes, np.int64), np.array(pieces, np.int64)


@cache
def walker(arithmetic: str, group: int, tall: int, short: int) -> Kernel:
    """The kernel that walks a call with tiles of `tall`, `short` and 1 pixels."""

    @kernel_of_many(f"{arithmetic}_{group}_{tall}_{short}")
    def walk(call):
        """Take tasks, a pass over one block of filters each, until none is left."""
        counter = np.int64(call.ctypes.data) + 8 * TAKEN
        n_blocks, blocks, block_filters = call[GROUPS] * call[BLOCKS], call[BLOCKS], call[BLOCK_FILTERS]
        block_bytes = call[BLOCK_BYTES]
        task = fetch_and_add(counter, 1)
        while task < call[N_PASSES] * n_blocks:
            n, k = task // n_blocks, task % n_blocks
            g, filters = k // blocks, k % blocks * block_filters
            x = call[X] + g * call[GROUP_BYTES]
            weights = call[WEIGHTS] + k * block_bytes
            n_filters, first_filter = call[GROUP_FILTERS] - filters, g * call[GROUP_FILTERS] + filters
            if k + 1 < n_blocks and block_bytes <= FETCH_BYTES:
                for line in range(weights + block_bytes, weights + 2 * block_bytes, 64):
                    prefetch(line)
            first_piece, last_piece = load_int(call[PASSES] + 16 * n), load_int(call[PASSES] + 16 * n + 8)
            for piece in range(call[PIECES] + 40 * first_piece, call[PIECES] + 40 * last_piece, 40):
                p, stop = load_int(piece), load_int(piece + 8)
                n_runs, s = load_int(piece + 24), load_int(piece + 32)
                runs = call[RUNS] + 24 * load_int(piece + 16)
                init = call[INIT] + s * call[INIT_SEGMENT] + k * call[INIT_BLOCK]
                operands = (
                    x,
                    runs,
                    n_runs,
                    weights,
                    init,
                    call[SCALE],
                    call[SHIFT],
                    call[OUT],
                    call[OUT_STRIDE],
                    call[LIMITS],
                    call[FLIPS],
                    call[WORDS],
                    call[WORDS_STRIDE],
                    call[PROGRAM],
                    call[N_STEPS],
                    4 * k * block_filters,
                    first_filter,
                    n_filters,
                )
                while p < stop:
                    pixels = call[PIXELS] + 16 * p
                    if p + tall <= stop:
                        tile(arithmetic, group, tall, pixels, operands)
                        p += tall
                    elif p + short <= stop:
                        tile(arithmetic, group, short, pixels, operands)
                        p += short
                    else:
                        tile(arithmetic, group, 1, pixels, operands)
                        p += 1
            task = fetch_and_add(counter, 1)

    return walk
