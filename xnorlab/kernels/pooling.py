"""Pooling over NHWC maps, with torch's semantics, and the input scale K of XNOR-Net."""

import numpy as np

from xnorlab.kernels.geometry import Window, feature_map
from xnorlab.kernels.jit import kernel


@kernel
def _max_kernel(x, out, kh, kw, sh, sw, ph, pw):
    _, height, width, channels = x.shape
    batch, oh, ow, _ = out.shape
    for b in range(batch):
        for i in range(oh):
            for j in range(ow):
                to = out[b, i, j]
                to[:] = np.float32(-np.inf)
                for y in range(max(0, i * sh - ph), min(height, i * sh - ph + kh)):
                    for z in range(max(0, j * sw - pw), min(width, j * sw - pw + kw)):
                        values = x[b, y, z]
                        for c in range(channels):
                            v = values[c]
                            to[c] = v if v > to[c] or v != v else to[c]  # a NaN wins, as in torch


@kernel
def _mean_kernel(x, out, kh, kw, sh, sw, ph, pw):
    _, height, width, channels = x.shape
    batch, oh, ow, _ = out.shape
    area = np.float32(kh * kw)
    for b in range(batch):
        for i in range(oh):
            for j in range(ow):
                to = out[b, i, j]
                to[:] = np.float32(0)
                for y in range(max(0, i * sh - ph), min(height, i * sh - ph + kh)):
                    for z in range(max(0, j * sw - pw), min(width, j * sw - pw + kw)):
                        values = x[b, y, z]
                        for c in range(channels):
                            to[c] += values[c]
                for c in range(channels):
                    to[c] /= area


@kernel
def _global_kernel(x, sums):
    """Sums over the map, float64 (B, C)."""
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
    """Sums over channels of |x|, float64 (B, H, W). Eight running sums, so that the compiler may use vectors."""
    batch, height, width, channels = x.shape
    lanes = np.zeros(8)
    for b in range(batch):
        for y in range(height):
            for z in range(width):
                values = x[b, y, z]
                lanes[:] = 0.0
                for c in range(0, channels - 7, 8):
                    for k in range(8):
                        lanes[k] += np.float64(abs(values[c + k]))
                for c in range(channels - channels % 8, channels):
                    lanes[0] += np.float64(abs(values[c]))
                sums[b, y, z] = lanes.sum()


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


def _pool(run, x, kernel_size, stride, padding) -> np.ndarray:
    x = feature_map(x)
    window = Window.of(kernel_size, kernel_size if stride is None else stride, padding)
    if any(2 * p > k for k, p in zip(window.kernel, window.padding, strict=True)):
        raise ValueError(f"padding={padding!r} must be at most half of kernel={kernel_size!r}")
    out = np.empty((x.shape[0], *window.output(x.shape[1], x.shape[2]), x.shape[3]), np.float32)
    run(x, out, *window.kernel, *window.stride, *window.padding)
    return out


def max_pool(x, kernel, stride=None, padding=0) -> np.ndarray:
    """Largest value under the window; a padded border never wins. x: (B, H, W, C) float32; stride None = kernel."""
    return _pool(_max_kernel, x, kernel, stride, padding)


def avg_pool(x, kernel, stride=None, padding=0) -> np.ndarray:
    """Mean under the window, padded zeros counted (torch's count_include_pad=True). x: (B, H, W, C) float32."""
    return _pool(_mean_kernel, x, kernel, stride, padding)


def global_avg_pool(x) -> np.ndarray:
    """Mean over the map, summed in float64: (B, C) float32 from (B, H, W, C) float32."""
    x = feature_map(x)
    sums = np.zeros((x.shape[0], x.shape[3]))
    _global_kernel(x, sums)
    return (sums / (x.shape[1] * x.shape[2])).astype(np.float32)


def input_scale_map(x, kernel, stride=1, padding=0, dilation=1) -> np.ndarray:
    """The input scale K of XNOR-Net (section 3.2): a box filter over A = mean over channels of |x|.

    x: (B, H, W, C) float32. K = A ∗ k with k = 1/(kh·kw) everywhere, zero padding; summed in float64, rounded
    once. Returns (B, OH, OW) float32.
    """
    x = feature_map(x)
    window = Window.of(kernel, stride, padding, dilation)
    out = np.empty((x.shape[0], *window.output(x.shape[1], x.shape[2])), np.float32)
    sums = np.empty(x.shape[:3])
    _magnitude_kernel(x, sums)
    divisor = float(x.shape[3] * window.kernel[0] * window.kernel[1])
    _box_kernel(sums, out, divisor, *window.kernel, *window.stride, *window.padding, *window.dilation)
    return out
