"""Pooling and the input scale equal slow sums over every window."""

import naive
import numpy as np
import pytest

from xnorlab.kernels.pooling import avg_pool, global_avg_pool, input_scale_map, max_pool

WINDOWS = [
    ((2, 2), (2, 2), (0, 0)),
    ((3, 3), (2, 2), (1, 1)),
    ((3, 2), (1, 2), (1, 0)),
    ((1, 1), (1, 1), (0, 0)),
    ((5, 4), (3, 3), (2, 2)),
]


def maps(channels: int = 19) -> np.ndarray:
    return np.random.default_rng(channels).standard_normal((2, 9, 8, channels), np.float32)


@pytest.mark.parametrize(("kernel", "stride", "padding"), WINDOWS)
def test_the_largest_value_wins(kernel, stride, padding):
    expected = naive.pool(maps(), lambda w: w.max(axis=(1, 2)), -np.inf, kernel, stride, padding)
    np.testing.assert_array_equal(max_pool(maps(), kernel, stride, padding), expected)


@pytest.mark.parametrize(("kernel", "stride", "padding"), WINDOWS)
def test_the_mean_counts_padded_zeros(kernel, stride, padding):
    expected = naive.pool(maps(), lambda w: w.mean(axis=(1, 2), dtype=float), 0.0, kernel, stride, padding)
    np.testing.assert_allclose(avg_pool(maps(), kernel, stride, padding), expected, atol=1e-6)


def test_the_stride_is_the_kernel_unless_given():
    np.testing.assert_array_equal(max_pool(maps(), 3), max_pool(maps(), 3, 3))
    np.testing.assert_array_equal(avg_pool(maps(), (2, 4)), avg_pool(maps(), (2, 4), (2, 4)))


def test_a_nan_wins_and_infinities_compare():
    x = np.zeros((1, 2, 4, 3), np.float32)
    x[0, 0, 0, 0], x[0, 0, 3, 1], x[0, :, :, 2] = np.nan, -np.inf, -np.inf
    y = max_pool(x, 2)
    assert np.isnan(y[0, 0, 0, 0])
    np.testing.assert_array_equal(y[0, 0, :, 1:], [[0, -np.inf], [0, -np.inf]])


def test_the_global_mean_is_rounded_once():
    expected = maps().mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
    np.testing.assert_allclose(global_avg_pool(maps()), expected, rtol=1e-6)
    assert global_avg_pool(np.full((1, 70_000, 1, 1), 0.1, np.float32))[0, 0] == np.float32(0.1)


@pytest.mark.parametrize("channels", [1, 8, 19, 64])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_the_input_scale_is_a_box_filter_of_mean_magnitudes(channels: int, dilation):
    kernel, stride, padding = (3, 2), (2, 1), (1, 2)
    magnitude = np.abs(maps(channels)).mean(axis=3, dtype=np.float64, keepdims=True)
    box = np.full((1, *kernel, 1), 1 / 6)
    expected = naive.convolve(magnitude, box, stride, padding, dilation)[..., 0]
    factors = input_scale_map(maps(channels), kernel, stride, padding, dilation)
    assert factors.dtype == np.float32
    np.testing.assert_allclose(factors, expected, rtol=1e-7)


@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_what_does_not_fit_is_refused(pool):
    for x, arguments, told in (
        (maps()[0], (2,), "four axes"),
        (maps().astype(np.float16), (2,), "float16"),
        (maps(), (0,), "kernel=0"),
        (maps(), (3, 0), "stride=0"),
        (maps(), (3, 1, 2), "padding=2"),
        (maps(), (11,), "kernel=11"),
    ):
        with pytest.raises(ValueError, match=told):
            pool(x, *arguments)


def test_an_input_scale_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="dilation=0"):
        input_scale_map(maps(), 3, 1, 1, 0)
    with pytest.raises(ValueError, match="kernel=12"):
        input_scale_map(maps(), 12)
