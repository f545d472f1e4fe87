"""What the networks classify photos as: computed once per photo and network.

A visitor's own photos are kept in the session. The samples are everybody's, and so is what they are classified as.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st
from shared import cached, networks
from shared.photos import SAMPLES, Photo

from xnorlab import pretrained
from xnorlab.runtime import Prediction

_KEPT = "classify: classifications"
_samples: dict[tuple[str, str], "Classification"] = {}  # by sample and the file's sha256

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
    network = cached.network(name)  # even where the answer is kept: a file may be gone
    kept, key = _place(photo, name)
    if key not in kept:
        since = time.perf_counter()
        (answer,) = network.predict([photo.pixels], top=len(network.labels))
        kept[key] = Classification(tuple(answer), answer.is_unknown, time.perf_counter() - since)
    return kept[key]


def classify_all(photos: Sequence[Photo], family: str, schemes: Iterable[str]) -> dict[str, list[Classification]]:
    """What several networks classify several photos as, with a progress bar where it takes long.

    Returns:
        Scheme → one classification per photo.
    """
    names = {scheme: networks.name(family, scheme) for scheme in schemes}
    missing = [(photo, name) for name in names.values() for photo in photos if not _is_kept(photo, name)]
    bar = st.progress(0.0, "Asking the networks…") if len(missing) > PROGRESS_FROM else None
    for done, (photo, name) in enumerate(missing, start=1):
        classify(photo, name)
        if bar is not None:
            bar.progress(done / len(missing), f"{photo.title}")
    if bar is not None:
        bar.empty()
    return {scheme: [classify(photo, name) for photo in photos] for scheme, name in names.items()}


def forget_all_but(keys: Iterable[str]) -> None:
    """Forget the classifications of the visitor's photos other than those with these keys."""
    keys, kept = set(keys), _kept()
    for photo_key, name in list(kept):
        if photo_key not in keys:
            del kept[photo_key, name]


def _is_kept(photo: Photo, name: str) -> bool:
    kept, key = _place(photo, name)
    return key in kept


def _place(photo: Photo, name: str) -> tuple[dict[tuple[str, str], Classification], tuple[str, str]]:
    """Where a classification is kept, and its key there."""
    if photo.key in SAMPLES:
        return _samples, (photo.key, pretrained.entry(name).sha256)
    return _kept(), (photo.key, name)


def _kept() -> dict[tuple[str, str], Classification]:
    return st.session_state.setdefault(_KEPT, {})
