"""The overview: what enters each layer, in this network and in its float twin, from the photo to the answer."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from shared import charts, image_address, theme
from shared.photos import Photo
from streamlit.components import v2 as components

from views.inside.walks import Walk
from xnorlab import units
from xnorlab.figures import pictures
from xnorlab.figures.similarity import SIGNS
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.runtime.records import softmax

_HERE = Path(__file__).parent
_KEY = "way"
_WAY = components.component(
    "xnorlab_way",
    html="<ol></ol>",
    css=(_HERE / "way.css").read_text("utf-8"),
    js=(_HERE / "way.js").read_text("utf-8"),
)


def show(walk: Walk, photo: Photo, preprocessing: Preprocessing, *, chosen: str, choose: Callable[[str], None]) -> None:
    """Draw the tiles and their numbers.

    Args:
        walk: The photo's way.
        photo: What was shown to the network.
        preprocessing: Of the network.
        chosen: Name of the layer that is marked.
        choose: Called with the name of a layer that is clicked.
    """
    scores = dict(zip(walk.similarity[0], walk.similarity[1][SIGNS], strict=True))
    dark = theme.dark()
    tiles = walk.drawn(("tiles", dark), lambda: _tiles(walk, preprocessing.crop_image(photo.pixels), scores, dark=dark))

    def picked() -> None:
        layer = st.session_state[_KEY].get("picked")
        if layer in walk.layers:
            choose(layer)

    _WAY(key=_KEY, data={"tiles": tiles, "chosen": chosen}, on_picked_change=picked, height="content")
    layers = [walk.recording.layer(op) for op in walk.layers.values()]
    charts.numbers(
        {
            "layer": list(walk.layers),
            "places": [f"{layer.x.shape[0]} × {layer.x.shape[1]}" for layer in layers],
            "channels": [layer.x.shape[2] for layer in layers],
            "bits of +1": [units.percent(float((layer.signs > 0).mean())) for layer in layers],
            "alike to the float twin": [units.significant(scores.get(name, float("nan"))) for name in walk.layers],
        },
        key=_KEY,
    )


def _tiles(walk: Walk, crop: np.ndarray, scores: Mapping[str, float], *, dark: bool) -> list[dict[str, Any]]:
    """The photo as it was seen, uint8 (H, W, 3), the layers with their scores, and the answer."""
    both = walk.twin is not None
    alt = f"The photo as {'both networks' if both else 'the network'} saw it"
    word = "as they saw it" if both else "as it saw it"
    photo = {"src": image_address.png(crop), "alt": alt, "smooth": True, "word": word}
    into = f"into {walk.first}" + ("" if walk.first in walk.layers else ", whose input stays real")
    layers = [_layer_tile(walk, layer, scores.get(layer), dark=dark) for layer in walk.layers]
    return [_tile("photo", [photo], [into]), *layers, _tile("answer", [], [*_answers(walk)])]


def _layer_tile(walk: Walk, layer: str, score: float | None, *, dark: bool) -> dict[str, Any]:
    own = walk.recording.layer(walk.layers[layer])
    drawn = [
        {
            "src": image_address.png(pictures.magnitude_picture(pattern, dark=dark)),
            "alt": f"What enters {layer} as one picture, {word}",
            "word": word,
        }
        for word, pattern in walk.patterns(layer).items()
    ]
    height, width, channels = own.x.shape
    lines = [f"{height} × {width}, {channels} channels"]
    return _tile(layer, drawn, lines if score is None else [*lines, f"alike: {score:.2f}".replace("-", "−")], layer)


def _answers(walk: Walk) -> list[str]:
    lines = []
    if walk.recording.output.ndim != 1:
        return ["no list of classes"]
    for word, recording in (("signs", walk.recording), ("float twin", walk.twin)):
        if recording is not None:
            shares, labels = softmax(recording.output[None])[0], recording.network.labels
            best = int(shares.argmax())
            label = labels[best] if labels else str(best)
            lines.append(f"{word}: {label}, {units.percent(float(shares[best]))}")
    return lines


def _tile(title: str, drawn: list[dict], lines: list[str], layer: str = "") -> dict[str, Any]:
    """A tile; it can be clicked where it has a layer."""
    return {"title": title, "pictures": drawn, "lines": lines, "layer": layer}
