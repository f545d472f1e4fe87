"""Every op that moves, joins, resamples or reduces values computes what torch does, at random shapes and settings."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from xnorlab.runtime import ops

ROUNDS = 25


def to_nhwc(x):
    return np.ascontiguousarray(x.numpy().transpose(0, 2, 3, 1))


def agree(op, want, *inputs):
    arrays = [to_nhwc(x) for x in inputs]
    expected = to_nhwc(want)
    assert op.output_shape(*(array.shape[1:] for array in arrays)) == expected.shape[1:]
    np.testing.assert_allclose(op(*arrays), expected, atol=2e-6, rtol=2e-6)
    out = np.full_like(expected, np.nan)
    np.testing.assert_array_equal(op(*arrays, out=out), op(*arrays))


def make(kind, **fields):
    return kind(name="op", inputs=("a",), **fields)


@pytest.fixture(params=range(ROUNDS))
def rng(request):
    torch.manual_seed(request.param)
    return np.random.default_rng(request.param)


def a_map(rng, *, channels=None, least=1):
    batch, height, width = (int(n) for n in rng.integers((1, least, least), (3, 12, 12)))
    return torch.randn(batch, int(rng.integers(1, 9)) if channels is None else channels, height, width)


def test_joining(rng):
    x = a_map(rng)
    y = torch.randn(x.shape[0], int(rng.integers(1, 5)), *x.shape[2:])
    joined = ops.Concatenate(name="op", inputs=("a", "b", "a"))
    agree(joined, torch.cat([x, y, x], 1), x, y, x)
    indices = rng.integers(0, x.shape[1], int(rng.integers(1, 12)))
    agree(make(ops.Select, indices=indices.astype(np.uint64)), x[:, indices.tolist()], x)
    start, step = int(rng.integers(0, x.shape[2])), int(rng.integers(1, 4))
    agree(make(ops.Slice, rows=(start, None, step), columns=(None, None, 1)), x[:, :, start::step], x)


def test_borders(rng):
    x = a_map(rng, least=4)
    left, right, top, bottom, ahead, behind = (int(n) for n in rng.integers(0, 4, 6))
    sides = {"rows": (top, bottom), "columns": (left, right)}
    constant = make(ops.Border, **sides, channels=(ahead, behind), value=-1.5)
    agree(constant, F.pad(x, (left, right, top, bottom, ahead, behind), value=-1.5), x)
    for fill in ("reflect", "replicate"):
        agree(make(ops.Border, **sides, fill=fill), F.pad(x, (left, right, top, bottom), mode=fill), x)


def test_resizing(rng):
    x = a_map(rng)
    size = tuple(int(n) for n in rng.integers(1, 20, 2))
    factors = tuple(float(n) for n in rng.choice([1.0, 1.5, 2.0, 3.0, 2.3], 2))
    for mode in ("nearest", "nearest-exact", "bilinear"):
        for corners in (False, True) if mode == "bilinear" else (False,):
            more = {"mode": mode, "align_corners": corners if mode == "bilinear" else None}
            fields = {"mode": mode, "align_corners": corners}
            agree(make(ops.Resize, size=size, factors=None, **fields), F.interpolate(x, size=size, **more), x)
            grown = F.interpolate(x, scale_factor=factors, **more)
            agree(make(ops.Resize, size=None, factors=factors, **fields), grown, x)


def test_pixels_and_channels(rng):
    r = int(rng.integers(1, 4))
    x = a_map(rng, channels=r * r * int(rng.integers(1, 4)))
    shuffled = F.pixel_shuffle(x, r)
    agree(make(ops.PixelShuffle, factor=r), shuffled, x)
    agree(make(ops.PixelUnshuffle, factor=r), x, shuffled)


def test_pools(rng):
    x = a_map(rng, least=5)
    size = tuple(int(n) for n in rng.integers(1, 14, 2))
    agree(make(ops.AdaptivePool, how="mean", size=size), F.adaptive_avg_pool2d(x, size), x)
    agree(make(ops.AdaptivePool, how="max", size=size), F.adaptive_max_pool2d(x, size), x)
    kernel = tuple(int(n) for n in rng.integers(1, 5, 2))
    stride = tuple(int(n) for n in rng.integers(1, 4, 2))
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    window = {"kernel": kernel, "stride": stride, "padding": padding}
    agree(make(ops.CeilMaxPool, **window), F.max_pool2d(x, kernel, stride, padding, ceil_mode=True), x)
    for ceil_mode in (False, True):
        for included in (False, True):
            want = F.avg_pool2d(x, kernel, stride, padding, ceil_mode, included)
            fields = {"ceil_mode": ceil_mode, "count_include_pad": included}
            agree(make(ops.CountedAvgPool, **window, **fields), want, x)


def test_reductions(rng):
    x = a_map(rng)
    for axes, dims in (((0,), (2,)), ((1,), (3,)), ((2,), (1,)), ((0, 1), (2, 3)), ((0, 1, 2), (1, 2, 3))):
        for how, function in (("mean", torch.mean), ("sum", torch.sum), ("max", torch.amax), ("min", torch.amin)):
            agree(make(ops.Reduce, how=how, axes=axes), function(x, dims, keepdim=True), x)
    agree(make(ops.Softmax), x.softmax(1), x)
    agree(make(ops.Softmax, log=True), x.log_softmax(1), x)


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        (ops.Concatenate, {"axis": 0}, "takes 2 or more inputs"),
        (ops.Select, {"indices": np.array([2**40], np.uint64)}, "must be below"),
        (ops.Slice, {"rows": (0, 1, 0), "columns": (None, None, 1)}, "start, stop and step"),
        (ops.Border, {"rows": (-1, 0), "columns": (0, 0)}, "two integers from 0"),
        (ops.Border, {"rows": (1, 0), "columns": (0, 0), "fill": "wrap"}, "fill='wrap' must be one of"),
        (ops.Border, {"rows": (1, 0), "columns": (0, 0), "value": float("inf")}, "finite"),
        (ops.Resize, {"mode": "cubic", "size": (1, 1), "factors": None}, "mode='cubic'"),
        (ops.Resize, {"mode": "nearest", "size": None, "factors": None}, "the rule is one of them"),
        (ops.Resize, {"mode": "nearest", "size": None, "factors": (1e9, 1.0)}, "two numbers up to"),
        (ops.Unflatten, {"shape": (2, 0)}, "integers of at least 1"),
        (ops.Reduce, {"how": "mean", "axes": (1, 0)}, "rising integers"),
        (ops.AdaptivePool, {"how": "sum", "size": (1, 1)}, "how='sum'"),
        (ops.Spread, {"step": (0, 1)}, "two integers from 1"),
    ],
)
def test_attributes_that_a_forged_file_could_hold_are_refused(kind, fields, reason):
    with pytest.raises(ValueError, match=reason):
        make(kind, **fields)
