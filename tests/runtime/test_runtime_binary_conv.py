"""The packed convolution on its own equals the plain sum of signs, and says what does not fit."""

import doctest
import sys

import numpy as np
import pytest

from xnorlab.runtime import BinaryConv2d


def plain(x, weight, stride, padding, pad_value):
    """Sums of signs in the plainest words: x (B, H, W, C), weight (N, C, kh, kw)."""
    sign = lambda v: np.where(v >= 0, 1, -1)  # noqa: E731
    (sh, sw), (ph, pw) = stride, padding
    signs = np.pad(sign(x), ((0, 0), (ph, ph), (pw, pw), (0, 0)), constant_values=pad_value)
    filters = sign(weight).transpose(0, 2, 3, 1)
    n, kh, kw, _ = filters.shape
    rows, columns = (signs.shape[1] - kh) // sh + 1, (signs.shape[2] - kw) // sw + 1
    out = np.empty((len(x), rows, columns, n), np.int64)
    for i in range(rows):
        for j in range(columns):
            window = signs[:, None, i * sh : i * sh + kh, j * sw : j * sw + kw]
            out[:, i, j] = (window * filters).sum((2, 3, 4))
    return out


@pytest.mark.parametrize("channels", [1, 63, 64, 65, 130])
@pytest.mark.parametrize("pad_value", [-1, 0, 1])
def test_sums_of_signs(channels, pad_value):
    rng = np.random.default_rng(channels)
    x = rng.standard_normal((2, 5, 7, channels)).astype(np.float32)
    x.flat[::7] = 0.0
    x.flat[::11] = -0.0
    weight = rng.standard_normal((4, channels, 3, 2)).astype(np.float32)
    layer = BinaryConv2d(weight, stride=(1, 2), padding=(1, 1), pad_value=pad_value)
    got = layer(x)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, plain(x, weight, (1, 2), (1, 1), pad_value))


def test_the_example_in_its_docstring_runs():
    module = sys.modules[BinaryConv2d.__module__]
    assert doctest.testmod(module) == doctest.TestResults(failed=0, attempted=2)


def test_scale_then_bias():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 4, 4, 70)).astype(np.float32)
    weight = rng.standard_normal((5, 70, 3, 3)).astype(np.float32)
    scale, bias = np.float32(rng.random(5)), np.float32(rng.random(5))
    sums = plain(x, weight, (1, 1), (0, 0), 0).astype(np.float32)
    np.testing.assert_array_equal(BinaryConv2d(weight, scale=scale, bias=bias)(x), sums * scale + bias)


def test_more_threads_and_other_memory_give_the_same():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 6, 6, 64)).astype(np.float32)
    layer = BinaryConv2d(rng.standard_normal((8, 64, 3, 3)).astype(np.float32), padding=1)
    want = layer(x)
    np.testing.assert_array_equal(layer(np.asfortranarray(x)), want)
    layer.threads = 2
    np.testing.assert_array_equal(layer(x), want)


W = np.ones((2, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"weight": W[0]}, r"weight has shape \(3, 3, 3\)"),
        ({"weight": W[:0]}, r"weight has shape \(0, 3, 3, 3\)"),
        ({"weight": W.astype(np.float64)}, "weight is float64; the rule is a float32 array"),
        ({"weight": W.tolist()}, "weight is list"),
        ({"weight": W * np.float32("nan")}, "weight holds NaN"),
        ({"weight": W, "scale": np.ones(3, np.float32)}, r"scale has shape \(3,\); the rule is \(2,\)"),
        ({"weight": W, "bias": np.ones(2)}, "bias is float64"),
        ({"weight": W, "stride": 0}, "stride=0"),
        ({"weight": W, "padding": -1}, "padding=-1"),
        ({"weight": W, "padding": (1, 2, 3)}, "padding="),
        ({"weight": W, "pad_value": 2}, "pad_value=2"),
    ],
)
def test_arguments_that_do_not_fit(arguments, rule):
    with pytest.raises(ValueError, match=rule):
        BinaryConv2d(**arguments)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((1, 5, 5, 4), np.float32),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((1, 5, 5, 3)),
        np.zeros((1, 5, 5, 3), np.uint8),
        np.zeros((1, 2, 5, 3), np.float32),
        [[1.0]],
    ],
)
def test_inputs_that_do_not_fit(x):
    with pytest.raises(ValueError, match=r"x is|kernel=3"):
        BinaryConv2d(W)(x)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_threads_must_be_a_count(threads):
    layer = BinaryConv2d(W)
    with pytest.raises(ValueError, match="threads="):
        layer.threads = threads
    assert layer.threads == 1
