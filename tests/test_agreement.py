"""The packed network and the torch network it came from give the same answers: on shipped photos, on Imagenette."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import xnorlab
from xnorlab import export, models
from xnorlab.images import Preprocessing, open_image
from xnorlab.nn import SCHEMES
from xnorlab.runtime import Network

SAMPLES = sorted((Path(__file__).parents[1] / "app" / "samples").glob("*.jpg"))
LOGIT_TOLERANCE = 1e-3
BATCH = 64

CASES = {"alexnet": ({"head": "pool"}, 144, 128), "resnet18": ({"width": 16}, 144, 128), "nin": ({}, 36, 32)}
"""Model → its options, the preprocessing's resize and crop."""


@pytest.fixture(autouse=True)
def _one_torch_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def varied_samples(count: int) -> list[np.ndarray]:
    """Cuts of the shipped photos, of many sizes and shapes, some mirrored or dark."""
    random = np.random.default_rng(0)
    photos = [open_image(path) for path in SAMPLES]
    cuts = []
    for i in range(count):
        photo = photos[i % len(photos)]
        height, width = photo.shape[:2]
        h, w = random.integers(height // 3, height), random.integers(width // 3, width)
        top, left = random.integers(0, height - h), random.integers(0, width - w)
        cut = photo[top : top + h, left : left + w]
        cuts.append((cut[:, ::-1] if i % 2 else cut) // np.uint8(1 + i % 3))
    return cuts


def torch_logits(model: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()


@pytest.mark.parametrize("name", xnorlab.names())
def test_shipped_network_answers_as_torch_does_on_photos(name):
    network, model = xnorlab.load(name), models.load(name)
    photos = varied_samples(48)
    x = network.preprocessing(photos)
    read: list[torch.Tensor] = []
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    last.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    packed, real = network.run(x), torch_logits(model, x)
    features = network.features(photos)
    assert (features.shape, features.dtype) == ((48, last.in_features), np.float32)
    np.testing.assert_allclose(features, read[0].numpy(), rtol=1e-3, atol=LOGIT_TOLERANCE)
    assert np.abs(packed - real).max() <= LOGIT_TOLERANCE
    assert np.array_equal(packed.argmax(1), real.argmax(1))
    assert len(set(packed.argmax(1))) > 2, "a sample on which everything gets one label tells nothing"


def validation_pictures():
    root = os.environ.get("XNORLAB_DATA")
    if root is None:
        pytest.skip("XNORLAB_DATA names no folder with imagenette2-160")
    from xnorlab.training.folders import find

    return find("imagenette", root).val


@pytest.mark.data
@pytest.mark.parametrize("name", [name for name in xnorlab.names() if name.startswith("imagenette/")])
def test_shipped_network_answers_as_torch_does_on_every_validation_picture(name):
    from xnorlab.training.evaluate import compare, pictures

    network = xnorlab.load(name)
    comparison = compare(network, models.load(name), pictures(validation_pictures(), network.preprocessing))
    assert comparison["images"] == 3925
    assert comparison["labels_differ"] == 0
    assert comparison["largest_logit_difference"] <= LOGIT_TOLERANCE


def calibrated(model_name: str, scheme: str, x: np.ndarray) -> nn.Module:
    """An untrained network whose norms know `x`, with its first layer on a fixed-point grid as shipped ones have."""
    torch.manual_seed(0)
    model = models.build(model_name, scheme, 10, **CASES[model_name][0])
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    first.weight.data = (first.weight.data * 512).round() / 512
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
            module.momentum = None
    with torch.no_grad():
        model.train()(torch.from_numpy(x).permute(0, 3, 1, 2))
    return model.eval()


def disagreement(network: Network, model: nn.Module, x: np.ndarray) -> tuple[float, int]:
    packed, real = network.run(x), torch_logits(model, x)
    return float(np.abs(packed - real).max()), int((packed.argmax(1) != real.argmax(1)).sum())


@pytest.mark.data
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("model_name", CASES)
def test_every_scheme_and_network_answers_as_torch_does_on_every_validation_picture(model_name, scheme):
    from xnorlab.training.evaluate import pictures

    _, resize, crop = CASES[model_name]
    shown = pictures(validation_pictures(), Preprocessing(resize, crop))
    model = calibrated(model_name, scheme, shown.inputs(0, BATCH))
    network = export.pack(model, torch.from_numpy(shown.inputs(0, 2)).permute(0, 3, 1, 2))
    for start in range(0, len(shown), BATCH):
        difference, labels = disagreement(network, model, shown.inputs(start, start + BATCH))
        assert labels == 0
        assert difference <= LOGIT_TOLERANCE
