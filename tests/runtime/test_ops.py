"""Each op computes its formula; each says what it costs and what its attributes must be."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from xnorlab.kernels.packing import pack_filters
from xnorlab.kernels.per_channel import multiply_add, parametric_relu
from xnorlab.runtime import limits, ops
from xnorlab.runtime.ops import resampling

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 5, 6, 3)).astype(np.float32)
A, B = RNG.standard_normal((2, 3)).astype(np.float32)


def real(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def op(kind, **fields):
    inputs = ("a", "b")[: kind.n_inputs]
    return kind(name="op", inputs=inputs, **fields)


def test_affine_rounds_once():
    x, a, b = real(1000, 37), real(37), real(37)
    # A product of two float32 is exact in float64, so that only the sum rounds, and once more to float32.
    want = (x.astype(np.float64) * a + b).astype(np.float32)
    got = op(ops.Affine, scale=a, bias=b)(x)
    np.testing.assert_array_equal(got, want)
    assert (got != x * a + b).any(), "the data must tell one rounding from two"


def test_affine_at_infinity_and_zero():
    x = np.float32([[np.inf, -np.inf, 0.0, -0.0]])
    got = multiply_add(x, np.float32([2, 2, 5, 5]), np.float32([1, 1, 3, 3]))
    np.testing.assert_array_equal(got, [[np.inf, -np.inf, 3, 3]])


@pytest.mark.parametrize("shape", [(1, 3), (2, 5, 6, 3), (1, 1, 1, 3)])
def test_per_channel_ops_follow_the_last_axis(shape):
    x = real(*shape)
    np.testing.assert_array_equal(op(ops.PReLU, slope=A)(x), np.where(x > 0, x, x * A))
    np.testing.assert_array_equal(op(ops.Sign, threshold=A, flip=B > 0)(x), np.where((x >= A) ^ (B > 0), 1, -1))
    assert op(ops.Affine, scale=A, bias=B)(x).shape == shape


def test_arrays_that_the_compiled_loops_cannot_take_are_refused():
    with pytest.raises(ValueError, match="x is float64"):
        multiply_add(np.zeros((2, 3)), A, B)
    with pytest.raises(ValueError, match="scale has shape"):
        multiply_add(X, A[:2], B)
    with pytest.raises(ValueError, match="slope has shape"):
        parametric_relu(X, np.float32([[1, 2, 3]]))
    with pytest.raises(ValueError, match="contiguous"):
        parametric_relu(X, np.zeros(6, np.float32)[::2])
    with pytest.raises(ValueError, match="out must be a writeable C-contiguous"):
        multiply_add(X, A, B, np.zeros((*X.shape[:-1], 2 * X.shape[-1]), np.float32)[..., ::2])


def test_activations():
    np.testing.assert_array_equal(op(ops.ReLU)(X), np.maximum(X, 0))
    np.testing.assert_array_equal(op(ops.Hardtanh, low=-0.5, high=0.25)(X), np.clip(X, -0.5, 0.25))
    assert op(ops.ReLU)(X).dtype == op(ops.Hardtanh)(X).dtype == np.float32


def test_sign_of_zero_and_of_constant_channels():
    x = np.float32([[0.0, -0.0, 5.0, -5.0]])
    np.testing.assert_array_equal(op(ops.Sign)(x), [[1, 1, 1, -1]])
    thresholds = np.float32([np.inf, -np.inf, np.inf, -np.inf])
    np.testing.assert_array_equal(op(ops.Sign, threshold=thresholds)(x), [[-1, 1, -1, 1]])


@pytest.mark.parametrize("bits", [2, 3, 8, 16])
def test_quantize_gives_evenly_spaced_levels(bits):
    x = np.linspace(-2, 2, 5001, dtype=np.float32)
    got = op(ops.Quantize, bits=bits)(x)
    levels = 2**bits - 1
    want = 2 * (np.rint(levels * (np.clip(x, -1, 1).astype(np.float64) + 1) / 2) / levels - 0.5)
    off = np.abs(got - want) > 1e-6
    assert off.mean() < 0.01, "only a tie of the rounding may fall to the other side"
    assert len(np.unique(op(ops.Quantize, bits=2)(x))) == 4


def test_pad_flatten_and_pools():
    padded = op(ops.Pad, padding=(1, 2), value=-1)(X)
    assert padded.shape == (2, 7, 10, 3)
    np.testing.assert_array_equal(padded[:, 1:-1, 2:-2], X)
    assert (padded[:, 0] == -1).all()
    assert (padded[:, :, :2] == -1).all()
    np.testing.assert_array_equal(op(ops.Flatten)(X), X.reshape(2, -1))
    np.testing.assert_allclose(op(ops.GlobalAvgPool)(X), X.mean((1, 2), keepdims=True), rtol=1e-5, atol=1e-6)
    blocks = X[:, :4].reshape(2, 2, 2, 3, 2, 3)
    np.testing.assert_array_equal(op(ops.MaxPool, kernel=(2, 2), stride=(2, 2))(X[:, :4]), blocks.max((2, 4)))
    np.testing.assert_allclose(
        op(ops.AvgPool, kernel=(2, 2), stride=(2, 2))(X[:, :4]), blocks.mean((2, 4)), rtol=1e-5, atol=1e-6
    )


def test_matrices():
    x, w, scale, bias = real(3, 70), real(5, 70), real(5), real(5)
    signs = np.where(w >= 0, 1, -1).astype(np.float32)
    words = pack_filters(w[:, None, None, :])[:, 0, 0]
    packed = {"words": words, "features": 70, "scale": scale, "bias": bias}
    linear = op(ops.Linear, weight=w, scale=scale, bias=bias)(x)
    np.testing.assert_allclose(linear, x @ w.T * scale + bias, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        op(ops.BinaryWeightLinear, **packed)(x), x @ signs.T * scale + bias, rtol=1e-4, atol=1e-4
    )
    threshold = real(70)
    sums = np.where(x >= threshold, 1, -1).astype(np.float32) @ signs.T
    np.testing.assert_array_equal(op(ops.BinaryLinear, threshold=threshold, **packed)(x), sums * scale + bias)


def test_a_bound_op_computes_what_its_arrays_hold_by_then():
    w = real(5, 70)
    packed = {"words": pack_filters(w[:, None, None, :])[:, 0, 0], "features": 70, "bias": real(5)}
    pool = {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 0)}
    for one, shape in (
        (op(ops.MaxPool, **pool), (2, 5, 6, 3)),
        (op(ops.AvgPool, **pool), (2, 5, 6, 3)),
        (op(ops.Linear, weight=w, bias=real(5)), (3, 70)),
        (op(ops.BinaryWeightLinear, **packed), (3, 70)),
        (op(ops.BinaryLinear, **packed), (3, 70)),
        (op(ops.Flatten), (2, 5, 6, 3)),
    ):
        x = np.zeros(shape, np.float32)
        out = np.empty((shape[0], *one.output_shape(shape[1:])), np.float32)
        compute = one.bound((x,), out)
        for threads in (1, 2):
            x[...] = real(*shape)
            compute(threads)
            np.testing.assert_array_equal(out, one(x))


def test_bound_input_scales_are_those_of_the_input_by_then():
    layer = op(ops.BinaryConv, words=pack_filters(real(5, 3, 3, 3)), channels=3, padding=(1, 1), input_scale=True)
    x, out = np.zeros((2, 5, 6, 3), np.float32), np.empty((2, 5, 6), np.float32)
    compute = layer.bound_factors(x, out)
    for _ in range(2):
        x[...] = real(*x.shape)
        compute()
        np.testing.assert_array_equal(out, layer.factors(x))


def test_convolutions_at_one_by_one_are_matrices():
    w, scale, bias = real(5, 1, 1, 3), real(5), real(5)
    signs = np.where(w >= 0, 1, -1).astype(np.float32)[:, 0, 0]
    packed = {"words": pack_filters(w), "channels": 3, "scale": scale, "bias": bias}
    np.testing.assert_allclose(
        op(ops.Conv, weight=w, scale=scale, bias=bias)(X), X @ w[:, 0, 0].T * scale + bias, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(op(ops.BinaryWeightConv, **packed)(X), X @ signs.T * scale + bias, rtol=1e-4, atol=1e-5)
    want = np.where(X >= 0, 1, -1).astype(np.float32) @ signs.T * scale
    np.testing.assert_array_equal(op(ops.BinaryConv, **packed)(X), want + bias)
    factor = np.abs(X).mean(3, keepdims=True, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(op(ops.BinaryConv, input_scale=True, **packed)(X), want * factor + bias)


@pytest.mark.parametrize("kind", [ops.BinaryConv, ops.BinaryWeightConv])
def test_packed_filters_are_in_memory_once(kind):
    words = pack_filters(real(64, 3, 3, 200))
    conv = op(kind, words=words, channels=200)
    np.testing.assert_array_equal(conv.words, words)
    copies = 2 if kind is ops.BinaryConv and conv.kernel.by_table else 1  # a byte for each nibble
    assert 64 * 9 * 200 // 8 * copies <= conv.resident_bytes < 1.2 * words.nbytes * copies
    np.testing.assert_array_equal(replace(conv, scale=real(64)).words, words)
    with pytest.raises(AttributeError, match="no 'word'"):
        conv.word  # noqa: B018


@pytest.mark.parametrize("kind", [ops.BinaryLinear, ops.BinaryWeightLinear])
def test_a_packed_matrix_is_in_memory_once(kind):
    words = pack_filters(real(64, 1, 1, 2000))[:, 0, 0]
    matrix = op(kind, words=words, features=2000)
    np.testing.assert_array_equal(matrix.words, words)
    assert 64 * 2000 // 8 <= matrix.resident_bytes < 2.2 * words.nbytes


def test_real_weights_are_in_memory_once_and_come_back_as_they_were_given():
    weight, scale = real(70, 3, 3, 12), real(70)
    conv = op(ops.Conv, weight=weight, scale=scale, groups=2)
    np.testing.assert_array_equal(conv.weight, weight)
    assert weight.nbytes <= conv.resident_bytes < 2.2 * weight.nbytes  # groups of 35 filters fill two blocks of 32
    matrix = op(ops.Linear, weight=real(64, 2000), scale=real(64))
    assert matrix.weight.nbytes <= matrix.resident_bytes < 1.05 * matrix.weight.nbytes


def test_costs():
    w = real(8, 3, 3, 2)
    shape = (5, 6, 4)
    packed = {"words": pack_filters(w), "channels": 4, "groups": 2, "padding": (1, 1)}
    conv, binary = op(ops.Conv, weight=w, groups=2, padding=(1, 1)), op(ops.BinaryConv, **packed)
    macs = 5 * 6 * 8 * 9 * 2
    assert conv.output_shape(shape) == binary.output_shape(shape) == (5, 6, 8)
    assert conv.macs(shape) == (0, macs)
    assert op(ops.BinaryWeightConv, **packed).macs(shape) == (0, macs)
    assert binary.macs(shape) == (macs, 0)
    assert op(ops.BinaryConv, input_scale=True, **packed).macs(shape) == (macs, 5 * 6 * 4 + 5 * 6 * 9)
    assert (conv.weight_bits, binary.weight_bits) == (32, 1)
    assert op(ops.Conv, weight=np.ones((1, 1, 1, 4), np.float32)).weight_bits == 16
    assert (conv.weight_bytes, binary.weight_bytes) == (4 * w.size, 8 * 8 * 9)
    assert conv.resident_bytes >= conv.weight_bytes
    assert op(ops.Linear, weight=real(7, 9)).macs((9,)) == (0, 63)
    assert op(ops.BinaryLinear, words=pack_filters(real(7, 1, 1, 9))[:, 0, 0], features=9).macs((9,)) == (63, 0)
    assert op(ops.Affine, scale=A, bias=B).macs((5, 6, 3)) == (0, 90)
    assert op(ops.ReLU).macs((5, 6, 3)) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "fields", "rule"),
    [
        (ops.Affine, {"scale": A, "bias": B[:2]}, "one and the same shape"),
        (ops.Affine, {"scale": A[None], "bias": B[None]}, "one and the same shape"),
        (ops.Affine, {"scale": A, "bias": None}, "bias is NoneType"),
        (ops.Hardtanh, {"low": 1.0, "high": -1.0}, "low=1.0 must not exceed high=-1.0"),
        (ops.Hardtanh, {"low": float("nan")}, "low=nan"),
        (ops.Hardtanh, {"high": float("inf")}, "high=inf"),
        (ops.Hardtanh, {"high": 1e39}, "high=1e"),
        (ops.Quantize, {"bits": 1}, "bits=1 must be an integer from 2 to 16"),
        (ops.Quantize, {"bits": 2.0}, "bits=2.0"),
        (ops.Pad, {"padding": (1, 1), "value": 0}, "value=0"),
        (ops.MaxPool, {"kernel": (2, 2), "stride": (0, 1)}, "stride="),
        (ops.AvgPool, {"kernel": (2, 2), "stride": (1, 1), "padding": (2, 0)}, "at most half"),
        (ops.Linear, {"weight": real(3)}, "weight of shape"),
        (ops.BinaryLinear, {"words": np.zeros((2, 2), np.uint64), "features": 64}, "words has 2 words"),
        (ops.BinaryLinear, {"words": np.zeros(2, np.uint64), "features": 64}, "words of shape"),
        (ops.BinaryConv, {"words": np.zeros((2, 2), np.uint64), "channels": 64}, "words of shape"),
        (
            ops.BinaryConv,
            {"words": np.zeros((2, 1, 1, 1), np.uint64), "channels": 4, "flip": np.zeros(3, bool)},
            "flip",
        ),
    ],
)
def test_attributes_that_do_not_fit(kind, fields, rule):
    with pytest.raises(ValueError, match=f"op: .*{rule}"):
        op(kind, **fields)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 201, 3])
def test_names_are_short_and_printable(name):
    with pytest.raises(ValueError, match="the op name"):
        ops.ReLU(name=name, inputs=("a",))


def test_every_kind_is_registered_once():
    assert all(kind.kind == name for name, kind in ops.OPS.items())
    public = {getattr(ops, name) for name in ops.__all__ if name not in ("OPS", "Op", "Shape")}
    assert set(ops.OPS.values()) == public


def conv(shape: tuple[int, ...], **fields):
    return ops.Conv(name="c", inputs=("input",), weight=np.ones(shape, np.float32), **fields)


@pytest.mark.parametrize(
    ("op", "shape", "rule"),
    [
        (conv((3, 120, 120, 1), groups=3, padding=(120, 120)), (120, 120, 3), "c: kernel and padding make .* runs"),
        (conv((1, 4097, 1, 1)), (5000, 1, 1), r"c: a kernel of \(4097, 1\) is larger than 4096"),
        (conv((64, 64, 64, 1), padding=(32, 32)), (4096, 4096, 1), "c: .* multiply-adds, more than"),
        (
            ops.MaxPool(name="p", inputs=("input",), kernel=(1024, 1024), stride=(1, 1)),
            (2048, 2048, 3),
            "p: .* values under its windows, more than",
        ),
    ],
)
def test_work_that_would_not_end_or_fit_is_refused_before_it_begins(op, shape, rule):
    with pytest.raises(ValueError, match=rule):
        op.output_shape(shape)


def test_groups_whose_tiles_would_take_too_much_memory_are_refused(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BYTES", 2**20)
    with pytest.raises(ValueError, match=r"c: filters=4096 in groups=4096 take up to 4,718,592 bytes"):
        conv((4096, 3, 3, 1), groups=4096)


@pytest.mark.parametrize("first", [3e38, -3e38])
def test_a_scaled_weight_beyond_float32_is_refused(first: float):
    scale = np.full(2, 10, np.float32)
    weight = np.array([[first, 0, 1], [1, 1, 1]], np.float32)
    for make in (
        lambda: ops.Conv(name="c", inputs=("input",), weight=weight[:, None, None], scale=scale),
        lambda: ops.Linear(name="c", inputs=("input",), weight=weight, scale=scale),
    ):
        with pytest.raises(ValueError, match="c: weight × scale is too large for float32"):
            make()


def test_an_op_tells_how_many_values_it_touches():
    shape = (8, 6, 2)
    assert op(ops.ReLU).touched(shape) == 2 * 96
    assert op(ops.Add).touched(shape, shape) == 3 * 96
    pool = {"kernel": (2, 3), "stride": (2, 3)}
    assert op(ops.MaxPool, **pool).touched(shape) == op(ops.CeilMaxPool, **pool).touched(shape) == 96 + 16 + 96
    assert op(ops.Reduce, how="sum", axes=(0, 1)).touched(shape) == 96 + 2
    enlarged = op(ops.Resize, mode="nearest", size=(10, 3), factors=None).touched(shape)
    assert enlarged == 96 + 60
    bilinear = op(ops.Resize, mode="bilinear", size=(10, 3), factors=None).touched(shape)
    assert bilinear == enlarged + 4 * 10 * 6 * 2
    assert op(ops.AdaptivePool, how="mean", size=(4, 3)).touched(shape) > 12 * 1000
    assert op(ops.AdaptivePool, how="mean", size=(0, 6)).touched(shape) == 2 * 96
    conv = op(ops.Conv, weight=real(1, 1, 1, 2), padding=(1, 2))
    assert conv.touched(shape) == 96 + 100 + 10 * 10 * 2


def test_a_bilinear_map_needs_little_memory_between_its_two_passes(monkeypatch):
    resize = op(ops.Resize, mode="bilinear", size=(4096, 1), factors=None)
    x = np.ones((1, 1, 2**14, 1), np.float32)
    tracemalloc.start()
    try:
        y = resize(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert y.shape == (1, 4096, 1, 1)
    assert (y == 1).all()
    assert peak < 16 * 4 * resampling.BLOCK
    x, resize = real(2, 5, 7, 3), op(ops.Resize, mode="bilinear", size=(9, 11), factors=None)
    whole = resize(x)
    monkeypatch.setattr(resampling, "BLOCK", 1)
    np.testing.assert_array_equal(resize(x), whole)


@pytest.mark.parametrize("indices", [[0], [2, 1, 0], [1, 1], [0, 2, 4], [0, 1, 3], [5]])
def test_chosen_channels_come_in_the_order_of_their_indices(indices):
    x = real(2, 3, 6)
    np.testing.assert_array_equal(op(ops.Select, indices=np.array(indices, np.uint64))(x), x[..., indices])
