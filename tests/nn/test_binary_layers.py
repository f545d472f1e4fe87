"""Binary layers: training and evaluation compute the formula, evaluation exactly; bad arguments are named."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from xnorlab.binarize import (
    AbsMeanTernary,
    BiRealSign,
    ClippedSign,
    KBit,
    LearnedScale,
    MeanScale,
    RSign,
    Sign,
    StochasticSign,
    ThresholdTernary,
    input_scale,
    sign,
    weight_scale,
)
from xnorlab.nn import BinaryConv2d, BinaryLinear

WEIGHTS = {
    "real": None,
    "sign": Sign,
    "mean": MeanScale,
    "learned": lambda: LearnedScale(6),
    "ternary": AbsMeanTernary,
    "TWN": ThresholdTernary,
}
INPUTS = {
    "real": None,
    "clipped": ClippedSign,
    "bireal": BiRealSign,
    "rsign": lambda: RSign(4),
    "2 bit": lambda: KBit(2),
}


@pytest.mark.parametrize(("weights", "inputs"), list(itertools.product(WEIGHTS, INPUTS)))
def test_train_and_eval_compute_the_same_binarized_convolution(weights, inputs):
    torch.manual_seed(0)
    make_w, make_x = WEIGHTS[weights], INPUTS[inputs]
    layer = BinaryConv2d(
        4,
        6,
        (3, 2),
        (2, 1),
        (1, 2),
        (1, 2),
        2,
        True,
        weight_binarizer=make_w and make_w(),
        input_binarizer=make_x and make_x(),
    ).double()
    layer.bias.data.normal_()
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    w = layer.weight if make_w is None else layer.weight_binarizer(layer.weight)
    xb = x if make_x is None else layer.input_binarizer(x)
    expected = F.conv2d(xb, w, layer.bias, (2, 1), (1, 2), (1, 2), 2)
    assert torch.allclose(layer.train()(x), expected, atol=1e-12)
    assert torch.allclose(layer.eval()(x), expected, atol=1e-12)


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
def test_border_holds_the_pad_value_after_the_sign(pad_value):
    layer = BinaryConv2d(
        3, 5, 3, padding=1, weight_binarizer=Sign(), input_binarizer=ClippedSign(), pad_value=pad_value
    )
    x = torch.randn(1, 3, 4, 4)
    expected = F.conv2d(F.pad(sign(x), (1, 1, 1, 1), value=pad_value), sign(layer.weight))
    assert torch.equal(layer.eval()(x), expected)


def test_evaluation_of_a_binary_convolution_is_exact_whatever_the_layout():
    torch.manual_seed(0)
    layer = BinaryConv2d(70, 33, 3, padding=1, weight_binarizer=MeanScale(), input_binarizer=ClippedSign()).eval()
    x = torch.randn(2, 70, 11, 11)
    integers = F.conv2d(sign(x).double(), sign(layer.weight).double(), padding=1)
    expected = integers.float() * weight_scale(layer.weight).view(1, -1, 1, 1)
    assert torch.equal(layer(x), expected)
    assert torch.equal(layer(x.contiguous(memory_format=torch.channels_last)), expected)


def test_input_scale_multiplies_by_k():
    layer = BinaryConv2d(
        4, 6, 3, 2, 1, bias=True, weight_binarizer=MeanScale(), input_binarizer=ClippedSign(), input_scale=True
    )
    layer.bias.data.normal_()
    x = torch.randn(2, 4, 9, 9)
    plain = F.conv2d(sign(x), layer.weight_binarizer(layer.weight), None, 2, 1)
    expected = plain * input_scale(x, 3, 2, 1) + layer.bias.view(1, -1, 1, 1)
    for mode in (True, False):
        assert torch.allclose(layer.train(mode)(x), expected, atol=1e-5)


def test_stochastic_binaryconnect_is_tested_with_its_real_weights():
    layer = BinaryConv2d(3, 4, 3, weight_binarizer=StochasticSign())
    x = torch.randn(1, 3, 5, 5)
    assert torch.equal(layer.eval()(x), F.conv2d(x, layer.weight))
    layer.train()
    assert not torch.equal(layer(x), layer(x))


def test_linear_layer_in_both_modes():
    layer = BinaryLinear(20, 7, True, weight_binarizer=MeanScale(), input_binarizer=ClippedSign())
    assert layer.bias is not None
    layer.bias.data.normal_()
    x = torch.randn(3, 20)
    expected = F.linear(sign(x), sign(layer.weight)) * weight_scale(layer.weight) + layer.bias
    for mode in (True, False):
        assert torch.allclose(layer.train(mode)(x), expected, atol=1e-5)


def test_gradients_reach_input_weight_and_bias():
    layer = BinaryConv2d(4, 6, 3, bias=True, weight_binarizer=MeanScale(), input_binarizer=ClippedSign())
    x = (torch.randn(2, 4, 5, 5) * 0.5).requires_grad_()
    layer(x).square().sum().backward()
    for tensor in (x, layer.weight, layer.bias):
        assert tensor.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": 3}, "groups=3 does not divide in_channels=4"),
        ({"groups": 0}, "groups=0 must be at least 1"),
        ({"kernel_size": 0}, "kernel_size=0 must be"),
        ({"stride": 0}, "stride=0 must be"),
        ({"padding": -1}, "padding=-1 must be"),
        ({"dilation": (1, 2, 3)}, r"dilation=\(1, 2, 3\) must be"),
        ({"pad_value": 2}, "pad_value=2 must be −1, 0 or"),
        ({"pad_value": 1, "input_binarizer": None}, "pad_value=1 needs an input_binarizer"),
        ({"input_scale": True, "input_binarizer": None}, "input_scale=True needs an input_binarizer"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        BinaryConv2d(
            **({"in_channels": 4, "out_channels": 6, "kernel_size": 3, "input_binarizer": ClippedSign()} | arguments)
        )


def test_inputs_that_do_not_fit():
    layer = BinaryConv2d(4, 6, 5)
    with pytest.raises(ValueError, match=r"x has shape \(1, 3, 8, 8\)"):
        layer(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match="reaches 5, more than the padded input size 4"):
        layer(torch.zeros(1, 4, 4, 8))
    with pytest.raises(ValueError, match="in_features=4"):
        BinaryLinear(4, 2)(torch.zeros(1, 5))
