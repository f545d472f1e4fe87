"""Sums that follow from recorded bits are those of a packed network, for random networks of every scheme."""

import numpy as np
import pytest
import torch

from xnorlab import export, models
from xnorlab.nn import SCHEMES, get_scheme
from xnorlab.runtime import record
from xnorlab.runtime.recording import binary_ops

SIZES = {"alexnet": 96, "resnet18": 64, "nin": 32}
OPTIONS: dict[str, dict] = {"alexnet": {"head": "pool"}, "resnet18": {"width": 8}, "nin": {}}
BINARY = [scheme for scheme in SCHEMES if get_scheme(scheme).inputs is not None]


@pytest.mark.parametrize("scheme", BINARY)
@pytest.mark.parametrize("model_name", SIZES)
def test_every_sum_of_a_random_network_follows_from_its_bits(model_name, scheme):
    torch.manual_seed(1)
    model = models.build(model_name, scheme, 4, **OPTIONS[model_name])
    x = torch.randint(-128, 128, (4, 3, SIZES[model_name], SIZES[model_name])) / 64
    with torch.no_grad():
        model.train()(x)  # norms that are not trivial
    network = export.pack(model.eval(), x[:1])
    recording = record(network, np.ascontiguousarray(x[:1].permute(0, 2, 3, 1).numpy()))
    assert recording.agrees
    layers = [recording.layer(name) for name in binary_ops(network)]
    assert layers
    rng = np.random.default_rng(0)
    for layer in layers:
        assert layer.differing == 0
        rows, columns, filters = layer.value.shape
        for row in {0, int(rng.integers(rows)), rows - 1}:
            for column in {0, int(rng.integers(columns)), columns - 1}:
                pixel = layer.pixel_sum(int(rng.integers(filters)), row, column)
                assert pixel.sum == layer.sums[row, column, pixel.filter]
                assert pixel.agrees
