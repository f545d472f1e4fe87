"""One name per layer, whether it is told by all of a network's paths or by those of its binary layers, in order."""

import pytest
from torch import nn

from xnorlab import models
from xnorlab.nn import BinaryConv2d
from xnorlab.zoo.layer_names import layer_names

RESNET_CONVS = [f"conv{i}" for i in range(1, 18)]


def paths(model, kinds) -> list[str]:
    return [path for path, module in model.named_modules() if isinstance(module, kinds)]


@pytest.mark.parametrize("scheme", ["float", "xnor", "reactnet"])
def test_convolutions_of_a_residual_network_are_counted_without_its_shortcuts(scheme):
    model = models.resnet18(scheme, 10, width=8)
    everything = layer_names(reversed(paths(model, (nn.Conv2d, BinaryConv2d, nn.Linear))))
    names = list(everything.values())
    assert [name for name in names if name.startswith("conv")] == RESNET_CONVS
    assert [name for name in names if name.startswith("shortcut")] == ["shortcut1", "shortcut2", "shortcut3"]
    assert names[-1] == "classifier"
    binary = layer_names(paths(model, BinaryConv2d))
    assert list(binary.values()) == RESNET_CONVS[1:]
    assert binary.items() <= everything.items()


def test_a_layer_that_has_a_name_of_its_own_keeps_it():
    given = ["classifier", "features.conv10.conv", "features.conv2.conv", "head.fc6.linear", "some.thing"]
    assert layer_names(given) == {
        "features.conv2.conv": "conv2",
        "features.conv10.conv": "conv10",
        "head.fc6.linear": "fc6",
        "some.thing": "some.thing",
        "classifier": "classifier",
    }


def test_layers_that_would_share_a_name_keep_their_paths():
    given = ["stages.0.conv1", "stages.0.conv2", "stages.1.conv1"]
    assert layer_names(given) == {
        "stages.0.conv1": "stages.0.conv1",
        "stages.0.conv2": "conv2",
        "stages.1.conv1": "stages.1.conv1",
    }
