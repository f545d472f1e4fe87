"""Packing keeps every sign in its bit, whatever the width and the thresholds, and writes on nothing else."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorlab.kernels.packing import Packing, pack_filters, pack_signs, unpack_signs

WIDTHS = (1, 7, 8, 9, 63, 64, 65, 72, 127, 128, 129, 200)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(WIDTHS), st.integers(0, 2**32 - 1))
def test_words_equal_the_oracle(data, channels, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(data.draw(st.integers(1, 5)) for _ in range(3))
    threads = data.draw(st.integers(1, 2))
    x = rng.standard_normal((*shape, channels), np.float32)
    threshold = rng.standard_normal(channels, np.float32) if data.draw(st.booleans()) else None
    flip = rng.random(channels) < 0.5 if data.draw(st.booleans()) else None
    expected = naive.pack(naive.signs(x, threshold, flip))
    np.testing.assert_array_equal(pack_signs(x, threshold=threshold, flip=flip), expected)
    out = naive.Guarded(expected.shape, np.uint64)
    Packing(x.shape, threshold, flip).run(x.ctypes.data, out.array.ctypes.data, threads)
    np.testing.assert_array_equal(out.array, expected)
    assert out.intact


@pytest.mark.parametrize("channels", WIDTHS)
def test_unpacking_gives_the_signs_back(channels: int):
    x = np.random.default_rng(channels).standard_normal((2, 3, 4, channels), np.float32)
    signs = unpack_signs(pack_signs(x), channels)
    assert signs.dtype == np.float32
    np.testing.assert_array_equal(signs, naive.signs(x))
    np.testing.assert_array_equal(pack_filters(signs), pack_filters(x))


def test_a_row_of_seventy_thousand_channels():
    x = np.random.default_rng(0).standard_normal((1, 1, 2, 70_000), np.float32)
    np.testing.assert_array_equal(unpack_signs(pack_signs(x), 70_000), naive.signs(x))


@pytest.mark.parametrize("channels", [3, 8, 64, 75])
def test_special_values(channels: int):
    specials = np.float32([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 1.0])
    x = np.ascontiguousarray(np.broadcast_to(specials[:, None], (1, 1, 8, channels)))

    def bits(threshold: float, flip: bool) -> list[int]:
        limits, flips = np.full(channels, threshold, np.float32), np.full(channels, flip)
        signs = unpack_signs(pack_signs(x, threshold=limits, flip=flips), channels)
        assert (signs == signs[..., :1]).all()
        return [int(s > 0) for s in signs[0, 0, :, 0]]

    assert bits(0.0, False) == [1, 1, 0, 1, 0, 1, 0, 1]
    assert bits(-0.0, False) == [1, 1, 0, 1, 0, 1, 0, 1]
    assert bits(0.0, True) == [0, 0, 1, 0, 1, 0, 1, 0]  # a NaN lies below every threshold
    assert bits(-np.inf, False) == [1, 1, 0, 1, 1, 1, 1, 1]
    assert bits(np.inf, False) == [0, 0, 0, 1, 0, 0, 0, 0]
    assert bits(np.inf, True) == [1, 1, 1, 0, 1, 1, 1, 1]
    assert bits(np.nan, False) == [0] * 8
    assert bits(np.nan, True) == [1] * 8


def test_zero_weights_are_plus_one():
    np.testing.assert_array_equal(pack_filters(np.array([[[[0.0, -0.0, -1.0]]]])), [[[[0b011]]]])


X = np.ones((1, 2, 3, 64), np.float32)


@pytest.mark.parametrize(
    ("x", "options", "told"),
    [
        (X[0], {}, "four axes"),
        (X.astype(np.int8), {}, "int8"),
        (X, {"threshold": np.zeros(3, np.float32)}, "threshold"),
        (X, {"flip": np.zeros((64, 1), bool)}, "flip"),
    ],
)
def test_what_does_not_fit_is_refused(x, options: dict, told: str):
    with pytest.raises(ValueError, match=told):
        pack_signs(x, **options)


def test_words_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="int64"):
        unpack_signs(np.zeros((1, 1), np.int64), 64)
    for channels in (0, 65):
        with pytest.raises(ValueError, match=f"channels={channels}"):
            unpack_signs(np.zeros((1, 1), np.uint64), channels)
    with pytest.raises(ValueError, match="weight"):
        pack_filters(np.ones((3, 3)))
