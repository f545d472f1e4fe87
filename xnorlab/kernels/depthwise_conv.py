"""Depthwise convolutions: real weights, one filter per channel, computed for neighbouring channels in registers."""

import math
from collections.abc import Callable

import numpy as np

from xnorlab.conventions import Size
from xnorlab.kernels.codegen.memory import fetch_and_add
from xnorlab.kernels.codegen.records import COUNTER, DEPTHWISE, record_at
from xnorlab.kernels.codegen.reductions import weigh_window
from xnorlab.kernels.geometry import Window, feature_map, result, vector
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.team import WAKING, Job
from xnorlab.kernels.threads import thread_count

TAPS_PART = 1 << 16
"""Multiply-adds that are worth a thread that waits for them, about 0.01 ms of them."""


@kernel
def _depthwise_kernel(address, scratch, counters, part, parts):
    """Take rows of the result until none is left. address: of a DEPTHWISE; see `team.Job`."""
    call = record_at(address, DEPTHWISE)
    height, width, channels, rows, columns = call.height, call.width, call.channels, call.out_height, call.out_width
    kh, kw, dh, dw = call.kh, call.kw, call.dh, call.dw
    n_rows, pixel = call.batch * rows, 4 * channels
    for turn in range(parts):
        owner = (part + turn) % parts
        counter = counters + COUNTER * owner
        first, end = n_rows * owner // parts, n_rows * (owner + 1) // parts
        row = first + fetch_and_add(counter, 1)
        while row < end:
            top = row % rows * call.sh - call.ph
            k, k_taps = 0, kh
            while top + k * dh < 0 and k_taps:
                k, k_taps = k + 1, k_taps - 1
            while k_taps and top + (k + k_taps - 1) * dh >= height:
                k_taps -= 1
            above = call.x + (row // rows * height + top + k * dh) * width * pixel
            for j in range(columns):
                left = j * call.sw - call.pw
                m, m_taps = 0, kw
                while left + m * dw < 0 and m_taps:
                    m, m_taps = m + 1, m_taps - 1
                while m_taps and left + (m + m_taps - 1) * dw >= width:
                    m_taps -= 1
                x, w = above + (left + m * dw) * pixel, call.weights + (k * kw + m) * pixel
                down, right, factors, to = dh * width * pixel, dw * pixel, call.factors, call.out
                to += (row * columns + j) * pixel
                c = 0
                while c + 64 <= channels:
                    weigh_window(64, x, down, k_taps, right, m_taps, w, kw * pixel, pixel, factors, to)
                    x, w, factors, to, c = x + 256, w + 256, factors + 256, to + 256, c + 64
                while c + 32 <= channels:
                    weigh_window(32, x, down, k_taps, right, m_taps, w, kw * pixel, pixel, factors, to)
                    x, w, factors, to, c = x + 128, w + 128, factors + 128, to + 128, c + 32
                while c + 8 <= channels:
                    weigh_window(8, x, down, k_taps, right, m_taps, w, kw * pixel, pixel, factors, to)
                    x, w, factors, to, c = x + 32, w + 32, factors + 32, to + 32, c + 8
                while c < channels:
                    weigh_window(1, x, down, k_taps, right, m_taps, w, kw * pixel, pixel, factors, to)
                    x, w, factors, to, c = x + 4, w + 4, factors + 4, to + 4, c + 1
            row = first + fetch_and_add(counter, 1)


class DepthwiseConv2d:
    """Real convolution in which each filter sees one channel: y = (x * W) · scale + bias.

    Filters share no input here, so that a tile of filters, as in `FloatConv2d`, would leave most of it unused.

    Args:
        weight: float32 (C, kh, kw, 1).
        scale: one factor per channel, float32 (C,), or None.
        bias: float32 (C,), or None.
        stride: an int or (vertical, horizontal); `padding` and `dilation` likewise.
        padding: width of the border of zeros.
        dilation: distance between taps.

    Raises:
        ValueError: an argument does not fit.
    """

    def __init__(self, weight, *, scale=None, bias=None, stride: Size = 1, padding: Size = 0, dilation: Size = 1):
        weight = np.asarray(weight)
        if weight.ndim != 4 or weight.dtype != np.float32 or 0 in weight.shape or weight.shape[3] != 1:
            raise ValueError(
                f"weight has shape {weight.shape} and dtype {weight.dtype}; float32 (C, kh, kw, 1) is needed"
            )
        self.channels = len(weight)
        self.window = Window.of(weight.shape[1:3], stride, padding, dilation)
        self._taps = np.array(np.moveaxis(weight[..., 0], 0, 2), order="C")
        self._factors = np.zeros((2, self.channels), np.float32)
        self._factors[0] = 1 if scale is None else vector(scale, "scale", self.channels)
        self._factors[1] = 0 if bias is None else vector(bias, "bias", self.channels)

    def __deepcopy__(self, memo: dict) -> "DepthwiseConv2d":
        """Return the layer itself: it never changes."""
        return self

    @property
    def weight(self) -> np.ndarray:
        """The filters as they were given; they are kept tap by tap."""
        return np.array(np.moveaxis(self._taps, 2, 0), order="C")[..., None]

    def __call__(self, x, *, threads=1, out=None) -> np.ndarray:
        """Convolve `x`, float32 (B, H, W, C); returns float32 (B, OH, OW, C), in `out` where given."""
        x, threads = feature_map(x, "x", self.channels), thread_count(threads)
        out = result((len(x), *self.window.output(*x.shape[1:3]), self.channels), out)
        self.bound(x, out)(threads)
        return out

    def bound(self, x: np.ndarray, out: np.ndarray) -> Callable[[int], object]:
        """A function of a thread count that convolves `x` into `out` whenever it is called; arrays as kernels want."""
        window, record = self.window, np.zeros(1, DEPTHWISE)
        operands = (x, out, self._taps, self._factors)
        sizes = (*x.shape, *out.shape[1:3], *window.kernel, *window.stride, *window.padding, *window.dilation)
        record[0] = (*(array.ctypes.data for array in operands), *sizes)  # in the order of the record's fields
        job = Job((_depthwise_kernel, record))
        parts = max(1, math.prod(out.shape) * math.prod(window.kernel) // TAPS_PART)

        def convolve(threads: int, arrays: tuple = operands) -> None:  # a record holds addresses alone
            job.run(min(threads, parts), parts >= WAKING)

        return convolve
