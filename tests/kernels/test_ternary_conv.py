"""Ternary weights: sums equal the oracle at every geometry, two bits per weight, bad planes refused."""

import naive
import numpy as np
import pytest

from xnorlab.kernels.packing import pack_ternary
from xnorlab.kernels.ternary_conv import TernaryWeightConv2d, TernaryWeightLinear


def ternary(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-1, 2, shape).astype(np.float32)


@pytest.mark.parametrize("block", range(3))
def test_sums_equal_the_oracle(block: int):
    """With integers up to 8 every partial sum is exact, so any order of summing must give the oracle's numbers."""
    for seed in range(40 * block, 40 * block + 40):
        geometry, rng = naive.random_geometry(np.random.default_rng(seed)), np.random.default_rng(seed)
        x, weight = geometry.tensors(rng)
        x, weight = np.round(2 * x).astype(np.float32), ternary(rng, *weight.shape)
        layer = TernaryWeightConv2d(*pack_ternary(weight), geometry.channels, **geometry.options)
        expected = naive.convolve(x, weight, **geometry.options)
        out = naive.Guarded(expected.shape, np.float32)
        layer(x, threads=1 + seed % 2, out=out.array)
        np.testing.assert_array_equal(out.array, expected)
        assert out.intact
        for plane, given in zip((layer.words, layer.nonzero), pack_ternary(weight), strict=True):
            np.testing.assert_array_equal(plane, given)


def test_packed_weights_stay_packed():
    layer = TernaryWeightConv2d(*pack_ternary(np.ones((64, 3, 3, 96))), 96)
    assert layer._tiles.nbytes == 2 * 64 * 9 * 96 // 8


def test_planes_are_signs_and_what_is_not_zero():
    words, nonzero = pack_ternary(np.float32([[[[1, 0, -1, -0.0, 1]]]]))
    assert (words.item(), nonzero.item()) == (0b10001, 0b10101)
    with pytest.raises(ValueError, match=r"weight has shape \(2, 3\)"):
        pack_ternary(np.ones((2, 3)))


@pytest.mark.parametrize("features", [1, 63, 64, 65, 70_000])
def test_matrices(features: int):
    rng = np.random.default_rng(features)
    x, weight = rng.integers(-4, 5, (3, features)).astype(np.float32), ternary(rng, 10, features)
    scale, bias = rng.standard_normal((2, 10), np.float32)
    words, nonzero = (plane[:, 0, 0] for plane in pack_ternary(weight[:, None, None, :]))
    layer = TernaryWeightLinear(words, nonzero, features, scale=scale, bias=bias)
    np.testing.assert_array_equal(layer(x, threads=2), (x @ weight.T).astype(np.float32) * scale + bias)
    np.testing.assert_array_equal(layer.words, words)
    np.testing.assert_array_equal(layer.nonzero, nonzero)


def test_planes_that_do_not_fit_are_refused():
    words, nonzero = pack_ternary(np.ones((4, 3, 3, 8)))
    with pytest.raises(ValueError, match=r"nonzero has shape \(3, 3, 3, 1\); the rule is that of words"):
        TernaryWeightConv2d(words, nonzero[:3], 8)
    with pytest.raises(ValueError, match=r"nonzero has shape \(4, 3, 3\)"):
        TernaryWeightConv2d(words, nonzero[..., 0], 8)
    with pytest.raises(ValueError, match=r"nonzero has shape .*; a matrix has two axes"):
        TernaryWeightLinear(words[:, 0, 0], nonzero, 8)
