"""What the networks classify a visitor's photos as: computed once per photo and network, kept in the session."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st
from shared import cached, networks
from shared.photos import Photo

from xnorlab.benchmark import interleaved
from xnorlab.runtime import Prediction

_KEPT = "classify: classifications"
_TIMES = "classify: times"

PROGRESS_FROM = 40  # classifications; fewer are done before a bar could be seen


@dataclass(frozen=True)
class Classification:
    """One photo, classified by one network.

    Attributes:
        predictions: All classes of the network, the likeliest first.
        seconds: What cropping and the network took.
    """

    predictions: tuple[Prediction, ...]
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
    kept = _kept()
    if (photo.key, name) not in kept:
        network = cached.network(name)
        since = time.perf_counter()
        (predictions,) = network.predict([photo.pixels], top=len(network.labels))
        kept[photo.key, name] = Classification(tuple(predictions), time.perf_counter() - since)
    return kept[photo.key, name]


def classify_all(photos: Sequence[Photo], family: str, schemes: Iterable[str]) -> dict[str, list[Classification]]:
    """What several networks classify several photos as, with a progress bar where it takes long.

    Returns:
        Scheme → one classification per photo.
    """
    names = {scheme: networks.name(family, scheme) for scheme in schemes}
    missing = [(photo, name) for name in names.values() for photo in photos if (photo.key, name) not in _kept()]
    bar = st.progress(0.0, "Asking the networks…") if len(missing) > PROGRESS_FROM else None
    for done, (photo, name) in enumerate(missing, start=1):
        classify(photo, name)
        if bar is not None:
            bar.progress(done / len(missing), f"{photo.title}")
    if bar is not None:
        bar.empty()
    return {scheme: [classify(photo, name) for photo in photos] for scheme, name in names.items()}


def forget_all_but(keys: Iterable[str]) -> None:
    """Forget the classifications and times of photos other than those with these keys."""
    keys = set(keys)
    for kept in (_kept(), _kept_times()):
        for photo_key, name in list(kept):
            if photo_key not in keys:
                del kept[photo_key, name]


def time_together(photo: Photo, names: Iterable[str], runs: int) -> None:
    """Keep the median time of `runs` runs of each network on this photo's crop, batch 1, with the time of day.

    The networks take turns, so that a busy moment slows all of them down alike. Reading and cropping are left out. To
    be called with the timing lock held.
    """
    calls = {name: partial(cached.network(name).run, cached.preprocessing(name)([photo.pixels])) for name in names}
    clock = time.strftime("%H:%M:%S")
    for name, timing in interleaved(calls, repeats=runs).items():
        _kept_times()[photo.key, name] = timing.median_s, clock


def times(photo: Photo, names: Iterable[str]) -> Mapping[str, tuple[float, str]]:
    """Median seconds and time of day by network, of those that were timed on `photo`."""
    kept = _kept_times()
    return {name: kept[photo.key, name] for name in names if (photo.key, name) in kept}


def forget_times() -> None:
    """Forget every time, so that all networks are timed again."""
    _kept_times().clear()


def _kept() -> dict[tuple[str, str], Classification]:
    return st.session_state.setdefault(_KEPT, {})


def _kept_times() -> dict[tuple[str, str], tuple[float, str]]:
    return st.session_state.setdefault(_TIMES, {})
