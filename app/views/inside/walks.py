"""A photo's way through a packed network and through its float twin, recorded once and kept in the session."""

import contextlib
import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from shared import cached, own_networks, photos
from shared.photos import Photo

from xnorlab.figures.similarity import CONTROL, REAL, SIGNS
from xnorlab.pretrained import sibling
from xnorlab.runtime import Network, Recording, record
from xnorlab.runtime.recording import binary_ops
from xnorlab.runtime.similarity import linear_cka, shared_patterns
from xnorlab.zoo.layer_names import layer_names

MOST_KEPT = 3  # ways; one takes up to 10 MB

_KEPT = "inside: ways"

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Walk:
    """A photo in a packed network.

    Attributes:
        recording: Every value of the network.
        layers: Name of a layer with binary inputs → name of its op; none where all inputs are real.
        first: Name of the first layer with weights.
        last: Name of the op that gives the answer, the classifier.
        twin: The same photo in the float network of this architecture and data set; None where there is none.
        control: Another photo in that float network.
        control_title: What this other photo shows.
    """

    recording: Recording
    layers: Mapping[str, str]
    first: str
    last: str
    twin: Recording | None
    control: Recording | None
    control_title: str
    _patterns: dict[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    _drawn: dict[Hashable, Any] = field(default_factory=dict)

    def drawn(self, key: Hashable, draw: Callable[[], T]) -> T:
        """What `draw` makes, made once for each `key`: what is the same for every layer, filter and pixel."""
        if key not in self._drawn:
            self._drawn[key] = draw()
        return self._drawn[key]

    @cached_property
    def twin_ops(self) -> dict[str, str]:
        """Layer's name → name of its op in the float twin."""
        return {} if self.twin is None else {layer: op for op, layer in _layer_names(self.twin.network).items()}

    def twin_map(self, layer: str) -> np.ndarray | None:
        """What enters the float twin's layer of this name, (H, W, C); None where there is no such map."""
        if self.twin is None or layer not in self.twin_ops:
            return None
        x = self.twin.input_of(self.twin_ops[layer])
        return x if x.shape[:2] == self.recording.input_of(self.layers[layer]).shape[:2] else None

    def patterns(self, layer: str) -> Mapping[str, np.ndarray]:
        """What enters a layer as one map (H, W) each: "signs", and "float twin" where it has such a map.

        It is the pattern on which both agree most; without a twin, the one that most channels share.
        """
        if layer not in self._patterns:
            signs, twin = self.recording.layer(self.layers[layer]).signs, self.twin_map(layer)
            own, other = shared_patterns(signs, signs if twin is None else twin)
            if (own * signs.mean(axis=2)).sum() < 0:  # the common sign is free: much is where many bits are +1
                own, other = -own, -other
            self._patterns[layer] = {"signs": own} if twin is None else {"signs": own, "float twin": other}
        return self._patterns[layer]

    @cached_property
    def similarity(self) -> tuple[list[str], dict[str, list[float]]]:
        """The names of all layers with a counterpart in the float twin, and their scores as a chart takes them."""
        names, scores = [], {REAL: [], SIGNS: [], CONTROL: []}
        for layer, op in self.layers.items():
            x = self.twin_map(layer)
            if x is None or self.control is None:
                continue
            own = self.recording.layer(op)
            names.append(layer)
            scores[REAL].append(linear_cka(own.x, x))
            scores[SIGNS].append(linear_cka(own.signs, x))
            scores[CONTROL].append(linear_cka(own.signs, self.control.input_of(self.twin_ops[layer])))
        if names and self.twin is not None and self.control is not None:
            own, twin, control = (
                r.last_map_before(_last(r.network)) for r in (self.recording, self.twin, self.control)
            )
            if own.shape[:2] == twin.shape[:2]:
                names.append("classifier")
                scores[REAL].append(linear_cka(own, twin))
                scores[SIGNS].append(math.nan)
                scores[CONTROL].append(linear_cka(own, control))
        return names, scores


def through(photo: Photo, name: str) -> Walk:
    """The way of `photo` through the network `name`.

    Raises:
        ValueError: The network cannot be loaded, takes no photos, or has no layer with weights.
    """
    kept: dict[tuple[str, str], Walk] = st.session_state.setdefault(_KEPT, {})
    walk = kept.pop((photo.key, name), None) or _walk(photo, name)
    kept[photo.key, name] = walk
    while len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]
    return walk


def _walk(photo: Photo, name: str) -> Walk:
    recording = _recorded(photo, name)
    names = _layer_names(recording.network)
    if not names:
        raise ValueError("This network has no layer with weights: there is nothing to follow.")
    layers = {names[op]: op for op in binary_ops(recording.network)}
    other = photos.sample(next(key for key in photos.SAMPLES if key != photo.key))
    twin = control = None
    if not own_networks.is_own(name):
        with contextlib.suppress(ValueError):  # not shipped, or damaged: the page goes without it and says so
            twin, control = (_recorded(shown, sibling(name, "float")) for shown in (photo, other))
    first = next(names[op.name] for op in recording.network.ops if op.name in names)
    return Walk(recording, layers, first, _last(recording.network), twin, control, other.title)


def _recorded(photo: Photo, name: str) -> Recording:
    return record(cached.network(name), cached.preprocessing(name)([photo.pixels]))


def _layer_names(network: Network) -> dict[str, str]:
    """Op → layer's name, of every op with weights."""
    return layer_names(op.name for op in network.ops if op.weight_bits)


def _last(network: Network) -> str:
    return [op.name for op in network.ops if op.weight_bits][-1]
