"""Real and packed-weight convolutions: right at every geometry, exact where float32 can be, inside their buffers."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.float_conv import BinaryWeightConv2d, BinaryWeightLinear, FloatConv2d, FloatLinear
from xnorlab.kernels.packing import pack_filters


def check(layer, x: np.ndarray, expected: np.ndarray) -> None:
    out = naive.Guarded(expected.shape, np.float32)
    for threads in (1, 2):
        layer.tables(x.shape).parts, layer.tables(x.shape).worth_waking = threads, True
        out.array[...] = np.nan
        layer(x, threads=threads, out=out.array)
        np.testing.assert_array_equal(out.array, expected)
        assert out.intact


def check_geometry(geometry: naive.Geometry, seed: int) -> None:
    """With integers up to 8 every partial sum is exact, so any order of summing must give the oracle's numbers."""
    rng = np.random.default_rng(seed)
    x, weight = (np.round(2 * t).astype(np.float32) for t in geometry.tensors(rng))
    check(FloatConv2d(weight, **geometry.options), x, naive.convolve(x, weight, **geometry.options))
    layer = BinaryWeightConv2d(pack_filters(weight), geometry.channels, **geometry.options)
    check(layer, x, naive.convolve(x, naive.signs(weight).astype(np.float32), **geometry.options))
    np.testing.assert_array_equal(layer.words, pack_filters(weight))


@pytest.mark.parametrize("block", range(5))
def test_sums_equal_the_oracle(block: int):
    for seed in range(60 * block, 60 * block + 60):
        check_geometry(naive.random_geometry(np.random.default_rng(seed)), seed)


def test_sums_of_narrow_groups_equal_the_oracle():
    """A register holds filters of several groups; of the last block some filters may be missing."""
    for seed in range(60):
        check_geometry(naive.narrow_groups(np.random.default_rng(seed)), seed)


def test_groups_that_fit_share_registers():
    unit = vector_unit()
    weight = np.ones((128, 3, 3, 4), np.float32)
    layer = FloatConv2d(weight, groups=32, padding=1)
    if unit.bits > 128:
        assert layer._tiles.nbytes == weight.nbytes  # nothing is filled up
        assert layer.epilogue().gives_bits
    assert unit.holds_groups(4, 4) == (unit.bits > 128)
    assert not any(unit.holds_groups(*sizes) for sizes in ((3, 3), (4, 8), (1, 1)))
    assert FloatConv2d(weight, padding=1).tables((1, 8, 8, 4)).parts == layer.tables((1, 8, 8, 128)).parts


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(0, 2**32 - 1))
def test_sums_equal_the_oracle_at_drawn_geometries(data, seed):
    check_geometry(naive.geometry(lambda low, high: data.draw(st.integers(low, high))), seed)


def test_a_first_layer_of_fixed_point_values_is_exact():
    """Pixels in 1/64 steps, weights in 1/256 steps: the sums that a float64 oracle finds, bit for bit."""
    rng = np.random.default_rng(0)
    x = ((rng.integers(0, 256, (1, 32, 32, 3)) - 128) / 64).astype(np.float32)
    weight = (rng.integers(-64, 65, (64, 11, 11, 3)) / 256).astype(np.float32)
    bias = rng.standard_normal(64, np.float32)
    sums = naive.convolve(x.astype(np.float64), weight.astype(np.float64), (4, 4), (2, 2)).astype(np.float32)
    np.testing.assert_array_equal(FloatConv2d(weight, stride=4, padding=2)(x), sums)
    np.testing.assert_array_equal(FloatConv2d(weight, stride=4, padding=2, bias=bias)(x), sums + bias)


def test_real_values_are_summed_to_float32_precision():
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((2, 9, 9, 100), np.float32), rng.standard_normal((40, 3, 3, 100), np.float32)
    scale, bias = rng.standard_normal((2, 40), np.float32)
    exact = naive.convolve(x.astype(np.float64), weight.astype(np.float64))
    np.testing.assert_allclose(FloatConv2d(weight, bias=bias)(x), exact + bias, atol=2e-4)
    signed = naive.convolve(x.astype(np.float64), naive.signs(weight).astype(np.float64))
    layer = BinaryWeightConv2d(pack_filters(weight), 100, scale=scale, bias=bias)
    np.testing.assert_allclose(layer(x), signed * scale + bias, atol=5e-4)


def test_packed_weights_stay_packed():
    layer = BinaryWeightConv2d(pack_filters(np.ones((64, 3, 3, 96))), 96)
    assert layer._tiles.nbytes == 64 * 9 * 96 // 8


@pytest.mark.parametrize("features", [1, 31, 512, 70_000])
def test_matrices(features: int):
    rng = np.random.default_rng(features)
    x = rng.integers(-4, 5, (3, features)).astype(np.float32)
    weight = rng.integers(-4, 5, (10, features)).astype(np.float32)
    scale, bias = rng.standard_normal((2, 10), np.float32)
    np.testing.assert_array_equal(FloatLinear(weight, bias=bias)(x), x @ weight.T + bias)
    words = pack_filters(weight[:, None, None, :])[:, 0, 0]
    layer = BinaryWeightLinear(words, features, scale=scale, bias=bias)
    sums = (x @ naive.signs(weight).T).astype(np.float32)
    np.testing.assert_array_equal(layer(x, threads=2), sums * scale + bias)
    np.testing.assert_array_equal(layer.words, words)


WEIGHT = np.ones((4, 3, 3, 8), np.float32)
X = np.ones((1, 5, 5, 8), np.float32)


@pytest.mark.parametrize(
    ("weight", "options", "told"),
    [
        (WEIGHT[0], {}, "weight"),
        (WEIGHT.astype(np.float16), {}, "float16"),
        (WEIGHT[:, :0], {}, "weight"),
        (WEIGHT, {"groups": 3}, "groups=3"),
        (WEIGHT, {"stride": (1, 0)}, r"stride=\(1, 0\)"),
        (WEIGHT, {"bias": np.ones(3, np.float32)}, "bias"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(weight, options: dict, told: str):
    with pytest.raises(ValueError, match=told):
        FloatConv2d(weight, **options)


@pytest.mark.parametrize(
    ("x", "options", "told"),
    [
        (X[..., :7], {}, "channels=8"),
        (X.astype(np.float64), {}, "float64"),
        (X[:, :2], {}, "kernel=3"),
        (X, {"threads": 0}, "threads=0"),
        (X, {"out": np.empty((1, 3, 3, 4))}, "out"),
    ],
)
def test_a_call_that_does_not_fit_is_refused(x, options: dict, told: str):
    for layer in (FloatConv2d(WEIGHT), BinaryWeightConv2d(pack_filters(WEIGHT), 8)):
        with pytest.raises(ValueError, match=told):
            layer(x, **options)


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="weight has shape"):
        FloatLinear(WEIGHT)
    with pytest.raises(ValueError, match="x has shape"):
        FloatLinear(WEIGHT[:, 0, 0])(X)
    with pytest.raises(ValueError, match="words has shape"):
        BinaryWeightLinear(pack_filters(WEIGHT), 8)
