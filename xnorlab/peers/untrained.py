"""Networks with random weights, for timing: a time depends on the architecture, not on the training."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from xnorlab.images.preprocessing import Preprocessing
from xnorlab.runtime import Network

SIZES = (32, 512)
"""Smallest and largest side of the pictures, in pixels."""

CLASSES = 1000
"""Classes of the networks, those of ImageNet."""

SEED = 0
"""Seed of weights and pictures."""

CALIBRATION = 16
"""Random pictures from which the normalisations take their statistics."""

PATCHES = 7
"""Patches of colour across such a picture. With noise in every pixel all pictures would have nearly the same features,
and the normalisations would amplify their small differences."""


@dataclass(frozen=True)
class Untrained:
    """A network with random weights and its float twin.

    Attributes:
        network: The packed network.
        float_twin: The same architecture with real weights, packed.
        modules: By name of either network, its torch module.
    """

    network: Network
    float_twin: Network
    modules: dict[str, Any]


def untrained(model: str, scheme: str, *, size: int) -> Untrained:
    """Build an architecture under a scheme with random weights, and its float twin, for CLASSES classes. Needs torch.

    The weights are rounded like those of a shipped network. The normalisations take the statistics of CALIBRATION
    random pictures, so that values and signs are distributed as in a trained network.

    Args:
        model: An architecture of `xnorlab.models`.
        scheme: A scheme.
        size: Side of the pictures in pixels, within SIZES.

    Raises:
        ValueError: `model` or `scheme` is unknown, or `size` is outside of its range.
    """
    network, module = untrained_network(model, scheme, size=size)
    twin, twin_module = (network, module) if scheme == "float" else untrained_network(model, "float", size=size)
    return Untrained(network, twin, {network.name: module, twin.name: twin_module})


def untrained_network(
    model: str, scheme: str, *, size: int, options: Mapping[str, Any] | None = None
) -> tuple[Network, Any]:
    """Build and pack one network of `untrained`, without a twin.

    Args:
        model: An architecture of `xnorlab.models`.
        scheme: A scheme.
        size: Side of the pictures in pixels, within SIZES.
        options: Options of the architecture; its defaults if None.

    Returns:
        The packed network, which stores its preprocessing, and its torch module.

    Raises:
        ValueError: `model`, `scheme` or an option is unknown, or `size` is outside of its range.
    """
    import torch

    from xnorlab import export, models
    from xnorlab.training.recipe_checks import require_sizes
    from xnorlab.training.rounding import round_weights_

    if type(size) is not int or not SIZES[0] <= size <= SIZES[1]:
        raise ValueError(f"size={size!r} must be an integer from {SIZES[0]} to {SIZES[1]}")
    build = partial(models.build, model, scheme, CLASSES, **({} if options is None else options))
    with torch.device("meta"):
        require_sizes(build(), model, "size", [size], CALIBRATION)
    preprocessing = Preprocessing(resize=size, crop=size)  # enlarges the patches, too
    batch = calibration_batch(preprocessing)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(SEED)
        module = calibrated(round_weights_(build()), batch)
        name = f"{model}-{scheme}, untrained"
        return export.pack(module, batch[:1], preprocessing=preprocessing, name=name), module


def calibration_batch(preprocessing: Preprocessing) -> Any:
    """CALIBRATION random pictures, as a torch tensor (N, 3, crop, crop)."""
    import torch

    patches = np.random.default_rng(SEED).integers(0, 256, (CALIBRATION, PATCHES, PATCHES, 3), np.uint8)
    return torch.from_numpy(preprocessing(patches)).permute(0, 3, 1, 2).contiguous()


def calibrated(module: Any, batch: Any) -> Any:
    """A torch module, in eval mode, whose normalisations have taken the statistics of one batch."""
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    module.eval()  # all else computes what it will compute: no dropout, no branch left out at random
    for norm in module.modules():
        if isinstance(norm, _BatchNorm):
            norm.train().momentum = 1.0  # the statistics of the one pass below, as they are
    with torch.no_grad():
        module(batch)
    return module.eval()
