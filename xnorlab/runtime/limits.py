"""Limits of a packed network's memory and work: a forged file is refused before anything is built or run."""

import math
from collections.abc import Sequence

from xnorlab.kernels.filter_blocks import tile_bytes
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.traversal import run_count

MAX_VALUES = 2**26
"""Most values (of 4 bytes) that one feature map of one picture may have."""

MAX_BYTES = 2**31
"""Most bytes of values that one picture needs at once, and of one layer's weights in the order of its tiles."""

MAX_WORK = 2**40
"""Most multiply-adds, or values under a pool's windows, of one op for one picture: minutes to hours."""

MAX_GEOMETRY = 4096
"""Largest kernel size, stride, padding or dilation."""

MAX_RUNS = 2**20
"""Most runs of taps in the tables of a convolution."""

MAX_OPS = 2_000
"""Most ops of a network."""


def check_work(name: str, work: int, what: str) -> None:
    """Raise ValueError where one op does too much; what: the unit of `work` in words."""
    if work > MAX_WORK:
        raise ValueError(f"{name}: {work:,} {what}, more than {MAX_WORK:,}")


def check_taps(name: str, window: Window, groups: int, height: int, width: int, channels: int) -> None:
    """Raise ValueError where a window over a map (height, width, channels) is too large for its tables."""
    if max(window.kernel) > MAX_GEOMETRY:
        raise ValueError(f"{name}: a kernel of {window.kernel} is larger than {MAX_GEOMETRY}")
    padded = (height + 2 * window.padding[0]) * (width + 2 * window.padding[1]) * channels
    if padded > MAX_VALUES:
        raise ValueError(f"{name}: the padded input has {padded:,} values, more than {MAX_VALUES:,}")
    runs = run_count(window, groups, height, width)
    if runs > MAX_RUNS:
        raise ValueError(f"{name}: kernel and padding make {runs:,} runs of taps, more than {MAX_RUNS:,}")


def check_tiles(name: str, filters: int, groups: int, kernel: Sequence[int], channels: int) -> None:
    """Raise ValueError where a convolution's weights take too much memory in the order of its tiles."""
    size = tile_bytes(filters, groups, math.prod(kernel) * channels)
    if size > MAX_BYTES:
        raise ValueError(
            f"{name}: filters={filters} in groups={groups} take up to {size:,} bytes in the order in which tiles read "
            f"them, more than {MAX_BYTES:,}"
        )
