"""Variants of the schemes: each learns, and changes what its name says."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from xnorlab.binarize import BiRealSign, KBit, LearnedScale, Sign, StochasticSign
from xnorlab.models import build
from xnorlab.nn import SCHEMES, VARIANTS, BinaryConv2d, BinaryLinear, conv_block, get_scheme
from xnorlab.nn.blocks import classifier, conv, first_conv


def test_no_variant_hides_a_system():
    assert not SCHEMES.keys() & VARIANTS.keys()
    assert all(get_scheme(name) is variant and variant.name == name for name, variant in VARIANTS.items())


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_learns_a_step_on_both_networks(name):
    torch.manual_seed(0)
    for model, options, size in (("alexnet", {"head": "pool"}, 63), ("resnet18", {"width": 4, "stem": "cifar"}, 16)):
        network = build(model, name, 3, **options)
        logits = network(torch.randn(2, 3, size, size))
        assert logits.shape == (2, 3)
        logits.square().mean().backward()
        weights = [
            m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear | BinaryConv2d | BinaryLinear)
        ]
        assert len(weights) >= 6
        assert all(w.grad is not None and torch.isfinite(w.grad).all() for w in weights)


@pytest.mark.parametrize(
    ("name", "weights", "inputs"),
    [
        ("bwn-learned", LearnedScale, None),
        ("xnor-unscaled", Sign, "ClippedSign"),
        ("xnor-polynomial", None, BiRealSign.__name__),
        ("xnor-4-bit", None, KBit.__name__),
    ],
)
def test_a_variant_changes_what_its_name_says(name, weights, inputs):
    layer = conv(get_scheme(name), 4, 6, 3)
    if weights is not None:
        assert type(layer.weight_binarizer) is weights
    assert layer.input_binarizer is None if inputs is None else type(layer.input_binarizer).__name__ == inputs


def test_each_width_has_its_own_number_of_levels():
    x = torch.linspace(-1, 1, 2001)[None]
    for bits in (2, 4, 8):
        quantizer = conv(get_scheme(f"xnor-{bits}-bit"), 1, 1, 1).input_binarizer
        assert isinstance(quantizer, KBit)
        assert len(quantizer(x).unique()) == 2**bits


def test_no_norm_leaves_nothing_that_could_absorb_a_scale():
    parts = [type(part) for part in conv_block(get_scheme("bwn-no-norm"), 4, 6, 3)]
    assert parts == [BinaryConv2d, nn.ReLU]


@pytest.mark.parametrize("name", ["bwn", "xnor"])
def test_binary_ends_are_the_schemes_own_layers(name):
    scheme = get_scheme(f"{name}-binary-ends")
    first, last = first_conv(scheme, 8, 3, 1, 1), classifier(scheme, 8, 3)
    convs = [m for m in first.modules() if isinstance(m, BinaryConv2d)]
    matrices = [m for m in last.modules() if isinstance(m, BinaryLinear)]
    assert len(convs) == len(matrices) == 1
    assert (convs[0].input_binarizer is None) == (name == "bwn")
    assert isinstance(first_conv(get_scheme(name), 8, 3, 1, 1), nn.Conv2d)
    assert isinstance(classifier(get_scheme(name), 8, 3), nn.Linear)


def test_first_stages_keep_weights_real_and_the_names_of_all_tensors():
    for system in ("xnor", "bireal", "reactnet"):
        options = {"width": 4, "stem": "cifar"}
        first, second = (build("resnet18", name, 3, **options) for name in (f"{system}-stage-1", system))
        shapes = [{key: value.shape for key, value in model.state_dict().items()} for model in (first, second)]
        assert shapes[0] == shapes[1]
        assert all(m.weight_binarizer is None for m in first.modules() if isinstance(m, BinaryConv2d))


def test_stochastic_signs_start_where_their_probabilities_differ():
    layer = conv(get_scheme("binaryconnect-stochastic"), 64, 64, 3)
    assert isinstance(layer.weight_binarizer, StochasticSign)
    assert layer.weight.abs().max().item() <= 1
    assert layer.weight.abs().mean().item() == pytest.approx(0.5, abs=0.02)


def test_contradictions_are_refused():
    with pytest.raises(ValueError, match="norm=False needs real inputs"):
        replace(get_scheme("xnor"), norm=False)
    with pytest.raises(ValueError, match="'bwn-binary-ends' has binary ends"):
        build("nin", "bwn-binary-ends", 3)
