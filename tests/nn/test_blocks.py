"""Blocks: the parts of each scheme, in its order, and real shortcuts around them."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xnorlab.binarize import (
    AbsMeanTernary,
    BiRealSign,
    ClippedSign,
    MeanScale,
    RSign,
    Sign,
    StochasticSign,
    ThresholdTernary,
    sign,
)
from xnorlab.nn import SCHEMES, BinaryConv2d, ResidualBlock, conv_block, first_block, get_scheme

EXPECTED = {  # weights, inputs, K: the table of the paper's systems
    "float": (None, None, False),
    "binaryconnect": (Sign, None, False),
    "binaryconnect-stochastic": (StochasticSign, None, False),
    "bnn": (Sign, ClippedSign, False),
    "bwn": (MeanScale, None, False),
    "xnor": (MeanScale, ClippedSign, False),
    "xnor-k": (MeanScale, ClippedSign, True),
    "bireal": (MeanScale, BiRealSign, False),
    "reactnet": (MeanScale, RSign, False),
    "ternary": (AbsMeanTernary, None, False),
    "ternary-twn": (ThresholdTernary, None, False),
}


@pytest.mark.parametrize("name", SCHEMES)
def test_scheme_puts_the_right_parts_into_a_layer(name):
    block = conv_block(SCHEMES[name], 8, 6, 3)
    layer = next(m for m in block.modules() if isinstance(m, BinaryConv2d))
    weights, inputs, k = EXPECTED[name]
    assert layer.input_scale is k
    assert layer.weight_binarizer is None if weights is None else type(layer.weight_binarizer) is weights
    assert layer.input_binarizer is None if inputs is None else type(layer.input_binarizer) is inputs
    detached = name in ("bireal", "reactnet")
    assert getattr(layer.weight_binarizer, "detach", False) is detached


def kinds(block: nn.Sequential) -> list[str]:
    return [type(m).__name__ for m in block]


def test_both_orders_of_table_3():
    xnor = get_scheme("xnor")
    pool = nn.MaxPool2d(2)
    assert kinds(conv_block(xnor, 8, 6, 3, pool=pool)) == ["BatchNorm2d", "BinaryConv2d", "MaxPool2d"]
    assert kinds(first_block(xnor, 8, 3, pool=pool)) == ["Conv2d", "MaxPool2d"]
    cbap = dataclasses.replace(xnor, order="conv-norm-act")
    assert kinds(conv_block(cbap, 8, 6, 3, pool=pool)) == ["BinaryConv2d", "BatchNorm2d", "Hardtanh", "MaxPool2d"]
    assert kinds(first_block(get_scheme("bwn"), 8, 3, pool=pool)) == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]


def test_hardtanh_before_pool_and_sign_equals_the_papers_sign_before_pool():
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(sign(F.max_pool2d(F.hardtanh(x), 2)), F.max_pool2d(sign(x), 2))


def test_xnor_residual_block_adds_the_scaled_sums_to_a_real_shortcut():
    torch.manual_seed(0)
    block = ResidualBlock(get_scheme("xnor"), 8, 8, 1, every_conv=True).eval()
    x = torch.randn(2, 8, 6, 6)
    y = x
    for step in block.steps.children():
        norm, conv = step.branch.children()
        y = y + conv(norm(y))
    assert torch.allclose(block(x), y)


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("every_conv", [None, False, True])
def test_residual_block_shapes_and_shortcut_counts(name, every_conv):
    block = ResidualBlock(get_scheme(name), 4, 8, 2, every_conv=every_conv)
    assert block(torch.randn(2, 4, 8, 8)).shape == (2, 8, 4, 4)
    expected = SCHEMES[name].shortcut_every_conv if every_conv is None else every_conv
    assert len(block.steps) == (2 if expected else 1)


def test_unknown_names_and_contradictions():
    with pytest.raises(ValueError, match="scheme='xnord' is not one of float, binaryconnect"):
        get_scheme("xnord")
    with pytest.raises(ValueError, match="order='norm'"):
        dataclasses.replace(get_scheme("xnor"), order="norm")
    with pytest.raises(ValueError, match="input_scale needs binary inputs"):
        dataclasses.replace(get_scheme("bwn"), input_scale=True)


@pytest.mark.parametrize("size", [7, 8])
def test_odd_maps_are_halved_as_the_branch_halves_them(size):
    block = ResidualBlock(get_scheme("xnor"), 4, 8, 2)
    assert block(torch.randn(1, 4, size, size)).shape == (1, 8, 4, 4)
