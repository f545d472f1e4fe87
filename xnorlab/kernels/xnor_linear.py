"""Packed matrix product."""

import numpy as np

from xnorlab.kernels.xnor_conv import XnorConv2d


class XnorLinear:
    """y = (sign(x) @ sign(W).T) · scale + bias with packed weights (N, n_words(F))."""

    def __init__(self, words, features, *, scale=None, bias=None):
        words = np.asarray(words)
        if words.ndim != 2:
            raise ValueError(f"words has shape {words.shape}; (N, n_words(features)) is needed")
        self._conv = XnorConv2d(words[:, None, None, :], features, scale=scale, bias=bias)
        self.features, self.outputs = features, words.shape[0]

    def __call__(self, x, *, threshold=None, flip=None, threads=1) -> np.ndarray:
        """x: (B, F) float32; returns (B, N) float32."""
        x = np.asarray(x)
        if x.ndim != 2:
            raise ValueError(f"x has shape {x.shape}; (batch, {self.features}) is needed")
        return self._conv(x[:, None, None, :], threshold=threshold, flip=flip, threads=threads)[:, 0, 0]
