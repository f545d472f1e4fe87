"""Pooling over NHWC maps, with torch's semantics, and the input scale K of XNOR-Net."""

import numpy as np

from xnorlab.kernels.geometry import Window, feature_map


def _taps(x: np.ndarray, window: Window, fill: float):
    """Every tap of the window as a view of the padded map, (B, OH, OW, ...)."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = window.kernel, window.stride, window.padding, window.dilation
    oh, ow = window.output(x.shape[1], x.shape[2])
    edges = ((0, 0), (ph, ph), (pw, pw)) + ((0, 0),) * (x.ndim - 3)
    x = np.pad(x, edges, constant_values=fill) if ph or pw else x
    for i in range(kh):
        for j in range(kw):
            yield x[:, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]


def _pool_window(kernel, stride, padding) -> Window:
    window = Window.of(kernel, kernel if stride is None else stride, padding)
    for k, p in zip(window.kernel, window.padding, strict=True):
        if 2 * p > k:
            raise ValueError(f"padding={padding!r} must be at most half of kernel={kernel!r}")
    return window


def max_pool(x, kernel, stride=None, padding=0) -> np.ndarray:
    """Largest value under the window; a padded border never wins. x: (B, H, W, C) float32; stride None = kernel."""
    x = feature_map(x)
    taps = _taps(x, _pool_window(kernel, stride, padding), -np.inf)
    out = next(taps).copy()
    for tap in taps:
        np.maximum(out, tap, out=out)
    return out


def avg_pool(x, kernel, stride=None, padding=0) -> np.ndarray:
    """Mean under the window, padded zeros counted (torch's count_include_pad=True). x: (B, H, W, C) float32."""
    x = feature_map(x)
    window = _pool_window(kernel, stride, padding)
    taps = _taps(x, window, 0.0)
    out = next(taps).copy()
    for tap in taps:
        out += tap
    return out / np.float32(window.kernel[0] * window.kernel[1])


def global_avg_pool(x) -> np.ndarray:
    """Mean over the map, (B, C) from (B, H, W, C) float32."""
    x = feature_map(x)
    return x.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)


def input_scale_map(x, kernel, stride=1, padding=0, dilation=1) -> np.ndarray:
    """The input scale K of XNOR-Net (section 3.2): a box filter over A = mean over channels of |x|.

    x: (B, H, W, C) float32. K = A ∗ k with k = 1/(kh·kw) everywhere, zero padding; summed in float64, rounded
    once. Returns (B, OH, OW) float32.
    """
    x = feature_map(x)
    window = Window.of(kernel, stride, padding, dilation)
    mean = np.abs(x).mean(axis=3, dtype=np.float64)
    total = sum(_taps(mean, window, 0.0))
    return (total / (window.kernel[0] * window.kernel[1])).astype(np.float32)
