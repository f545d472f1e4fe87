"""What the networks classify photos as: computed once per photo and network.

A visitor's own photos and networks are kept in the session. The samples are everybody's, and so is what the shipped
networks classify them as.
"""

import functools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st
from shared import cached, networks, own_networks, photos
from shared.photos import SAMPLES, Photo

from xnorlab import pretrained
from xnorlab.runtime import Prediction

_KEPT = "classify: classifications"

PROGRESS_FROM = 40  # classifications; fewer are done before a bar could be seen


@dataclass(frozen=True)
class Classification:
    """One photo, classified by one network.

    Attributes:
        predictions: All classes of the network, the likeliest first.
        is_unknown: Whether the photo shows none of its classes, perhaps; None for a network that cannot tell.
        seconds: What cropping and the network took.
    """

    predictions: tuple[Prediction, ...]
    is_unknown: bool | None = None
    seconds: float = 0.0

    @property
    def best(self) -> Prediction:
        """The likeliest class."""
        return self.predictions[0]


def classify(photo: Photo, name: str) -> Classification:
    """What the network `name` classifies `photo` as.

    Raises:
        ValueError: The network cannot be loaded.
    """
    cached.network(name)  # even where the answer is kept: its file may be gone
    if photo.key in SAMPLES and not own_networks.is_own(name):
        return _of_sample(photo.key, name, pretrained.entry(name).sha256)
    kept = _kept()
    if (photo.key, name) not in kept:
        kept[photo.key, name] = _ask(photo, name)
    return kept[photo.key, name]


@functools.cache
def _of_sample(key: str, name: str, sha256: str) -> Classification:
    """What a network, whose file has the hash `sha256`, classifies a sample as."""
    return _ask(photos.sample(key), name)


def _ask(photo: Photo, name: str) -> Classification:
    network = cached.network(name)
    since = time.perf_counter()
    (answer,) = network.predict([photo.pixels], top=network.output_shape[0])
    return Classification(tuple(answer), answer.is_unknown, time.perf_counter() - since)


def classify_all(shown: Sequence[Photo], family: str, schemes: Iterable[str]) -> dict[str, list[Classification]]:
    """What several networks classify several photos as, with a progress bar where it takes long.

    Returns:
        Scheme → one classification per photo.
    """
    names = {scheme: networks.name(family, scheme) for scheme in schemes}
    missing = [
        (photo, name)
        for name in names.values()
        for photo in shown
        if (photo.key not in SAMPLES or own_networks.is_own(name)) and (photo.key, name) not in _kept()
    ]
    bar = st.progress(0.0, "Asking the networks…") if len(missing) > PROGRESS_FROM else None
    for done, (photo, name) in enumerate(missing, start=1):
        classify(photo, name)
        if bar is not None:
            bar.progress(done / len(missing), f"{photo.title}")
    if bar is not None:
        bar.empty()
    return {scheme: [classify(photo, name) for photo in shown] for scheme, name in names.items()}


def forget_all_but(keys: Iterable[str]) -> None:
    """Forget the classifications of the visitor's photos other than those with these keys, and by networks now gone."""
    keys, kept = set(keys), _kept()
    for photo_key, name in list(kept):
        if photo_key not in keys or (own_networks.is_own(name) and name not in own_networks.kept()):
            del kept[photo_key, name]


def _kept() -> dict[tuple[str, str], Classification]:
    return st.session_state.setdefault(_KEPT, {})
