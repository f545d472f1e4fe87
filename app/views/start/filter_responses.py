"""The Start page's picture: one trained filter laid over one photo, under the five schemes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from shared import photos

from xnorlab import units
from xnorlab.figures import style

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 112
"""Pixels of the photo's shorter side in the picture."""

# XNOR-Net as the paper writes it, K included; elsewhere K is off, as in the authors' code.
_LAYERS = {"xnor": "xnor-k"}


@dataclass(frozen=True)
class Response:
    """A filter as one scheme keeps it, (kh, kw), its response to the photo, (H, W), and how far that is from the truth.

    said: what weights and inputs are. cosine: of the angle to the real response. error: ‖real − approximate‖ /
    ‖real‖.
    """

    said: tuple[str, str]
    weights: np.ndarray
    map: np.ndarray
    cosine: float
    error: float


def responses(sample: str, filters: np.ndarray, index: int) -> dict[str, Response]:
    """Scheme → what it makes of filter `index` of a first layer, (N, 3, kh, kw), on the photo `sample` in grey.

    For a grey photo the three colour slices of a filter act as their sum.
    """
    import torch

    from xnorlab.nn import SCHEMES, BinaryConv2d

    image = Image.fromarray(photos.sample(sample).pixels).convert("L")
    image.thumbnail((SIDE * image.width // min(image.size), SIDE))
    grey = (torch.from_numpy(np.array(image, np.float32)) - 128.0) / 64.0
    w = torch.from_numpy(filters[index]).sum(0)[None, None]
    found: dict[str, Response] = {}
    with torch.no_grad():
        for name in style.SCHEMES:
            scheme = SCHEMES[_LAYERS.get(name, name)]
            layer = BinaryConv2d(
                1,
                1,
                (w.shape[2], w.shape[3]),
                weight_binarizer=scheme.weights and scheme.weights(1),
                input_binarizer=scheme.inputs and scheme.inputs(1),
                input_scale=scheme.input_scale,
            ).eval()
            layer.weight.copy_(w)
            y = layer(grey[None, None])[0, 0]
            real = torch.from_numpy(found["float"].map) if found else y
            kept = w if layer.weight_binarizer is None else layer.weight_binarizer(w)
            found[name] = Response(
                _said(kept, scheme.inputs is not None, scheme.input_scale),
                kept[0, 0].numpy(),
                y.numpy(),
                float(torch.cosine_similarity(real.flatten(), y.flatten(), dim=0)),
                float((real - y).norm() / real.norm()),
            )
    return found


def _said(kept: "Tensor", binary_inputs: bool, input_scale: bool) -> tuple[str, str]:
    sizes = kept.abs().unique()
    weights = (
        f"weights ±{units.significant(float(sizes[0])).removesuffix('.00')}" if len(sizes) == 1 else "real weights"
    )
    return weights, ("inputs ±1, times K" if input_scale else "inputs ±1") if binary_inputs else "real inputs"
