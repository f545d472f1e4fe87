"""The order in which a convolution visits its map: which output pixels, which taps, at which addresses."""

from dataclasses import dataclass

import numpy as np

from xnorlab.kernels.codegen.records import PASS, PIECE, PIXEL, RUN
from xnorlab.kernels.geometry import Window


def records(rows: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Rows of int64, one column per field, as records of `kind`."""
    return np.ascontiguousarray(rows).view(kind).reshape(-1)


def _axis(size: int, kernel: int, stride: int, padding: int, dilation: int, count: int) -> list[tuple[int, int, list]]:
    """Output positions along one axis by the range of taps that fall inside: [(first, last + 1, positions)]."""
    by_taps: dict[tuple[int, int], list[int]] = {}
    for position in range(count):
        start = position * stride - padding
        first = min(kernel, -(start // dilation)) if start < 0 else 0
        last = min(kernel, max(first, -((start - size) // dilation)))
        by_taps.setdefault((first, last), []).append(position)
    return [(*taps, positions) for taps, positions in by_taps.items()]


def run_count(window: Window, groups: int, height: int, width: int) -> int:
    """Runs of taps that a `Traversal` of such a map lists: one per tap, or one per row of taps that lie together."""
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
    """How a layer's operands lie in memory.

    Attributes:
        pixel_bytes: of one pixel of the prepared input, all groups together.
        group_bytes: of one group's channels within a pixel.
        tap_bytes: of one tap's weights within a block of filters.
        tap_steps: steps of a tile for one tap.
        groups: of filters that see the same channels, or 1 where a register holds filters of several.
        channels: that a filter sees.
        block_bytes: in such registers, of the channels within a pixel that a block of filters sees; else 0.
    """

    pixel_bytes: int
    group_bytes: int
    tap_bytes: int
    tap_steps: int
    groups: int
    channels: int
    block_bytes: int = 0


class Traversal:
    """The output pixels of a convolution, in segments that see the same taps.

    Taps on the border are never visited: each segment lists only the taps that fall inside the map.

    Attributes:
        output: (OH, OW).
        inside: for each segment the (rows, columns) of the kernel that fall inside the map.
        segments: int64 rows of first pixel, last pixel + 1, first run, number of runs.
        runs: of RUN.
        pixels: of PIXEL; on the border the first tap lies outside the map, and is never read.
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
                together = taps if dw == 1 and layout.groups == 1 and layout.block_bytes == 0 else 1
                for i in range(row_first, row_last):
                    for j in range(column_first, column_last, max(together, 1)):
                        at = (i * dh * width + j * dw) * layout.pixel_bytes
                        runs.append((at, (i * kw + j) * layout.tap_bytes, together * layout.tap_steps))
                segments.append((n_pixels, n_pixels + start.size, first_run, len(runs) - first_run))
                self.inside.append((slice(row_first, row_last), slice(column_first, column_last)))
                n_pixels += start.size
        self.segments = np.array(segments, np.int64).reshape(-1, 4)
        self.runs = np.array(runs, RUN)
        self.pixels = records(np.concatenate(pixels), PIXEL)

    def passes(self, pixels: int) -> tuple[np.ndarray, np.ndarray]:
        """Cut the segments into pieces, and the pieces into passes over all filters.

        Args:
            pixels: most pixels of one pass.

        Returns:
            passes: of PASS.
            pieces: of PIECE.
        """
        passes, pieces, free = [], [], 0
        for number, (first, last, *runs) in enumerate(self.segments.tolist()):
            while first < last:
                if free == 0:
                    passes.append([len(pieces), 0])
                    free = pixels
                stop = min(last, first + free)
                pieces.append((first, stop, *runs, number))
                passes[-1][1] = len(pieces)
                free -= stop - first
                first = stop
        return records(np.array(passes, np.int64), PASS), np.array(pieces, PIECE)
