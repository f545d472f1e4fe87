"""The walk of a convolution: which pixels, which taps, which filters, in which order; the tile does the rest."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from xnorlab.kernels.geometry import Window
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.tile import REVISION, tile

# Places in the head of a plan, one int64 each.
SEGMENTS, PIXELS, RUNS, GROUPS, BLOCKS, BLOCK_FILTERS, GROUP_FILTERS, GROUP_BYTES = range(8)
WEIGHTS, BLOCK_BYTES, INIT, INIT_SEGMENT, INIT_BLOCK, SCALE, BIAS, OUT_STEP, CHUNK = range(8, 17)
HEAD = 17

CHUNK_BYTES = 1 << 18
"""Output bytes that one pass over the filters covers: a quarter of a core's usual second-level cache."""


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
    """

    def __init__(self, window: Window, layout: Layout, batch: int, height: int, width: int):
        self.output = oh, ow = window.output(height, width)
        (kh, kw), (sh, sw), (ph, pw), (dh, dw) = window.kernel, window.stride, window.padding, window.dilation
        segments, runs, pixels, self.inside = [], [], [], []
        n_pixels = 0
        image = np.arange(batch, dtype=np.int64)[:, None, None]
        for row_first, row_last, rows in _axis(height, kh, sh, ph, dh, oh):
            for column_first, column_last, columns in _axis(width, kw, sw, pw, dw, ow):
                y = np.array(rows, np.int64)[None, :, None]
                x = np.array(columns, np.int64)[None, None, :]
                start = ((image * height + y * sh - ph) * width + x * sw - pw) * layout.pixel_bytes
                index = (image * oh + y) * ow + x
                pixels.append(np.stack([start.ravel(), index.ravel()], axis=1))
                first_run = len(runs)
                for i in range(row_first, row_last):
                    whole = dw == 1 and layout.groups == 1
                    for j in [column_first] if whole else range(column_first, column_last):
                        taps = column_last - column_first if whole else 1
                        if taps > 0:
                            at = (i * dh * width + j * dw) * layout.pixel_bytes
                            runs.append((at, (i * kw + j) * layout.tap_bytes, taps * layout.tap_steps))
                segments.append((n_pixels, n_pixels + start.size, first_run, len(runs) - first_run))
                self.inside.append((slice(row_first, row_last), slice(column_first, column_last)))
                n_pixels += start.size
        self.segments = np.array(segments, np.int64).reshape(-1, 4)
        self.runs = np.array(runs, np.int64).reshape(-1, 3)
        self.pixels = np.concatenate(pixels)

    def plan(self, head: dict[int, int]) -> np.ndarray:
        """One int64 array: the head, then the three tables. `head` gives the places that the walk does not know."""
        runs_at = HEAD + self.segments.size
        places = np.zeros(HEAD, np.int64)
        for place, value in head.items():
            places[place] = value
        places[SEGMENTS], places[RUNS], places[PIXELS] = len(self.segments), runs_at, runs_at + self.runs.size
        return np.concatenate([places, self.segments.ravel(), self.runs.ravel(), self.pixels.ravel()])


@cache
def walker(arithmetic: str, group: int, tall: int, short: int):
    """The kernel that walks a plan with tiles of `tall`, `short` and 1 pixels."""
    revision = REVISION

    @kernel
    def walk(data, plan, input_scale, out, part, parts):
        """Compute one of `parts` shares of a plan: of its filters where they divide evenly, else of its pixels."""
        x, result = np.int64(data.ctypes.data), np.int64(out.ctypes.data)
        factors, here = np.int64(input_scale.ctypes.data), np.int64(plan.ctypes.data)
        block_filters, blocks, out_step = plan[BLOCK_FILTERS], plan[BLOCKS], plan[OUT_STEP]
        n_blocks = plan[GROUPS] * blocks
        first_block, last_block, lot, lots = np.int64(0), n_blocks, part, parts
        if n_blocks % parts == 0:
            first_block, last_block, lot, lots = n_blocks * part // parts, n_blocks * (part + 1) // parts, 0, 1
        for s in range(plan[SEGMENTS]):
            row = HEAD + 4 * s
            size, n_runs = plan[row + 1] - plan[row], plan[row + 3]
            first, last = plan[row] + size * lot // lots, plan[row] + size * (lot + 1) // lots
            runs = here + 8 * (plan[RUNS] + 3 * plan[row + 2])
            for start in range(first, last, plan[CHUNK]):
                stop = min(last, start + plan[CHUNK])
                for k in range(first_block, last_block):
                    g, filters = k // blocks, k % blocks * block_filters
                    data_g, to = x + g * plan[GROUP_BYTES], result + 4 * (g * plan[GROUP_FILTERS] + filters)
                    weights = plan[WEIGHTS] + k * plan[BLOCK_BYTES]
                    init = plan[INIT] + s * plan[INIT_SEGMENT] + k * plan[INIT_BLOCK]
                    scale, bias = plan[SCALE] + 4 * k * block_filters, plan[BIAS] + 4 * k * block_filters
                    n_filters = plan[GROUP_FILTERS] - filters
                    operands = (data_g, runs, n_runs, weights, init, scale, bias, factors, to, out_step, n_filters)
                    p = start
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

    return walk
