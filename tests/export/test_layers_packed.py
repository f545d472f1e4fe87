"""A user's own module, built from the layers, packs like the shipped networks."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xnorlab import export
from xnorlab.binarize import (
    BiRealSign,
    ClippedSign,
    KBit,
    LearnedScale,
    MeanScale,
    RSign,
    Sign,
    StochasticSign,
    WeightBinarizer,
)
from xnorlab.nn import BinaryConv2d, BinaryLinear, Shift

WEIGHTS = {
    "real": lambda n: None,
    "sign": lambda n: Sign(),
    "stochastic": lambda n: StochasticSign(),
    "mean": lambda n: MeanScale(),
    "learned": LearnedScale,
}
INPUTS = {
    "real": lambda c: None,
    "clipped": lambda c: ClippedSign(),
    "bireal": lambda c: BiRealSign(),
    "rsign": RSign,
    "1 bit": lambda c: KBit(1),
    "4 bits": lambda c: KBit(4),
}


def agree(model, nhwc, example, x, *, exact=False):
    """Pack `model` and demand torch's output on x, bit for bit where `exact`; returns the packed network."""
    model.eval()
    packed = export.pack(model, example)
    with torch.no_grad():
        want = nhwc(model(x))
    got = packed.run(nhwc(x))
    if exact:
        np.testing.assert_array_equal(got, want)
    else:
        np.testing.assert_allclose(got, want, atol=1e-4 * max(1.0, float(np.abs(want).max())), rtol=0)
    return packed


def kinds(packed):
    return [op.kind for op in packed.ops]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("binarizer", INPUTS)
def test_a_convolution_under_every_pair_of_binarizers(trained, inputs, nhwc, weights, binarizer):
    pads = [0] if binarizer == "real" else [-1, 0, 1]
    for pad_value in pads:
        layer = BinaryConv2d(
            6,
            8,
            3,
            2,
            1,
            bias=True,
            weight_binarizer=WEIGHTS[weights](8),
            input_binarizer=INPUTS[binarizer](6),
            pad_value=pad_value,
        )
        nn.init.normal_(layer.bias)
        if weights == "learned":
            nn.init.normal_(layer.weight_binarizer.factor)
        model = trained(nn.Sequential(nn.BatchNorm2d(6), layer), 4, 6, 9, 7)
        packed = agree(model, nhwc, inputs(2, 6, 9, 7), inputs(3, 6, 9, 7, seed=2))
        binary = weights in ("sign", "mean", "learned") and binarizer not in ("real", "4 bits")
        assert (kinds(packed) == ["binary_conv"]) == binary


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("binarizer", INPUTS)
def test_a_matrix_under_every_pair_of_binarizers(trained, inputs, nhwc, weights, binarizer):
    layer = BinaryLinear(70, 5, bias=True, weight_binarizer=WEIGHTS[weights](5), input_binarizer=INPUTS[binarizer](70))
    model = trained(nn.Sequential(nn.BatchNorm1d(70), layer), 8, 70)
    packed = agree(model, nhwc, inputs(2, 70), inputs(9, 70, seed=2))
    binary = weights in ("sign", "mean", "learned") and binarizer not in ("real", "4 bits")
    assert (kinds(packed) == ["binary_linear"]) == binary


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_groups_dilation_and_odd_geometry(inputs, nhwc, pad_value, groups):
    layer = BinaryConv2d(
        8,
        12,
        (3, 2),
        (2, 1),
        (3, 1),
        (2, 3),
        groups,
        weight_binarizer=MeanScale(),
        input_binarizer=ClippedSign(),
        pad_value=pad_value,
    )
    agree(layer, nhwc, inputs(2, 8, 11, 9), inputs(3, 8, 11, 9, seed=1), exact=True)


@pytest.mark.parametrize("geometry", [{}, {"stride": 2, "padding": 1}, {"padding": (2, 0), "dilation": 2}])
@pytest.mark.parametrize("norm", [False, True])
def test_input_scale(trained, inputs, nhwc, geometry, norm):
    layer = BinaryConv2d(5, 7, 3, weight_binarizer=MeanScale(), input_binarizer=RSign(5), input_scale=True, **geometry)
    model = nn.Sequential(*[nn.BatchNorm2d(5)] * norm, layer)
    packed = agree(trained(model, 4, 5, 9, 8), nhwc, inputs(2, 5, 9, 8), inputs(3, 5, 9, 8, seed=1))
    # K reads the layer's real input: the norm ahead of it must not be folded away.
    assert kinds(packed) == ["affine"] * norm + ["binary_conv"]


def binary(channels, out, **options):
    return BinaryConv2d(
        channels, out, 3, padding=1, weight_binarizer=MeanScale(), input_binarizer=ClippedSign(), **options
    )


class PreActivation(nn.Module):
    """Both users of one norm: the sign, and the shortcut."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.conv = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), binary(8, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        """x: (N, 3, H, W)."""
        y = self.norm(self.stem(x))
        y = self.conv(y) + y
        return self.head(y.mean((2, 3)))


class Functional(nn.Module):
    """Torch's functions, methods and operators in place of modules; shapes read from the tensor."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding="same"), nn.BatchNorm2d(8)
        self.binary = binary(8, 8, pad_value=1)
        self.slope, self.shift = nn.Parameter(torch.rand(8)), nn.Parameter(torch.randn(8))
        self.matrix, self.constant = nn.Parameter(torch.randn(4, 8 * 4)), nn.Parameter(torch.randn(4))
        self.filters = nn.Parameter(torch.randn(8, 4, 3, 3))

    def forward(self, x):
        """x: (N, 3, 16, 16)."""
        norm = self.norm
        y = F.batch_norm(self.conv(x), norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
        y = F.max_pool2d(F.relu(y), 2)
        z = self.binary(y - self.shift[None, :, None, None])
        z += y
        z = F.prelu(z, self.slope) * 0.5 + self.shift.view(1, -1, 1, 1)
        z = F.avg_pool2d(F.dropout(z, 0.5, self.training), 2)
        z = F.hardtanh(F.conv2d(z, self.filters, groups=2, padding=1), -3.0, 3.0).clamp(-2, 2)
        z = torch.flatten(F.avg_pool2d(z, (2, 2)), 1).view(x.size(0), -1)
        return F.linear(torch.relu(z), self.matrix, self.constant)


class InPlace(nn.Module):
    """Steps that overwrite what they read, with a later reader who sees the overwritten value."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.last = nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(6, 4, 1)

    def forward(self, x):
        """x: (N, 3, H, W)."""
        y = self.conv(x)
        z = self.relu(y)
        return F.adaptive_avg_pool2d(self.last(z + y), 1).flatten(1)


class Shared(nn.Module):
    """One layer called twice, and a shift, a scale and a norm in a row behind it."""

    def __init__(self):
        super().__init__()
        self.stem, self.conv, self.norm = nn.Conv2d(3, 8, 1), binary(8, 8), nn.BatchNorm2d(8)
        self.factor = nn.Parameter(torch.linspace(-1, 1, 8).view(8, 1, 1))

    def forward(self, x):
        """x: (N, 3, H, W)."""
        y = self.stem(x)
        for _ in range(2):
            y = self.conv(self.norm(self.factor * y) - 0.25)
        return y


class ReAct(nn.Module):
    """Learned shifts around PReLU, as ReActNet stacks them; some slopes negative, so that no threshold exists."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        last = BinaryConv2d(8, 8, 3, weight_binarizer=MeanScale(), input_binarizer=RSign(8))
        self.block = nn.Sequential(nn.BatchNorm2d(8), Shift(8), nn.PReLU(8), Shift(8), last)

    def forward(self, x):
        """x: (N, 3, H, W)."""
        return self.block(self.stem(x))


OWN = {
    "shortcut": (PreActivation, (3, 10, 8)),
    "functional": (Functional, (3, 16, 16)),
    "in place": (InPlace, (3, 9, 9)),
    "shared": (Shared, (3, 7, 7)),
    "react": (ReAct, (3, 9, 9)),
}


@pytest.mark.parametrize("name", OWN)
def test_own_modules(trained, inputs, nhwc, name):
    kind, shape = OWN[name]
    model = trained(kind(), 4, *shape)
    packed = agree(model, nhwc, inputs(2, *shape), inputs(3, *shape, seed=4))
    assert packed.input_shape == (*shape[1:], 3)


def test_a_norm_with_two_readers_stays(trained, inputs, nhwc):
    packed = agree(trained(PreActivation(), 4, 3, 8, 8), nhwc, inputs(1, 3, 8, 8), inputs(2, 3, 8, 8))
    assert kinds(packed) == ["conv", "affine", "binary_conv", "add", "global_avg_pool", "flatten", "linear"]


def test_negative_slopes_are_not_folded(trained, inputs, nhwc):
    model = trained(ReAct(), 4, 3, 9, 9)
    assert kinds(agree(model, nhwc, inputs(1, 3, 9, 9), inputs(2, 3, 9, 9))) == ["conv", "binary_conv"]
    model.block[2].weight.data[3] = -0.5
    packed = agree(model, nhwc, inputs(1, 3, 9, 9), inputs(2, 3, 9, 9))
    assert kinds(packed) == ["conv", "affine", "affine", "prelu", "binary_conv"]


@pytest.mark.parametrize("norm_first", [False, True])
def test_where_norms_go(trained, inputs, nhwc, norm_first):
    """Ahead of a sign into its threshold; behind the last layer with signs, and without any, into scale and bias."""
    body = [nn.BatchNorm2d(8), binary(8, 8)] if norm_first else [binary(8, 8), nn.BatchNorm2d(8)]
    model = nn.Sequential(nn.Conv2d(3, 8, 3), *body, nn.MaxPool2d(2), nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4), nn.ReLU())
    packed = agree(trained(model, 4, 3, 10, 10), nhwc, inputs(2, 3, 10, 10), inputs(3, 3, 10, 10, seed=3))
    assert kinds(packed) == ["conv", "binary_conv", "max_pool", "conv", "relu"]
    first = packed.ops[1]
    assert (first.threshold is not None) == norm_first
    assert (first.bias is None) == norm_first
    assert packed.ops[3].scale is not None


def test_a_real_norm_ahead_of_a_sign_keeps_torchs_roundings(trained, inputs, nhwc):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.MaxPool2d(2), binary(8, 8))
    model = trained(model, 4, 3, 10, 10)
    packed = agree(model, nhwc, inputs(2, 3, 10, 10), inputs(3, 3, 10, 10, seed=3), exact=True)
    assert kinds(packed) == ["conv", "affine", "max_pool", "binary_conv"]


def test_float16_weights_stay_so_under_a_folded_norm(trained, inputs, nhwc):
    model = trained(nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)), 4, 3, 8, 8)
    packed = agree(model, nhwc, inputs(1, 3, 8, 8), inputs(2, 3, 8, 8))
    assert kinds(packed) == ["conv"]
    assert packed.ops[0].weight_bits == 16


class Halved(WeightBinarizer):
    """Somebody's own binarizer with signs and a scale of its own."""

    def scale(self, w):
        """w: (N, …) → (N,)."""
        return w.detach().abs().flatten(1).amax(1) / 2


def test_an_own_weight_binarizer_packs(inputs, nhwc):
    layer = BinaryConv2d(5, 6, 3, weight_binarizer=Halved(), input_binarizer=ClippedSign())
    agree(layer, nhwc, inputs(1, 5, 6, 6), inputs(2, 5, 6, 6, seed=1), exact=True)


def test_a_sign_that_stands_alone(trained, inputs, nhwc):
    model = nn.Sequential(nn.BatchNorm2d(3), RSign(3), nn.Conv2d(3, 4, 3, padding=1), KBit(3))
    packed = agree(trained(model, 4, 3, 6, 6), nhwc, inputs(2, 3, 6, 6), inputs(2, 3, 6, 6, seed=1))
    assert kinds(packed) == ["sign", "conv", "quantize"]


def test_names_are_the_modules_paths(trained, inputs):
    packed = export.pack(trained(Functional(), 4, 3, 16, 16), inputs(1, 3, 16, 16))
    names = [op.name for op in packed.ops]
    assert "conv" in names
    assert "binary" in names
    shared = export.pack(trained(Shared(), 4, 3, 7, 7), inputs(1, 3, 7, 7))
    assert [op.name for op in shared.ops] == ["stem", "conv", "conv#2"]


def test_a_norm_of_channels_that_hardly_vary_packs(nhwc):
    """Its factor is 1/√eps: a product and a bias cancel, of which torch and the packed layer round different parts."""
    torch.manual_seed(0)
    conv = BinaryConv2d(16, 64, 3, weight_binarizer=MeanScale(), input_binarizer=BiRealSign())
    norm = nn.BatchNorm2d(64)
    model = nn.Sequential(conv, norm).eval()
    x = torch.randn(1, 16, 3, 3)
    with torch.no_grad():
        norm.running_mean = conv(x)[0, :, 0, 0] * (1 + 2e-6)
        norm.running_var = torch.zeros(64)
        want = nhwc(model(x))
    network = export.pack(model, x)
    np.testing.assert_allclose(network.run(nhwc(x)), want, atol=2e-4, rtol=0)
    assert np.abs(want).max() < 0.01
