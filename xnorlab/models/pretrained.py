"""The shipped networks as torch modules with their latent weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from xnorlab import pretrained
from xnorlab.models import build


def load(name: str) -> nn.Module:
    """The torch twin of `xnorlab.load(name)`, with latent weights, in eval mode, float32.

    Raises ValueError for an unknown name and what `xnorlab.pretrained.weights` raises for a damaged file.
    """
    return twin(pretrained.manifest_entry(name), pretrained.weights(name))


def twin(entry: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> nn.Module:
    """The module of a manifest entry (its model, scheme, labels and recipe) with these weights, in eval mode.

    weights: float32 by name, as `xnorlab.pretrained.unpacked` gives them. Raises ValueError where one is missing or
    has no place.
    """
    labels: Sequence[str] = entry["labels"]
    model = build(entry["model"], entry["scheme"], len(labels), **entry["recipe"].get("model_options", {}))
    missing, unexpected = model.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()}, strict=False)
    # The batch counter of BatchNorm only serves training without momentum; it is not shipped.
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"weights of {entry['model']}-{entry['scheme']} lack {missing} and hold unknown {unexpected}")
    return model.eval()
