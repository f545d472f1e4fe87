"""The responses of one trained filter to one photo under the five schemes, and the cards that show them."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from shared import cards, charts, image_address, photos, theme

from xnorlab import units
from xnorlab.figures import pictures, style

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 112
"""Pixels of the photo's shorter side in the picture."""

# XNOR-Net as the paper writes it, with K; elsewhere K is off, as in the authors' code.
_SCHEMES = {"xnor": "xnor-k"}


@dataclass(frozen=True)
class Response:
    """A filter as one scheme keeps it, and its response to a photo.

    Attributes:
        weights_in_words: What the weights are.
        inputs_in_words: What the inputs are.
        weights: The filter, (kh, kw).
        map: Its response, (H, W).
        cosine: Of the angle between this response and the real one.
        error: ‖real − approximate‖ / ‖real‖.
    """

    weights_in_words: str
    inputs_in_words: str
    weights: np.ndarray
    map: np.ndarray
    cosine: float
    error: float


def responses(sample: str, filters: np.ndarray, index: int) -> dict[str, Response]:
    """The response of one filter of a first layer to a photo in grey under every scheme.

    For a grey photo the three colour slices of a filter act as their sum.

    Args:
        sample: The key of a sample photo.
        filters: (N, 3, kh, kw).
        index: Which of the N filters.

    Returns:
        Scheme → its response, full precision first.
    """
    import torch

    from xnorlab.nn import SCHEMES, BinaryConv2d

    image = Image.fromarray(photos.sample(sample).pixels).convert("L")
    image.thumbnail((SIDE * image.width // min(image.size), SIDE))
    grey = (torch.from_numpy(np.array(image, np.float32)) - 128.0) / 64.0
    w = torch.from_numpy(filters[index]).sum(0)[None, None]
    by_scheme: dict[str, Response] = {}
    with torch.no_grad():
        for name in style.SCHEMES:
            scheme = SCHEMES[_SCHEMES.get(name, name)]
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
            real = torch.from_numpy(by_scheme["float"].map) if by_scheme else y
            kept = w if layer.weight_binarizer is None else layer.weight_binarizer(w)
            by_scheme[name] = Response(
                _weights_in_words(kept),
                _inputs_in_words(binary=scheme.inputs is not None, scaled=scheme.input_scale),
                kept[0, 0].numpy(),
                y.numpy(),
                float(torch.cosine_similarity(real.flatten(), y.flatten(), dim=0)),
                float((real - y).norm() / real.norm()),
            )
    return by_scheme


def show(by_scheme: Mapping[str, Response]) -> None:
    """Draw one card per scheme, and their numbers as a table."""
    cards.show(_card(scheme, response) for scheme, response in by_scheme.items())
    rows = by_scheme.values()
    charts.numbers(
        {
            "scheme": [style.look(scheme).label for scheme in by_scheme],
            "weights": [row.weights_in_words for row in rows],
            "inputs": [row.inputs_in_words for row in rows],
            "cosine to the real response": [units.significant(row.cosine) for row in rows],
            "‖error‖ / ‖real response‖": [units.percent(row.error) for row in rows],
        },
        key="strip",
    )


def _card(scheme: str, response: Response) -> str:
    label = style.look(scheme).label
    images = "".join(
        f"<img class='{kind}' width='{values.shape[1]}' height='{values.shape[0]}' alt='{alt} under {label}' "
        f"src='{image_address.png(pictures.signed_picture(values, dark=theme.dark()))}'>"
        for kind, values, alt in (
            ("xl-pixelated", response.weights, "The filter"),
            ("", response.map, "Its response to the photo"),
        )
    )
    lines = "<br>".join(map(html.escape, (response.weights_in_words, response.inputs_in_words)))
    footnotes: Sequence[str] = (
        cards.footnote(units.significant(response.cosine), "cosine"),
        cards.footnote(units.percent(response.error), "error"),
    )
    return cards.card(scheme, f"<div class='xl-said'>{lines}</div><div class='xl-pictures'>{images}</div>", footnotes)


def _weights_in_words(weights: "Tensor") -> str:
    sizes = weights.abs().unique()
    return f"weights ±{units.significant(float(sizes[0])).removesuffix('.00')}" if len(sizes) == 1 else "real weights"


def _inputs_in_words(*, binary: bool, scaled: bool) -> str:
    if not binary:
        return "real inputs"
    return "inputs ±1, times K" if scaled else "inputs ±1"
