"""The binary convolution is exact at every geometry, writes nowhere else, and refuses what does not fit."""

import copy
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorlab.kernels import tiled_conv, xnor_conv
from xnorlab.kernels.packing import pack_filters
from xnorlab.kernels.xnor_conv import XnorConv2d


def check(geometry: naive.Geometry, seed: int) -> None:
    """Integer equality with the oracle, with guards around output, packed input and tables, for 1 and 2 threads."""
    rng = np.random.default_rng(seed)
    x, weight = geometry.tensors(rng)
    pad_value = int(rng.integers(-1, 2))
    threshold = rng.standard_normal(geometry.channels, np.float32) if rng.random() < 0.5 else None
    flip = rng.random(geometry.channels) < 0.5 if rng.random() < 0.5 else None
    expected = naive.convolve(
        naive.signs(x, threshold, flip), naive.signs(weight), pad_value=pad_value, **geometry.options
    )
    layer = XnorConv2d(pack_filters(weight), geometry.channels, pad_value=pad_value, **geometry.options)
    tables = layer.tables(x.shape)
    out, between = naive.Guarded(expected.shape, np.float32), []

    def guarded(shape, dtype):
        between.append(naive.Guarded(shape, dtype))
        return between[-1].array

    for threads in (1, 2):
        tables.parts, tables.worth_waking = threads, True
        out.array[...] = np.nan
        with mock.patch.object(xnor_conv, "aligned", guarded):
            assert layer(x, threshold=threshold, flip=flip, threads=threads, out=out.array) is out.array
        np.testing.assert_array_equal(out.array, expected)
        assert out.intact
        assert between
        assert all(array.intact for array in between)
    np.testing.assert_array_equal(layer.words, pack_filters(weight))


@pytest.mark.parametrize("block", range(16))
def test_sums_equal_the_oracle(block: int):
    for seed in range(100 * block, 100 * block + 100):
        check(naive.random_geometry(np.random.default_rng(seed)), seed)


def test_sums_of_narrow_groups_equal_the_oracle():
    """Taps are gathered into words, and a register may hold filters of several groups."""
    for seed in range(80):
        check(naive.narrow_groups(np.random.default_rng(seed)), seed)


@settings(max_examples=400, deadline=None)
@given(st.data(), st.integers(0, 2**32 - 1))
def test_sums_equal_the_oracle_at_drawn_geometries(data, seed):
    check(naive.geometry(lambda low, high: data.draw(st.integers(low, high))), seed)


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
@pytest.mark.parametrize("channels", [1, 63, 64, 65, 128, 192, 256, 384])
def test_every_width_and_padding(channels: int, pad_value: int):
    rng = np.random.default_rng(channels)
    x = rng.standard_normal((2, 6, 9, channels), np.float32)
    weight = rng.standard_normal((20, 3, 3, channels), np.float32)
    layer = XnorConv2d(pack_filters(weight), channels, padding=1, pad_value=pad_value)
    expected = naive.convolve(naive.signs(x), naive.signs(weight), padding=(1, 1), pad_value=pad_value)
    np.testing.assert_array_equal(layer(x), expected)


def test_a_map_wider_than_sixteen_bits():
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 1, 70_000, 3), np.float32), rng.standard_normal((2, 1, 3, 3), np.float32)
    y = XnorConv2d(pack_filters(weight), 3, padding=(0, 1))(x)
    padded = np.pad(naive.signs(x), ((0, 0), (0, 0), (1, 1), (0, 0)))
    expected = sum(padded[:, :, j : j + 70_000] @ naive.signs(weight)[:, 0, j].T for j in range(3))
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_map_that_takes_several_passes(threads: int, monkeypatch):
    monkeypatch.setattr(tiled_conv, "PASS_BYTES", 1)
    rng = np.random.default_rng(4)
    x, weight = rng.standard_normal((2, 21, 19, 70), np.float32), rng.standard_normal((40, 3, 3, 70))
    layer = XnorConv2d(pack_filters(weight), 70, padding=1, pad_value=1)
    layer.tables(x.shape).parts, layer.tables(x.shape).worth_waking = threads, True
    expected = naive.convolve(naive.signs(x), naive.signs(weight), padding=(1, 1), pad_value=1)
    np.testing.assert_array_equal(layer(x, threads=threads), expected)


def test_padding_wider_than_the_map():
    x, weight = np.ones((1, 1, 1, 5), np.float32), np.ones((1, 2, 2, 5), np.float32)
    for pad_value in (-1, 0, 1):
        y = XnorConv2d(pack_filters(weight), 5, padding=4, pad_value=pad_value)(x)
        expected = naive.convolve(naive.signs(x), naive.signs(weight), padding=(4, 4), pad_value=pad_value)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("channels", [64, 256])
def test_scales_and_bias_round_one_after_the_other(channels: int):
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((2, 5, 5, channels), np.float32), rng.standard_normal((24, 3, 3, channels))
    scale, bias = rng.standard_normal((2, 24), np.float32)
    k = rng.random((2, 3, 3), np.float32)
    sums = naive.convolve(naive.signs(x), naive.signs(weight)).astype(np.float32)
    for one_scale, factor, one_bias in ((scale, None, None), (scale, None, bias), (scale, k, bias), (None, k, None)):
        layer = XnorConv2d(pack_filters(weight), channels, scale=one_scale, bias=one_bias)
        expected = sums if one_scale is None else sums * one_scale
        expected = expected if factor is None else expected * factor[..., None]
        expected = expected if one_bias is None else expected + one_bias
        np.testing.assert_array_equal(layer(x, input_scale=factor), expected)


def test_a_zero_sum_keeps_the_sign_of_its_product():
    x, weight = np.float32([[[[1, -1]]]]), np.ones((1, 1, 1, 2), np.float32)
    y = XnorConv2d(pack_filters(weight), 2, scale=np.float32([-3]))(x)
    assert y[0, 0, 0, 0] == 0
    assert np.signbit(y[0, 0, 0, 0])


def test_views_and_read_only_maps_give_the_same():
    rng = np.random.default_rng(2)
    x, weight = rng.standard_normal((2, 7, 6, 70), np.float32), rng.standard_normal((9, 3, 3, 70))
    layer = XnorConv2d(pack_filters(weight), 70)
    expected = layer(x)
    frozen, shifted = x.copy(), np.zeros(4 * x.size + 2, np.uint8)
    frozen.flags.writeable = False
    unaligned = shifted[2:].view(np.float32).reshape(x.shape)
    unaligned[...] = x
    for same in (frozen, unaligned, np.asfortranarray(x), np.repeat(x, 2, axis=2)[:, :, ::2]):
        np.testing.assert_array_equal(layer(same), expected)


def test_one_layer_serves_several_threads_at_once():
    rng = np.random.default_rng(3)
    weight = rng.standard_normal((32, 3, 3, 128))
    layer = XnorConv2d(pack_filters(weight), 128, padding=1)
    maps = [rng.standard_normal((1, 12, 12, 128), np.float32) for _ in range(8)]
    expected = [layer(x) for x in maps]
    layer.tables(maps[0].shape).parts, layer.tables(maps[0].shape).worth_waking = 2, True
    with ThreadPoolExecutor(8) as pool:
        for turn in range(40):
            calls = [pool.submit(layer, x, threads=1 + turn % 2) for x in maps]
            for call, right in zip(calls, expected, strict=True):
                np.testing.assert_array_equal(call.result(), right)


def test_a_deep_copy_is_the_layer_itself():
    layer = XnorConv2d(WORDS, 64)
    x = np.random.default_rng(5).standard_normal((1, 5, 5, 64), np.float32)
    expected = layer(x)
    twin = copy.deepcopy(layer)
    del layer
    np.testing.assert_array_equal(twin(x), expected)


def test_both_halves_give_the_whole():
    rng = np.random.default_rng(6)
    for channels in (5, 64, 128, 256):
        layer = XnorConv2d(pack_filters(rng.standard_normal((9, 3, 3, channels))), channels, padding=1)
        x = rng.standard_normal((2, 6, 7, channels), np.float32)
        limits, k = rng.standard_normal(channels, np.float32), rng.random((2, 6, 7), np.float32)
        words = layer.pack(x, threshold=limits)
        np.testing.assert_array_equal(
            layer.convolve(words, x.shape, input_scale=k, threads=2), layer(x, threshold=limits, input_scale=k)
        )
        np.testing.assert_array_equal(layer.convolve(layer.pack(x), x.shape), layer(x))
        with pytest.raises(ValueError, match="prepared must be what pack"):
            layer.convolve(words[1:], x.shape)


@pytest.mark.parametrize("channels", [5, 64])
def test_a_standing_call_takes_new_maps_and_reads_its_input_scales_anew(channels: int):
    rng = np.random.default_rng(0)
    layer = XnorConv2d(pack_filters(rng.standard_normal((6, 3, 3, channels), np.float32)), channels, padding=1)
    threshold, flip = rng.standard_normal(channels, np.float32), rng.random(channels) < 0.5
    factors = np.empty((1, 4, 5), np.float32)
    call = layer.standing((1, 4, 5, channels), threshold=threshold, flip=flip, input_scale=factors)
    plain = layer.standing((1, 4, 5, channels))
    for threads in (1, 2):
        x, out = rng.standard_normal((1, 4, 5, channels), np.float32), np.empty((1, 4, 5, 6), np.float32)
        factors[...] = rng.random(factors.shape)
        call(x, out, threads)
        expected = layer(x, threshold=threshold, flip=flip, input_scale=factors.copy())
        np.testing.assert_array_equal(out, expected)
        plain(x, out, threads)
        np.testing.assert_array_equal(out, layer(x))


def test_small_work_stays_on_one_thread_and_middling_work_wakes_nobody():
    layer = XnorConv2d(pack_filters(np.ones((64, 3, 3, 64))), 64, padding=1)
    for size, parts, worth_waking in ((8, 1, False), (56, 13, False), (112, 55, True)):
        tables = layer.tables((1, size, size, 64))
        assert (tables.parts, tables.worth_waking) == (parts, worth_waking)


def test_tables_do_not_pile_up():
    layer = XnorConv2d(pack_filters(np.ones((1, 1, 1, 1))), 1)
    for width in range(1, 60):
        assert layer(np.ones((1, 1, width, 1), np.float32)).shape == (1, 1, width, 1)
    assert len(layer._shapes) < 20


def test_filters_are_kept_once_and_packed():
    layer = XnorConv2d(pack_filters(np.ones((64, 3, 3, 256))), 256)
    assert layer._tiles.nbytes == 64 * 9 * 256 // 8 * (2 if layer.by_table else 1)


def test_unused_bits_of_the_words_do_not_count():
    words = pack_filters(np.ones((1, 1, 1, 3))) | np.uint64(0xFF00)
    assert XnorConv2d(words, 3)(np.ones((1, 1, 1, 3), np.float32)) == 3


WORDS = pack_filters(np.ones((4, 3, 3, 64)))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"stride": 0}, "stride=0"),
        ({"padding": -1}, "padding=-1"),
        ({"dilation": (1, 0)}, r"dilation=\(1, 0\)"),
        ({"groups": 3}, "groups=3"),
        ({"groups": 0}, "groups=0"),
        ({"pad_value": 2}, "pad_value=2"),
        ({"scale": np.ones(3, np.float32)}, "scale"),
        ({"bias": np.ones(4)}, "bias"),
        ({"words": WORDS.astype(np.int64)}, "words"),
        ({"words": WORDS[0]}, "words"),
        ({"channels": 65}, "words"),
        ({"channels": 0}, "channels=0"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(options: dict, told: str):
    options = {"words": WORDS, "channels": 64, **options}
    with pytest.raises(ValueError, match=told):
        XnorConv2d(options.pop("words"), options.pop("channels"), **options)


def test_sums_beyond_float32_are_refused():
    with pytest.raises(ValueError, match="signs"):
        XnorConv2d(np.zeros((1, 1, 1, 1 << 18), np.uint64), 1 << 24)


X = np.ones((1, 5, 5, 64), np.float32)


@pytest.mark.parametrize(
    ("x", "options", "told"),
    [
        (X[0], {}, "four axes"),
        (X.astype(np.float64), {}, "float64"),
        (X[..., :63], {}, "channels=64"),
        (X[:0], {}, "no axis may be empty"),
        (X[:, :2], {}, "kernel=3"),
        (X, {"threshold": np.zeros(63, np.float32)}, "threshold"),
        (X, {"threshold": np.zeros(64)}, "threshold"),
        (X, {"flip": np.zeros(64, np.uint8)}, "flip"),
        (X, {"input_scale": np.ones((1, 3, 4), np.float32)}, "input_scale"),
        (X, {"input_scale": np.ones((1, 3, 3))}, "input_scale"),
        (X, {"threads": 0}, "threads=0"),
        (X, {"threads": 1.5}, "threads=1.5"),
        (X, {"out": np.empty((1, 3, 3, 5), np.float32)}, "out"),
        (X, {"out": np.empty((1, 3, 3, 4))}, "out"),
        (X, {"out": np.empty((1, 3, 3, 8), np.float32)[..., ::2]}, "out"),
    ],
)
def test_a_call_that_does_not_fit_is_refused(x, options: dict, told: str):
    with pytest.raises(ValueError, match=told):
        XnorConv2d(WORDS, 64)(x, **options)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 8, 8, 999), (0, 8, 8, 64), (1, 8.0, 8, 64)])
def test_words_of_a_shape_that_the_layer_does_not_take_are_refused(shape: tuple):
    layer = XnorConv2d(pack_filters(np.ones((4, 3, 3, 64), np.float32)), 64)
    words = layer.pack(np.ones((1, 8, 8, 64), np.float32))
    with pytest.raises(ValueError, match=r"shape=\(.*\) must be \(B, H, W, 64\), each an int of at least 1"):
        layer.convolve(words, shape)
