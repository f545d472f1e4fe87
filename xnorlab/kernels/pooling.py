"""Pooling over NHWC maps with torch's semantics, and the input scale K of XNOR-Net."""

import numpy as np

from xnorlab.conventions import Size
from xnorlab.kernels.codegen.reductions import reduce_window, sum_of_magnitudes
from xnorlab.kernels.geometry import Window, feature_map, result
from xnorlab.kernels.jit import kernel, kernel_of_many


def _pooler(largest: int):
    @kernel_of_many("largest" if largest else "mean")
    def pool(x, out, kh, kw, sh, sw, ph, pw):
        _, height, width, channels = x.shape
        batch, oh, ow, _ = out.shape
        pixel, area = 4 * channels, np.float32(kh * kw)
        source, target = np.int64(x.ctypes.data), np.int64(out.ctypes.data)
        for b in range(batch):
            for i in range(oh):
                y = max(0, i * sh - ph)
                rows = min(height, i * sh - ph + kh) - y
                for j in range(ow):
                    z = max(0, j * sw - pw)
                    columns = min(width, j * sw - pw + kw) - z
                    start, to = (
                        source + ((b * height + y) * width + z) * pixel,
                        target + ((b * oh + i) * ow + j) * pixel,
                    )
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


def _pool(run, x, kernel_size, stride, padding, out) -> np.ndarray:
    x = feature_map(x)
    window = Window.of(kernel_size, kernel_size if stride is None else stride, padding)
    if any(2 * p > k for k, p in zip(window.kernel, window.padding, strict=True)):
        raise ValueError(f"padding={padding!r} must be at most half of kernel={kernel_size!r}")
    out = result((x.shape[0], *window.output(x.shape[1], x.shape[2]), x.shape[3]), out)
    run(x, out, *window.kernel, *window.stride, *window.padding)
    return out


def max_pool(x, kernel: Size, stride: Size | None = None, padding: Size = 0, out=None) -> np.ndarray:
    """Largest value under each window; a padded border never wins.

    Args:
        x: float32 (B, H, W, C).
        kernel: size of the window, an int or (vertical, horizontal).
        stride: like `kernel`; None for a stride of one kernel.
        padding: like `kernel`, at most half of it.
        out: where to write the result; a new array where None.

    Returns:
        float32 (B, OH, OW, C).

    Raises:
        ValueError: an argument does not fit.
    """
    return _pool(_max_kernel, x, kernel, stride, padding, out)


def avg_pool(x, kernel: Size, stride: Size | None = None, padding: Size = 0, out=None) -> np.ndarray:
    """Mean under each window, padded zeros counted (torch's count_include_pad=True). Arguments as in `max_pool`."""
    return _pool(_mean_kernel, x, kernel, stride, padding, out)


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
    x = feature_map(x)
    window = Window.of(kernel, stride, padding, dilation)
    out = result((x.shape[0], *window.output(x.shape[1], x.shape[2])), out)
    sums = np.empty(x.shape[:3])
    _magnitude_kernel(x, sums)
    divisor = float(x.shape[3] * window.kernel[0] * window.kernel[1])
    _box_kernel(sums, out, divisor, *window.kernel, *window.stride, *window.padding, *window.dilation)
    return out
