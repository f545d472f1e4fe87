"""The binary matrix product: signs of a batch of vectors against signs of weights."""

import numpy as np

from xnorlab.kernels.geometry import as_maps, matrix
from xnorlab.kernels.xnor_conv import XnorConv2d


class XnorLinear:
    """Binary matrix product y = (sign(x) @ sign(W).T) · scale + bias.

    Args:
        words: uint64 (N, n_words(features)).
        features: F, of the input.
        scale: float32 (N,), or None.
        bias: float32 (N,), or None.
    """

    def __init__(self, words, features, *, scale=None, bias=None):
        self._conv = XnorConv2d(matrix(words, "words")[:, None, None, :], features, scale=scale, bias=bias)

    @property
    def words(self) -> np.ndarray:
        """The packed matrix as it was given."""
        return self._conv.words[:, 0, 0]

    def __call__(self, x, *, threshold=None, flip=None, threads=1, out=None) -> np.ndarray:
        """Multiply the signs (x >= threshold) ^ flip of `x`, float32 (B, F); returns float32 (B, N)."""
        x = matrix(x, "x")[:, None, None, :]
        return self._conv(x, threshold=threshold, flip=flip, threads=threads, out=as_maps(out))[:, 0, 0]
