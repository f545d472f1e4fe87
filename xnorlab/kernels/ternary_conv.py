"""Convolutions and matrix products of real activations with packed ternary weights, two bits each."""

import numpy as np

from xnorlab.conventions import Size
from xnorlab.kernels.float_conv import PackedWeights, RealLinear
from xnorlab.kernels.geometry import divides, filter_words, matrix


class TernaryWeightConv2d(PackedWeights):
    """Real activations, packed weights T in {−1, 0, +1}: y = (x * T) · scale + bias.

    The weights stay two bits each in memory.

    Args:
        words: uint64 (N, kh, kw, n_words(channels // groups)), as `pack_ternary` gives them: bit 1 for +1.
        nonzero: uint64 of the same shape: bit 1 for −1 and for +1.
        channels: C, of the input.
        scale: float32 (N,), or None.
        bias: float32 (N,), or None.
        stride: see `FloatConv2d`, and so for the rest.
        padding: width of the border of zeros.
        dilation: distance between taps.
        groups: each filter sees the channels of one of so many groups.

    Raises:
        ValueError: an argument does not fit.
    """

    def __init__(
        self,
        words,
        nonzero,
        channels,
        *,
        scale=None,
        bias=None,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups=1,
    ):
        per_group = divides(groups, "channels", channels)
        planes = filter_words(words, per_group, groups), filter_words(nonzero, per_group, groups, "nonzero")
        if planes[0].shape != planes[1].shape:
            raise ValueError(f"nonzero has shape {planes[1].shape}; the rule is that of words, {planes[0].shape}")
        super().__init__("ternary", planes, per_group, groups, scale, bias, (stride, padding, dilation))

    @property
    def nonzero(self) -> np.ndarray:
        """Packed places of the weights that are not zero, as they were given."""
        return self.plane(1)


class TernaryWeightLinear(RealLinear[TernaryWeightConv2d]):
    """Product of real vectors and packed weights T in {−1, 0, +1}, y = (x @ T.T) · scale + bias.

    Args:
        words: uint64 (N, n_words(features)), see `TernaryWeightConv2d`.
        nonzero: uint64 of the same shape.
        features: F, of the input.
        scale: float32 (N,), or None.
        bias: float32 (N,), or None.
    """

    def __init__(self, words, nonzero, features, *, scale=None, bias=None):
        words, nonzero = matrix(words, "words")[:, None, None, :], matrix(nonzero, "nonzero")[:, None, None, :]
        super().__init__(TernaryWeightConv2d(words, nonzero, features, scale=scale, bias=bias))

    @property
    def words(self) -> np.ndarray:
        """The packed signs as they were given."""
        return self._conv.words[:, 0, 0]

    @property
    def nonzero(self) -> np.ndarray:
        """The packed places of weights that are not zero, as they were given."""
        return self._conv.nonzero[:, 0, 0]
