"""Networks of the literature pack with equal logits; each stands for a kind of block under a scheme."""

import numpy as np
import pytest
import torch
from torch import nn

from xnorlab import export, models

CASES = {
    "densenet28": ({"width": 4}, 32, ("bnn", "reactnet")),
    "googlenet": ({"width": 2}, 32, ("xnor",)),
    "mobilenet": ({"width": 2}, 32, ("reactnet", "bnn")),
    "quicknet": ({"width": 8}, 32, ("bnn", "bwn", "ternary")),
    "resnet20": ({"width": 2}, 16, ("xnor", "float", "ternary", "ternary-twn")),
    "resnet34": ({"width": 2, "stem": "tiny"}, 16, ("bireal",)),
    "vgg_small": ({"width": 4}, 32, ("xnor-k", "ternary-twn")),
}
"""Model → options of a tiny one, pixels, schemes."""

REAL_INPUTS = ("bwn", "float", "ternary", "ternary-twn")
"""Schemes whose layers have real inputs."""


@pytest.mark.parametrize(("name", "scheme"), [(name, scheme) for name, case in CASES.items() for scheme in case[2]])
def test_a_network_packs_with_equal_logits(name, scheme):
    torch.manual_seed(0)
    options, size, _ = CASES[name]
    model = models.build(name, scheme, 5, **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
            module.momentum = 1.0
    x = torch.randn(4, 3, size, size)
    with torch.no_grad():
        model.train()(x)
        want = model.eval()(x).numpy()
    network = export.pack(model, x[:2])
    got = network.run(np.ascontiguousarray(x.numpy().transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    assert len(np.unique(want.round(4), axis=0)) == 4, "answers that do not differ would tell nothing"
    assert any(row.binary_macs for row in network.summary()) == (scheme not in REAL_INPUTS)
