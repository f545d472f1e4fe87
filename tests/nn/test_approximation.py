"""Approximation of a convolution: α and K are the paper's, its maps equal the layer's own, agreement is geometry."""

import threading

import pytest
import torch

from xnorlab import models
from xnorlab.binarize import KBit, MeanScale, input_scale
from xnorlab.nn import SCHEMES, BinaryConv2d, agreement, approximate_conv, layer_inputs


@pytest.fixture
def x():
    return torch.randn(1, 6, 9, 7, generator=torch.Generator().manual_seed(5))


def layer(scheme: str, **options) -> BinaryConv2d:
    torch.manual_seed(1)
    s = SCHEMES[scheme]
    return BinaryConv2d(
        6,
        8,
        3,
        padding=1,
        weight_binarizer=s.weights and s.weights(8),
        input_binarizer=s.inputs and s.inputs(6),
        input_scale=s.input_scale,
        **options,
    ).eval()


@pytest.mark.parametrize(
    ("scheme", "alpha", "k"),
    [
        ("bnn", False, False),
        ("xnor", True, False),
        ("xnor-k", True, True),
        ("binaryconnect", False, False),
        ("bwn", True, False),
        ("reactnet", True, False),
    ],
)
@pytest.mark.parametrize("options", [{}, {"stride": 2, "groups": 2}, {"dilation": 2}], ids=str)
def test_the_maps_are_those_of_the_scheme_s_own_layer(x, scheme, alpha, k, options):
    conv = layer(scheme, **options)
    with torch.no_grad():
        torch.testing.assert_close(approximate_conv(conv, x).maps(alpha=alpha, k=k), conv(x)[0])


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
def test_the_border_counts_as_in_the_layer(x, pad_value):
    conv = layer("bnn", pad_value=pad_value)
    with torch.no_grad():
        torch.testing.assert_close(approximate_conv(conv, x).plain, conv(x)[0])


def test_the_real_sums_are_those_of_the_latent_weights(x):
    conv = layer("xnor", stride=2)
    approximation = approximate_conv(conv, x)
    torch.testing.assert_close(
        approximation.real, torch.nn.functional.conv2d(x, conv.weight.detach(), stride=2, padding=1)[0]
    )
    torch.testing.assert_close(approximation.weight_scale, conv.weight.detach().abs().mean((1, 2, 3)))
    torch.testing.assert_close(approximation.input_scale, input_scale(x, 3, 2, 1)[0, 0])


def test_real_inputs_have_no_k(x):
    approximation = approximate_conv(layer("bwn"), x)
    assert approximation.input_scale is None
    with pytest.raises(ValueError, match="no K"):
        approximation.maps(alpha=True, k=True)


def test_alpha_scales_a_map_and_cannot_turn_it(x):
    approximation = approximate_conv(layer("xnor"), x)
    with_, without = (approximation.agreement(alpha=a, k=False) for a in (True, False))
    torch.testing.assert_close(with_.cosine, without.cosine)
    assert (with_.error < without.error).all()


def test_no_factor_per_filter_does_better_than_the_least_error(x):
    approximation = approximate_conv(layer("xnor"), x)
    near = approximation.agreement(alpha=True, k=False)
    for factor in torch.linspace(0.02, 2, 50):
        scaled = agreement(approximation.real, factor * approximation.maps(alpha=True, k=False))
        assert (scaled.error >= near.least_error - 1e-6).all()


def test_agreement_of_parallel_of_other_and_of_zero_maps():
    real = torch.tensor([[[3.0, 4.0]], [[3.0, 4.0]], [[0.0, 0.0]], [[3.0, 4.0]]])
    other = torch.tensor([[[6.0, 8.0]], [[4.0, -3.0]], [[1.0, 1.0]], [[0.0, 0.0]]])
    result = agreement(real, other)
    torch.testing.assert_close(result.cosine[:2], torch.tensor([1.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(result.error[:2], torch.tensor([1.0, 2**0.5], dtype=torch.float64))
    assert result.cosine[2:].isnan().all()
    assert result.error[2].isnan()
    assert result.error[3] == 1
    assert result.mean_cosine == pytest.approx(0.5)
    assert result.mean_error == pytest.approx((2 + 2**0.5) / 3)
    assert result.mean_least_error == pytest.approx(0.5)


def test_a_batch_or_other_channels_are_refused(x):
    for wrong in (x.expand(2, -1, -1, -1), x[:, :5], x[0]):
        with pytest.raises(ValueError, match=r"the rule is \(1, 6, H, W\)"):
            approximate_conv(layer("xnor"), wrong)


class TestLayerInputs:
    @pytest.fixture
    def model(self):
        torch.manual_seed(0)
        return models.resnet18("xnor", num_classes=4, width=8, stem="cifar").eval()

    def test_each_binary_layer_gets_what_the_forward_pass_gives_it(self, model):
        images = torch.randn(1, 3, 16, 16)
        inputs = layer_inputs(model, images)
        assert set(inputs) == {module for module in model.modules() if isinstance(module, BinaryConv2d)}
        parts = list(model.blocks[0].modules())
        norm = next(m for m in parts if isinstance(m, torch.nn.BatchNorm2d))
        first = next(m for m in parts if isinstance(m, BinaryConv2d))
        with torch.no_grad():
            torch.testing.assert_close(inputs[first], norm(model.stem(images)))

    def test_nothing_is_left_behind(self, model):
        layer_inputs(model, torch.randn(1, 3, 16, 16))
        assert not any(module._forward_pre_hooks for module in model.modules())

    def test_two_threads_at_once_each_get_their_own_pictures_inputs(self, model):
        images = [torch.full((1, 3, 16, 16), float(i)) for i in range(4)]
        expected = [layer_inputs(model, image) for image in images]
        inputs: dict[int, dict] = {}
        threads = [
            threading.Thread(target=lambda i=i: inputs.update({i: layer_inputs(model, images[i])})) for i in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for i, right in enumerate(expected):
            assert all(torch.equal(inputs[i][layer], right[layer]) for layer in right)


def test_a_layer_of_k_bits_keeps_its_own_quantizer(x):
    conv = BinaryConv2d(6, 2, 3, weight_binarizer=MeanScale(), input_binarizer=KBit(2)).eval()
    with torch.no_grad():
        torch.testing.assert_close(approximate_conv(conv, x).maps(alpha=True, k=False), conv(x)[0])


def test_a_norm_absorbs_alpha_and_not_k(x):
    approximation = approximate_conv(layer("xnor"), x)
    plain, alpha, k = (approximation.behind_a_norm(alpha=a, k=k).error for a, k in ((0, 0), (1, 0), (0, 1)))
    torch.testing.assert_close(plain, alpha)
    assert not torch.allclose(plain, k)
    cosine = approximation.behind_a_norm(alpha=True, k=False).cosine
    torch.testing.assert_close(alpha, (2 * (1 - cosine)).sqrt())  # two maps of the variance 1
