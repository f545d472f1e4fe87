"""Binary convolution: signs of activations against signs of weights."""

import numpy as np

from xnorlab.conventions import PAD_VALUES
from xnorlab.kernels.float_conv import BinaryWeightConv2d, _convolve
from xnorlab.kernels.geometry import feature_map, vector
from xnorlab.kernels.packing import unpack_signs
from xnorlab.kernels.threads import thread_count


class XnorConv2d(BinaryWeightConv2d):
    """y = ((sign x ⊛ sign W) · scale [· input_scale]) + bias."""

    def __init__(
        self, words, channels, *, scale=None, bias=None, stride=1, padding=0, dilation=1, groups=1, pad_value=0
    ):
        if pad_value not in PAD_VALUES:
            raise ValueError(f"pad_value={pad_value!r} must be one of {PAD_VALUES}")
        super().__init__(
            words, channels, scale=scale, bias=bias, stride=stride, padding=padding, dilation=dilation, groups=groups
        )
        self.pad_value = pad_value

    def __call__(self, x, *, threshold=None, flip=None, input_scale=None, threads=1, out=None) -> np.ndarray:
        """x: (B, H, W, C) float32; returns (B, OH, OW, N) float32, in `out` where given."""
        x = feature_map(x, channels=self.channels)
        thread_count(threads)
        threshold = (
            np.zeros(self.channels, np.float32) if threshold is None else vector(threshold, "threshold", self.channels)
        )
        flip = np.zeros(self.channels, bool) if flip is None else vector(flip, "flip", self.channels, bool)
        shape = (x.shape[0], *self.window.output(x.shape[1], x.shape[2]), self.filters)
        if input_scale is not None and np.shape(input_scale) != shape[:3]:
            raise ValueError(f"input_scale has shape {np.shape(input_scale)}; one entry an output pixel, {shape[:3]}")
        signs = np.where(np.where(flip, x < threshold, x >= threshold), np.float32(1), np.float32(-1))
        weight = unpack_signs(self._words, self.channels // self.groups)
        y = _convolve(signs, weight, self.window, self.groups, float(self.pad_value))
        if self._scale is not None:
            y = y * self._scale
        if input_scale is not None:
            y = y * np.asarray(input_scale, np.float32)[..., None]
        if self._bias is not None:
            y = y + self._bias
        if out is None:
            return y
        if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous or not out.flags.writeable:
            raise ValueError(f"out must be a writeable C-contiguous float32 array of shape {shape}")
        out[...] = y
        return out
