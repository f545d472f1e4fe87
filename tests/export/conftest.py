"""Networks with random weights whose norms have seen data, and inputs as the preprocessing makes them."""

import numpy as np
import pytest
import torch
from torch import nn

from xnorlab.binarize import RSign
from xnorlab.nn import Shift


def _inputs(*shape: int, seed: int = 0) -> torch.Tensor:
    """Multiples of 1/64 in [−2, 2), as pictures are after (value − 128) / 64."""
    return torch.randint(-128, 128, shape, generator=torch.Generator().manual_seed(seed)) / 64


def _trained(model: nn.Module, *shape: int, seed: int = 0) -> nn.Module:
    """`model` as if trained: random norms, thresholds, slopes, statistics of its own values, a first layer on a grid.

    Of each norm one channel has factor 0 and several a negative one.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 0.5, 0.5, generator=generator)
            nn.init.normal_(module.bias, 0, 0.3, generator=generator)
            module.weight.data[0] = 0
            module.momentum = None
        elif isinstance(module, RSign):
            nn.init.normal_(module.threshold, 0, 0.3, generator=generator)
        elif isinstance(module, Shift):
            nn.init.normal_(module.bias, 0, 0.3, generator=generator)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0, 0.5, generator=generator)
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None:
        first.weight.data = (first.weight.data * 512).round() / 512
    model.train()
    with torch.no_grad():
        model(_inputs(*shape, seed=seed + 1))
    return model.eval()


def _nhwc(x: torch.Tensor) -> np.ndarray:
    array = x.detach().numpy()
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1) if array.ndim == 4 else array)


@pytest.fixture
def inputs():
    return _inputs


@pytest.fixture
def trained():
    return _trained


@pytest.fixture
def nhwc():
    return _nhwc


@pytest.fixture(autouse=True)
def _seeded_and_single_threaded():
    """One thread: with others at work on the machine, torch's threads wait for each other most of the time."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
