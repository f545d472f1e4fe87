"""Networks at their full size have the parameters and the multiply-adds that their papers print."""

from math import prod
from typing import Any

import pytest
import torch
from torch import nn

from xnorlab import models
from xnorlab.models.quicknet import Blur
from xnorlab.models.resnet import ZeroPadded
from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.paper.published import PUBLISHED_ACCURACY, PUBLISHED_COST
from xnorlab.zoo.cost import architecture
from xnorlab.zoo.recipe import Recipe

OPTIONS = {
    "QuickNet small": ("quicknet", {"size": "small"}),
    "QuickNet large": ("quicknet", {"size": "large"}),
    "ConvNet": ("vgg_small", {"head": "dense"}),
}
TITLES = {architecture(Recipe(model=model)): (model, {}) for model in models.MODELS} | OPTIONS
"""A network as published tables write it → how it is built at its full size."""

FOR_32_PIXELS = ("nin", "resnet20", "vgg_small")


def built(network: str, scheme: str) -> tuple[nn.Module, int]:
    model, options = TITLES[network]
    classes, pixels = (10, 32) if model in FOR_32_PIXELS else (1000, 224)
    with torch.device("meta"):
        return models.build(model, scheme, classes, **options).eval(), pixels


def multiply_adds(net: nn.Module, pixels: int) -> tuple[int, int]:
    """Multiply-adds of one picture: with a real input, and of two signs."""
    counts = [0, 0]

    def count(layer: Any, inputs: tuple, output: torch.Tensor) -> None:
        binary = getattr(layer, "input_binarizer", None) is not None
        places = prod(output.shape[2:])
        counts[binary] += layer.weight.numel() * places

    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear | BinaryConv2d | BinaryLinear):
            layer.register_forward_hook(count)
    net(torch.empty(1, 3, pixels, pixels, device="meta"))
    return counts[0], counts[1]


def as_printed(number: float, printed: float) -> bool:
    """Whether a number is the printed one in its three digits, or 1 % off: papers count pools and biases or do not."""
    return number == pytest.approx(printed, rel=0.01, abs=0.005e8)


@pytest.mark.parametrize(
    "row", [r for r in PUBLISHED_COST if r.parameters is None], ids=lambda r: f"{r.network}-{r.scheme}"
)
def test_multiply_adds_are_the_printed_ones(row):
    real, binary = multiply_adds(*built(row.network, row.scheme))
    for number, printed in ((real, row.real_macs), (binary, row.binary_macs), (real + binary / 64, row.operations)):
        assert printed is None or as_printed(number, printed), (number, printed)


def test_parameters_are_the_printed_ones():
    printed = {row.network: row.parameters for row in PUBLISHED_COST if row.parameters}

    def parameters(net: nn.Module) -> int:
        return sum(parameter.numel() for parameter in net.parameters())

    for name in ("QuickNet small", "QuickNet", "QuickNet large"):
        net = built(name, "bnn")[0]
        assert parameters(net) + sum(m.kernel.numel() for m in net.modules() if isinstance(m, Blur)) == printed[name]
    net = built("BinaryDenseNet-28", "bnn")[0]
    statistics = sum(2 * m.num_features for m in net.modules() if isinstance(m, nn.BatchNorm2d))
    assert parameters(net) + statistics == printed["BinaryDenseNet-28"]
    assert parameters(built("ResNet-20", "float")[0]) == pytest.approx(printed["ResNet-20"], abs=0.005e6)


def test_every_published_accuracy_of_a_scheme_of_ours_is_of_a_network_that_can_be_built():
    elsewhere = {"SqueezeNet 1.1", "ShuffleNetV2 ×1.0", "EfficientNet-B0"}
    elsewhere |= {"ResNet-18 of TWN", "MobileNetV2", "MobileNetV3-small", "MobileNetV3-large"}
    assert {row.network for row in PUBLISHED_ACCURACY} - elsewhere <= set(TITLES)
    papers = {"GoogLeNet variant", "BinaryDenseNet-28", "QuickNet small", "QuickNet", "QuickNet large", "ReActNet-A"}
    assert papers | {"VGG-small", "ConvNet", "ResNet-20", "ResNet-34"} <= {row.network for row in PUBLISHED_ACCURACY}


def test_googlenet_has_the_21_convolutions_that_the_paper_tells_of():
    net = built("GoogLeNet variant", "xnor")[0]
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | BinaryConv2d)]
    assert len(layers) + 1 == 21, "the last one is computed as a matrix"
    assert [layer.kernel_size[0] for layer in layers] == [7, 3, *(1, 3) * 9]


def test_shortcuts_without_weights():
    x = torch.randn(2, 3, 5, 5)
    y = ZeroPadded(3, 8, 2)(x)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert not y[:, 3:].any()
    assert y.shape == (2, 8, 3, 3)
    flat = Blur(4)(torch.ones(1, 4, 7, 6))
    assert flat.shape == (1, 4, 4, 3)
    assert torch.equal(flat[:, :, 1:-1, 1:], torch.ones(1, 4, 2, 2))
