"""The walk of a convolution: which pixels, which taps, which filters, in which order; the tile does the rest."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from xnorlab.kernels.emitter import fetch_and_add, prefetch
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.jit import Kernel, kernel
from xnorlab.kernels.tile import REVISION, tile

# Places in the head of a plan, one int64 each.
PASSES, N_PASSES, PIECES, PIXELS, RUNS, GROUPS, BLOCKS, BLOCK_FILTERS, GROUP_FILTERS = range(9)
GROUP_BYTES, WEIGHTS, BLOCK_BYTES, INIT, INIT_SEGMENT, INIT_BLOCK, SCALE, BIAS, OUT_STEP = range(9, 18)
HEAD = 18

PASS_BYTES = 1 << 17
"""Output bytes that one pass over the filters covers: an eighth of a core's usual second-level cache."""

FETCH_BYTES = 1 << 15
"""Weights of a block that are fetched ahead: what the first-level cache holds. More would crowd out what is in use."""


def aligned(shape: tuple[int, ...], dtype) -> np.ndarray:
    """Zeros on a 64-byte boundary: a vector load that crosses a cache line costs two."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def blocks_of(filters: np.ndarray, groups: int, block_filters: int) -> np.ndarray:
    """(N, T) as aligned (groups, blocks, T, block_filters), missing filters zero."""
    n = filters.shape[0] // groups
    blocks = -(-n // block_filters)
    out = aligned((groups, blocks, filters.shape[1], block_filters), filters.dtype)
    for g in range(groups):
        for k in range(blocks):
            part = filters[g * n + k * block_filters : g * n + min(n, (k + 1) * block_filters)]
            out[g, k, :, : len(part)] = part.T
    return out


def per_filter(values: np.ndarray, groups: int, block_filters: int) -> np.ndarray:
    """(N,) as (groups, blocks, block_filters), missing filters zero."""
    return blocks_of(values[:, None], groups, block_filters)[:, :, 0]


def _axis(size: int, kernel: int, stride: int, padding: int, dilation: int, count: int) -> list[tuple[int, int, list]]:
    """Output positions along one axis by the range of taps that fall inside: [(first, last + 1, positions)]."""
    found: dict[tuple[int, int], list[int]] = {}
    for position in range(count):
        start = position * stride - padding
        first = min(kernel, -(start // dilation)) if start < 0 else 0
        last = min(kernel, max(first, -((start - size) // dilation)))
        found.setdefault((first, last), []).append(position)
    return [(*taps, positions) for taps, positions in found.items()]


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

    def plan(self, head: dict[int, int], pass_pixels: int) -> np.ndarray:
        """One int64 array: the head, then the tables. `head` gives the places that the walk does not know."""
        tables = [*self.passes(pass_pixels), self.runs, self.pixels]
        places = np.zeros(HEAD, np.int64)
        places[list(head)] = list(head.values())
        places[N_PASSES] = len(tables[0])
        places[[PASSES, PIECES, RUNS, PIXELS]] = HEAD + np.cumsum([0] + [t.size for t in tables[:-1]])
        return np.concatenate([places, *(t.ravel() for t in tables)])


@cache
def walker(arithmetic: str, group: int, tall: int, short: int) -> Kernel:
    """The kernel that walks a plan with tiles of `tall`, `short` and 1 pixels."""
    revision = REVISION

    @kernel
    def walk(data, plan, input_scale, out, shared):
        """Take tasks, a pass over one block of filters each, until none is left; shared[0] counts them."""
        x, result = np.int64(data.ctypes.data), np.int64(out.ctypes.data)
        factors, here = np.int64(input_scale.ctypes.data), np.int64(plan.ctypes.data)
        block_filters, blocks, out_step = plan[BLOCK_FILTERS], plan[BLOCKS], plan[OUT_STEP]
        n_blocks, block_bytes = plan[GROUPS] * blocks, plan[BLOCK_BYTES]
        counter = np.int64(shared.ctypes.data)
        task = fetch_and_add(counter, 1)
        while task < plan[N_PASSES] * n_blocks:
            n, k = task // n_blocks, task % n_blocks
            first_piece, last_piece = plan[plan[PASSES] + 2 * n], plan[plan[PASSES] + 2 * n + 1]
            g, filters = k // blocks, k % blocks * block_filters
            data_g, to = x + g * plan[GROUP_BYTES], result + 4 * (g * plan[GROUP_FILTERS] + filters)
            weights = plan[WEIGHTS] + k * block_bytes
            scale, bias = plan[SCALE] + 4 * k * block_filters, plan[BIAS] + 4 * k * block_filters
            n_filters = plan[GROUP_FILTERS] - filters
            if k + 1 < n_blocks and block_bytes <= FETCH_BYTES:
                for line in range(weights + block_bytes, weights + 2 * block_bytes, 64):
                    prefetch(line)
            for piece in range(plan[PIECES] + 5 * first_piece, plan[PIECES] + 5 * last_piece, 5):
                p, stop, n_runs, s = plan[piece], plan[piece + 1], plan[piece + 3], plan[piece + 4]
                runs = here + 8 * (plan[RUNS] + 3 * plan[piece + 2])
                init = plan[INIT] + s * plan[INIT_SEGMENT] + k * plan[INIT_BLOCK]
                operands = (data_g, runs, n_runs, weights, init, scale, bias, factors, to, out_step, n_filters)
                while p < stop:
                    pixels = here + 8 * (plan[PIXELS] + 2 * p)
                    if p + tall <= stop:
                        tile(arithmetic, group, tall, revision, pixels, operands)
                        p += tall
                    elif p + short <= stop:
                        tile(arithmetic, group, short, revision, pixels, operands)
                        p += short
                    else:
                        tile(arithmetic, group, 1, revision, pixels, operands)
                        p += 1
            task = fetch_and_add(counter, 1)

    return walk
