"""The shipped networks as torch modules with their latent weights."""

import torch
from torch import nn

from xnorlab import pretrained
from xnorlab.models import build


def load(name: str) -> nn.Module:
    """The torch twin of `xnorlab.load(name)`, with latent weights, in eval mode, float32.

    Raises ValueError for an unknown name and what `xnorlab.pretrained.weights` raises for a damaged file.
    """
    entry = pretrained.manifest_entry(name)
    weights = {key: torch.from_numpy(value) for key, value in pretrained.weights(name).items()}
    model = build(entry["model"], entry["scheme"], len(entry["labels"]), **entry["recipe"].get("model_options", {}))
    missing, unexpected = model.load_state_dict(weights, strict=False)
    # The batch counter of BatchNorm only serves training without momentum; it is not shipped.
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"{name}: the file lacks {missing} and holds unknown {unexpected}")
    return model.eval()
