"""Networks: each trains under every scheme, has the sizes of the papers, and names bad arguments."""

import pytest
import torch

from xnorlab import models
from xnorlab.nn import SCHEMES, BinaryConv2d, BinaryLinear

SMALL = {
    "alexnet": ({"head": "pool"}, 64),
    "densenet28": ({"width": 8}, 64),
    "googlenet": ({"width": 4}, 64),
    "mobilenet": ({"width": 4}, 64),
    "nin": ({}, 32),
    "quicknet": ({"width": 16}, 64),
    "resnet18": ({"width": 8, "stem": "tiny"}, 32),
    "resnet20": ({"width": 4}, 32),
    "resnet34": ({"width": 4, "stem": "tiny"}, 32),
    "vgg_small": ({"width": 8}, 32),
}
"""Model → options of a small one, pixels."""

BINARY = {
    **{"alexnet": 4, "densenet28": 23, "googlenet": 19, "mobilenet": 26, "nin": 7, "quicknet": 16},
    **{"resnet18": 16, "resnet20": 18, "resnet34": 32, "vgg_small": 5},
}
"""Model → how many of its layers are binary."""

REAL_1X1 = {"densenet28": 3, "quicknet": 4, "resnet18": 3, "resnet34": 3}
"""Model → its real 1×1 convolutions between the first layer and the last; none where it is not named."""


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", models.MODELS)
def test_every_network_trains_under_every_scheme(name, scheme):
    torch.manual_seed(0)
    options, size = SMALL[name]
    net = models.build(name, scheme, 5, **options)
    y = net(torch.randn(2, 3, size, size))
    assert y.shape == (2, 5)
    torch.nn.functional.cross_entropy(y, torch.tensor([0, 3])).backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        if parameter.dim() > 1:
            assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("scheme", [name for name, scheme in SCHEMES.items() if scheme.inputs])
@pytest.mark.parametrize("name", models.MODELS)
def test_binary_inputs_carry_something_from_the_start(name, scheme):
    torch.manual_seed(0)
    options, size = SMALL[name]
    net = models.build(name, scheme, 5, **options)
    shares = {}
    for key, layer in net.named_modules():
        if isinstance(layer, BinaryConv2d) and layer.input_binarizer is not None:
            layer.input_binarizer.register_forward_hook(
                lambda module, inputs, signs, *, key=key: shares.update({key: (signs > 0).float().mean().item()})
            )
    net(torch.randn(4, 3, size, size))
    assert len(shares) >= 4
    # The maxima of a pool are mostly +1; behind a ReLU every sign would be.
    assert all(0 < share < 1 for share in shares.values()), shares


@pytest.mark.parametrize("name", models.MODELS)
def test_first_and_last_layer_stay_real_and_the_rest_is_binary(name):
    net = models.build(name, "xnor", 5, **SMALL[name][0])
    real = [m for m in net.modules() if type(m) in (torch.nn.Conv2d, torch.nn.Linear)]
    assert real[0].weight.shape[1] == 3
    assert real[-1].weight.shape[0] == 5
    inner = [m for m in real[1:-1] if getattr(m, "groups", 1) == 1]
    assert len(real) - 2 - len(inner) == (1 if name == "quicknet" else 0), "its stem has a depthwise convolution"
    assert len([m for m in inner if m.weight.shape[2:] == (1, 1)]) == REAL_1X1.get(name, 0) == len(inner)
    binary = [m for m in net.modules() if isinstance(m, BinaryConv2d | BinaryLinear)]
    assert len(binary) == BINARY[name]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_dense_alexnet_is_the_224_pixel_network_of_the_paper(scheme):
    with torch.device("meta"):
        net = models.alexnet(scheme)
        assert net(torch.empty(2, 3, 224, 224)).shape == (2, 1000)
    binary = [m for m in net.modules() if isinstance(m, BinaryLinear)]
    assert [(m.in_features, m.out_features) for m in binary] == [(9216, 4096), (4096, 4096)]


def test_sizes_of_the_measured_networks():
    def weights(net):
        return sum(p.numel() for p in net.parameters() if p.dim() > 1)

    assert weights(models.alexnet("float", 10, head="pool")) == pytest.approx(2.47e6, rel=0.01)
    assert weights(models.resnet18("float", 10, width=32)) == pytest.approx(2.80e6, rel=0.01)
    assert weights(models.resnet18("float", 1000)) == pytest.approx(11.68e6, rel=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.build("vgg", "xnor", 10), "model='vgg' is not one of alexnet"),
        (lambda: models.build("nin", "xnor", 1), "num_classes=1 must be at least 2"),
        (lambda: models.build("nin", "x", 10), "scheme='x' is not one of"),
        (lambda: models.alexnet("xnor", head="big"), "head='big' must be"),
        (lambda: models.resnet18("xnor", stem="big"), "stem='big' is not one of"),
        (lambda: models.resnet18("xnor", width=0), "width=0 must be an int of at least 1"),
        (lambda: models.resnet18("xnor", width="8"), "width='8' must be an int of at least 1"),
        (lambda: models.quicknet("xnor", size="huge"), "size='huge' is not one of small, standard, large"),
        (lambda: models.quicknet("xnor", width=12), "width=12 must be a multiple of 8"),
        (lambda: models.densenet28("xnor", width=7), "width=7 must be a multiple of 2"),
        (lambda: models.vgg_small("xnor", head="big"), "head='big' is not one of flat, dense, pool"),
        (lambda: models.mobilenet("xnor", width=0), "width=0 must be an int of at least 1"),
        (lambda: models.resnet18("xnor", shortcut_every_conv="False"), "shortcut_every_conv='False' must be true"),
    ],
)
def test_arguments_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()
