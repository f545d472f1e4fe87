"""Convolutions and matrix products over real activations, with real or packed ±1 weights."""

import numpy as np

from xnorlab.conventions import n_words
from xnorlab.kernels.geometry import Window, divides, feature_map, vector
from xnorlab.kernels.packing import unpack_signs
from xnorlab.kernels.threads import thread_count


def _convolve(x: np.ndarray, weight: np.ndarray, window: Window, groups: int, pad_value: float) -> np.ndarray:
    """Plain convolution of (B, H, W, C) with (N, kh, kw, C / groups), a tap at a time."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = window.kernel, window.stride, window.padding, window.dilation
    oh, ow = window.output(x.shape[1], x.shape[2])
    x = np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)), constant_values=pad_value)
    n, c = weight.shape[0] // groups, weight.shape[3]
    out = np.zeros((x.shape[0], oh, ow, weight.shape[0]), np.float32)
    for i in range(kh):
        for j in range(kw):
            tap = x[:, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
            for g in range(groups):
                out[..., g * n : (g + 1) * n] += (
                    tap[..., g * c : (g + 1) * c] @ weight[g * n : (g + 1) * n, i, j].T
                )
    return out


class FloatConv2d:
    """Real convolution of NHWC maps: y = x * weight + bias, zero padding."""

    def __init__(self, weight, *, bias=None, stride=1, padding=0, dilation=1, groups=1):
        weight = np.asarray(weight)
        if weight.ndim != 4 or weight.dtype != np.float32 or 0 in weight.shape:
            raise ValueError(
                f"weight has shape {weight.shape} and dtype {weight.dtype}; float32 (N, kh, kw, C/groups) is needed"
            )
        divides(groups, "the number of filters", weight.shape[0])
        self.window = Window.of(weight.shape[1:3], stride, padding, dilation)
        self.groups, self.channels, self.filters = groups, weight.shape[3] * groups, weight.shape[0]
        self._weight = np.ascontiguousarray(weight)
        self._bias = None if bias is None else vector(bias, "bias", self.filters)

    def __call__(self, x, *, threads=1) -> np.ndarray:
        """x: (B, H, W, C) float32; returns (B, OH, OW, N) float32."""
        x = feature_map(x, channels=self.channels)
        thread_count(threads)
        y = _convolve(x, self._weight, self.window, self.groups, 0.0)
        return y if self._bias is None else y + self._bias


class BinaryWeightConv2d:
    """Real activations, packed ±1 weights: y = (x * sign W) · scale + bias, zero padding."""

    def __init__(self, words, channels, *, scale=None, bias=None, stride=1, padding=0, dilation=1, groups=1):
        words = np.asarray(words)
        per_group = divides(groups, "channels", channels)
        if words.ndim != 4 or words.dtype != np.uint64 or 0 in words.shape or words.shape[3] != n_words(per_group):
            raise ValueError(
                f"words has shape {words.shape} and dtype {words.dtype}; uint64 (N, kh, kw, {n_words(per_group)}) is "
                f"needed for channels={channels}, groups={groups}"
            )
        divides(groups, "the number of filters", words.shape[0])
        self.window = Window.of(words.shape[1:3], stride, padding, dilation)
        self.groups, self.channels, self.filters = groups, channels, words.shape[0]
        self._words = np.ascontiguousarray(words)
        self._scale = None if scale is None else vector(scale, "scale", self.filters)
        self._bias = None if bias is None else vector(bias, "bias", self.filters)

    def __call__(self, x, *, threads=1) -> np.ndarray:
        """x: (B, H, W, C) float32; returns (B, OH, OW, N) float32."""
        x = feature_map(x, channels=self.channels)
        thread_count(threads)
        y = _convolve(x, unpack_signs(self._words, self.channels // self.groups), self.window, self.groups, 0.0)
        if self._scale is not None:
            y = y * self._scale
        return y if self._bias is None else y + self._bias


class FloatLinear:
    """y = x @ weight.T + bias; weight (N, F) float32."""

    def __init__(self, weight, *, bias=None):
        weight = np.asarray(weight)
        if weight.ndim != 2:
            raise ValueError(f"weight has shape {weight.shape}; (N, F) is needed")
        self._conv = FloatConv2d(weight[:, None, None, :], bias=bias)
        self.features, self.outputs = weight.shape[1], weight.shape[0]

    def __call__(self, x, *, threads=1) -> np.ndarray:
        """x: (B, F) float32; returns (B, N) float32."""
        x = np.asarray(x)
        if x.ndim != 2:
            raise ValueError(f"x has shape {x.shape}; (batch, {self.features}) is needed")
        return self._conv(x[:, None, None, :], threads=threads)[:, 0, 0]


class BinaryWeightLinear:
    """y = (x @ sign(W).T) · scale + bias with packed weights (N, n_words(F))."""

    def __init__(self, words, features, *, scale=None, bias=None):
        words = np.asarray(words)
        if words.ndim != 2:
            raise ValueError(f"words has shape {words.shape}; (N, n_words(features)) is needed")
        self._conv = BinaryWeightConv2d(words[:, None, None, :], features, scale=scale, bias=bias)
        self.features, self.outputs = features, words.shape[0]

    def __call__(self, x, *, threads=1) -> np.ndarray:
        """x: (B, F) float32; returns (B, N) float32."""
        x = np.asarray(x)
        if x.ndim != 2:
            raise ValueError(f"x has shape {x.shape}; (batch, {self.features}) is needed")
        return self._conv(x[:, None, None, :], threads=threads)[:, 0, 0]
