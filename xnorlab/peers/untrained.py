"""Networks with random weights: a time needs the architecture, not the training."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorlab.images.preprocessing import Preprocessing
from xnorlab.runtime import Network

SIZES = (32, 512)
CALIBRATION = 16
"""Pictures that set the normalisation statistics."""
PATCHES = 7
"""Patches of colour across such a picture: noise by the pixel would give all pictures nearly the same features, and
normalisations would blow up the little by which these differ."""


@dataclass(frozen=True)
class Untrained:
    """A network and its float twin, packed, and the torch module of each by the network's name."""

    network: Network
    float_twin: Network
    modules: dict[str, Any]


def untrained(model: str, scheme: str, *, size: int = 224, classes: int = 1000, seed: int = 0) -> Untrained:
    """An architecture of `xnorlab.models` under a scheme, for pictures of size × size, with seeded random weights.

    The weights are rounded as those of a shipped network are. The normalisations take the statistics of a few random
    pictures, so that values and signs are spread as in a trained network. Needs torch. Raises ValueError for an
    unknown model or scheme or an impossible size.
    """
    if type(size) is not int or not SIZES[0] <= size <= SIZES[1]:
        raise ValueError(f"size={size!r} must be an integer from {SIZES[0]} to {SIZES[1]}")
    network, module = _build(model, scheme, size, classes, seed)
    twin, twin_module = (network, module) if scheme == "float" else _build(model, "float", size, classes, seed)
    return Untrained(network, twin, {network.name: module, twin.name: twin_module})


def _build(model: str, scheme: str, size: int, classes: int, seed: int) -> tuple[Network, Any]:
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    from xnorlab import export, models
    from xnorlab.training.rounding import round_weights_

    preprocessing = Preprocessing(resize=size, crop=size)  # enlarges the patches, too
    patches = np.random.default_rng(seed).integers(0, 256, (CALIBRATION, PATCHES, PATCHES, 3), np.uint8)
    batch = torch.from_numpy(preprocessing(patches)).permute(0, 3, 1, 2).contiguous()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        module = round_weights_(models.build(model, scheme, classes))
        for norm in module.modules():
            if isinstance(norm, _BatchNorm):
                norm.momentum = 1.0  # the statistics of the one pass below, as they are
        module.train()(batch)
        module.eval()
        name = f"{model}-{scheme}, untrained"
        return export.pack(module, batch[:1], preprocessing=preprocessing, name=name), module
