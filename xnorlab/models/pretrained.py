"""The shipped networks as torch modules with their latent weights."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from xnorlab.models import build
from xnorlab.zoo import files, manifest
from xnorlab.zoo.recipe import Recipe


def load(name: str) -> nn.Module:
    """The torch twin of `xnorlab.load(name)`, with latent weights, in eval mode, float32.

    Raises:
        PretrainedError: `name` is unknown, or its files are missing or altered.
    """
    shipped = manifest.entry(name)
    return twin(shipped.recipe, len(shipped.labels), files.weights(name))


def twin(recipe: Recipe, num_classes: int, weights: Mapping[str, np.ndarray]) -> nn.Module:
    """The network that a recipe trains, as a torch module with these weights, in eval mode.

    Args:
        recipe: names the architecture, its options and the scheme.
        num_classes: number of outputs.
        weights: float32 by name, as `latent_weights.unpacked` gives them.

    Raises:
        ValueError: a weight is missing or has no place.
    """
    model = build(recipe.model, recipe.scheme, num_classes, **recipe.model_options)
    missing, unexpected = model.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()}, strict=False)
    # The batch counter of BatchNorm only serves training without momentum; it is not shipped.
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"weights of {recipe.model}-{recipe.scheme} lack {missing} and hold unknown {unexpected}")
    return model.eval()
