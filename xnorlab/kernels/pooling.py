"""Pooling over NHWC maps with torch's semantics, and the input scale K of XNOR-Net."""

import math
from collections.abc import Callable

import numpy as np

from xnorlab.conventions import Size, output_size_rounded_up
from xnorlab.kernels.codegen.memory import fetch_and_add
from xnorlab.kernels.codegen.records import COUNTER, POOL, record_at
from xnorlab.kernels.codegen.reductions import reduce_window, sum_of_magnitudes
from xnorlab.kernels.geometry import Window, feature_map, result
from xnorlab.kernels.jit import Kernel, kernel, kernel_of_many
from xnorlab.kernels.team import WAKING, Job
from xnorlab.kernels.threads import thread_count

VALUES_PART = 1 << 16
"""Values under windows that are worth a thread that waits for them, about 0.01 ms of them."""


def _pooler(largest: int) -> Kernel:
    @kernel_of_many("largest" if largest else "mean")
    def pool(address, scratch, counters, part, parts):
        """Take rows of the result until none is left. address: of a POOL; see `team.Job`."""
        call = record_at(address, POOL)
        height, width, channels, oh, ow = call.height, call.width, call.channels, call.out_height, call.out_width
        kh, kw, sh, sw, ph, pw = call.kh, call.kw, call.sh, call.sw, call.ph, call.pw
        source, target, n_rows = call.x, call.out, call.batch * oh
        pixel, area = 4 * channels, np.float32(kh * kw)
        for turn in range(parts):
            owner = (part + turn) % parts
            counter = counters + COUNTER * owner
            first, end = n_rows * owner // parts, n_rows * (owner + 1) // parts
            row = first + fetch_and_add(counter, 1)
            while row < end:
                b, i = row // oh, row % oh
                y = max(0, i * sh - ph)
                rows = min(height, i * sh - ph + kh) - y
                for j in range(ow):
                    z = max(0, j * sw - pw)
                    columns = min(width, j * sw - pw + kw) - z
                    start, to = source + ((b * height + y) * width + z) * pixel, target + (row * ow + j) * pixel
                    c = 0
                    while c + 64 <= channels:
                        reduce_window(largest, 64, start + 4 * c, width * pixel, rows, pixel, columns, area, to + 4 * c)
                        c += 64
                    while c + 8 <= channels:
                        reduce_window(largest, 8, start + 4 * c, width * pixel, rows, pixel, columns, area, to + 4 * c)
                        c += 8
                    while c < channels:
                        reduce_window(largest, 1, start + 4 * c, width * pixel, rows, pixel, columns, area, to + 4 * c)
                        c += 1
                row = first + fetch_and_add(counter, 1)

    return pool


_max_kernel, _mean_kernel = _pooler(1), _pooler(0)


@kernel
def _global_kernel(x, sums):
    """Add each channel's values over the map to `sums`, float64 (B, C)."""
    batch, height, width, channels = x.shape
    for b in range(batch):
        to = sums[b]
        for y in range(height):
            for z in range(width):
                values = x[b, y, z]
                for c in range(channels):
                    to[c] += np.float64(values[c])


@kernel
def _magnitude_kernel(x, sums):
    """Write the sums over channels of |x| to `sums`, float64 (B, H, W)."""
    batch, height, width, channels = x.shape
    here = np.int64(x.ctypes.data)
    for b in range(batch):
        for y in range(height):
            for z in range(width):
                total = sum_of_magnitudes(here, channels // 8)
                for c in range(channels - channels % 8, channels):
                    total += np.float64(abs(x[b, y, z, c]))
                sums[b, y, z] = total
                here += 4 * channels


@kernel
def _box_kernel(sums, out, divisor, kh, kw, sh, sw, ph, pw, dh, dw):
    _, height, width = sums.shape
    batch, oh, ow = out.shape
    for b in range(batch):
        for i in range(oh):
            for j in range(ow):
                total = 0.0
                for k in range(kh):
                    for m in range(kw):
                        y, z = i * sh - ph + k * dh, j * sw - pw + m * dw
                        if 0 <= y < height and 0 <= z < width:
                            total += sums[b, y, z]
                out[b, i, j] = np.float32(total / divisor)


class Pool:
    """A pool over maps of one shape (B, H, W, C), with torch's semantics: a border never wins, and counts as zeros.

    It runs as often as wanted, never twice at once.

    Args:
        kind: "max" or "avg".
        shape: (B, H, W, C).
        kernel: size of the window, an int or (vertical, horizontal).
        stride: like `kernel`; None for a stride of one kernel.
        padding: like `kernel`, at most half of it.
        ceil_mode: whether a last window may reach beyond the border.

    Attributes:
        shape: of the result, (B, OH, OW, C).

    Raises:
        ValueError: an argument does not fit.
    """

    def __init__(self, kind: str, shape, kernel: Size, stride: Size | None, padding: Size, ceil_mode: bool = False):
        window = Window.of(kernel, kernel if stride is None else stride, padding)
        if any(2 * p > k for k, p in zip(window.kernel, window.padding, strict=True)):
            raise ValueError(f"padding={padding!r} must be at most half of kernel={kernel!r}")
        out_size = window.output(*shape[1:3])
        if ceil_mode:
            sides = zip(shape[1:3], window.kernel, window.stride, window.padding, strict=True)
            out_size = tuple(output_size_rounded_up(*side) for side in sides)
        self.shape = (shape[0], *out_size, shape[3])
        self._record = np.zeros(1, POOL)
        # In the order of the record's fields.
        sizes = (0, 0, *shape, *out_size, *window.kernel, *window.stride, *window.padding)
        self._record[0] = sizes
        self._x, self._out = self._record["x"], self._record["out"]
        self._job = Job(({"max": _max_kernel, "avg": _mean_kernel}[kind], self._record))
        self._parts = max(1, math.prod(self.shape) * math.prod(window.kernel) // VALUES_PART)

    def run(self, x: int, out: int, threads: int = 1) -> None:
        """Pool the map at address `x` into the one at address `out`, by at most so many threads."""
        self._x[0], self._out[0] = x, out
        self._job.run(min(threads, self._parts), self._parts >= WAKING)


def _pool(kind, x, kernel_size, stride, padding, out, threads, ceil_mode) -> np.ndarray:
    x, threads = feature_map(x), thread_count(threads)
    pool = Pool(kind, x.shape, kernel_size, stride, padding, ceil_mode)
    out = result(pool.shape, out)
    pool.run(x.ctypes.data, out.ctypes.data, threads)
    return out


def max_pool(
    x,
    kernel: Size,
    stride: Size | None = None,
    padding: Size = 0,
    out: np.ndarray | None = None,
    *,
    threads: int = 1,
    ceil_mode: bool = False,
) -> np.ndarray:
    """Largest value under each window; a padded border never wins.

    Args:
        x: float32 (B, H, W, C).
        kernel: size of the window, an int or (vertical, horizontal).
        stride: like `kernel`; None for a stride of one kernel.
        padding: like `kernel`, at most half of it.
        out: where to write the result; a new array where None.
        threads: that may share the work.
        ceil_mode: whether a last window may reach beyond the border, as torch's has it.

    Returns:
        float32 (B, OH, OW, C).

    Raises:
        ValueError: an argument does not fit.
    """
    return _pool("max", x, kernel, stride, padding, out, threads, ceil_mode)


def avg_pool(
    x,
    kernel: Size,
    stride: Size | None = None,
    padding: Size = 0,
    out: np.ndarray | None = None,
    *,
    threads: int = 1,
    ceil_mode: bool = False,
) -> np.ndarray:
    """Mean under each window, padded zeros counted (torch's count_include_pad=True). Arguments as in `max_pool`."""
    return _pool("avg", x, kernel, stride, padding, out, threads, ceil_mode)


def global_avg_pool(x, out=None) -> np.ndarray:
    """Mean over each map of `x`, float32 (B, H, W, C), summed in float64: float32 (B, C), in `out` where given."""
    x = feature_map(x)
    out = result((x.shape[0], x.shape[3]), out)
    sums = np.zeros((x.shape[0], x.shape[3]))
    _global_kernel(x, sums)
    np.divide(sums, x.shape[1] * x.shape[2], out=out, casting="same_kind")
    return out


def input_scale_map(
    x, kernel, stride: Size = 1, padding: Size = 0, dilation: Size = 1, out: np.ndarray | None = None
) -> np.ndarray:
    """The input scale K of XNOR-Net (section 3.2): a box filter over A = mean over channels of |x|.

    K = A ∗ k with k = 1/(kh·kw) everywhere and zero padding, summed in float64 and rounded once.

    Args:
        x: float32 (B, H, W, C).
        kernel: of the convolution that K belongs to, an int or (vertical, horizontal); so are the three below.
        stride: of the convolution.
        padding: of the convolution.
        dilation: of the convolution.
        out: where to write K; a new array where None.

    Returns:
        float32 (B, OH, OW).

    Raises:
        ValueError: an argument does not fit.
    """
    run, out = _bound_scale(x, Window.of(kernel, stride, padding, dilation), out)
    run()
    return out


def bound_input_scale(
    x, kernel: Size, stride: Size, padding: Size, dilation: Size, out: np.ndarray
) -> Callable[[], object]:
    """A function that does `input_scale_map` into `out`, its arguments checked once: checks take as long as the work.

    Arguments as in `input_scale_map`.
    """
    return _bound_scale(x, Window.of(kernel, stride, padding, dilation), out)[0]


def _bound_scale(x, window: Window, out: np.ndarray | None) -> tuple[Callable[[], object], np.ndarray]:
    x = feature_map(x)
    out = result((x.shape[0], *window.output(x.shape[1], x.shape[2])), out)
    sums = np.empty(x.shape[:3])
    divisor = float(x.shape[3] * window.kernel[0] * window.kernel[1])
    box = (sums, out, divisor, *window.kernel, *window.stride, *window.padding, *window.dilation)

    def run() -> None:
        _magnitude_kernel(x, sums)
        _box_kernel(*box)

    return run, out
