"""What the networks say of a visitor's photos: asked once a photo and network, kept in the session."""

import csv
import io
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import streamlit as st
from shared import cached, networks
from shared.photos import Photo

from xnorlab.benchmark import interleaved
from xnorlab.images.preprocessing import Preprocessing

_KEPT = "answers: kept"
_TIMES = "answers: times"

PROGRESS_FROM = 40  # answers; fewer are there before a bar could be seen


@dataclass(frozen=True)
class Answer:
    """All labels with their probabilities, best first; seconds: what cropping and the network took."""

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    seconds: float = 0.0


def _kept() -> dict[tuple[str, str], Answer]:
    return st.session_state.setdefault(_KEPT, {})


def ask(photo: Photo, name: str) -> Answer:
    """The answer of the network `name`; raises ValueError where it cannot be loaded."""
    kept = _kept()
    if (photo.key, name) not in kept:
        network = cached.network(name)
        since = time.perf_counter()
        (best,) = network.predict([photo.pixels], top=len(network.labels))
        took = time.perf_counter() - since
        kept[photo.key, name] = Answer(tuple(p.label for p in best), tuple(p.probability for p in best), took)
    return kept[photo.key, name]


def forget_all_but(keys: Iterable[str]) -> None:
    """Drop the answers about photos that are no longer there."""
    keys = set(keys)
    for kept in (_kept(), st.session_state.setdefault(_TIMES, {})):
        for photo_key, name in list(kept):
            if photo_key not in keys:
                del kept[photo_key, name]


def ask_all(photos: list[Photo], family: str, schemes: list[str]) -> dict[str, list[Answer]]:
    """The answers of several networks to several photos, scheme → one a photo; a progress bar where it takes time."""
    missing = [(p, s) for s in schemes for p in photos if (p.key, networks.name(family, s)) not in _kept()]
    bar = st.progress(0.0, "Asking the networks…") if len(missing) > PROGRESS_FROM else None
    for done, (photo, scheme) in enumerate(missing):
        ask(photo, networks.name(family, scheme))
        if bar is not None:
            bar.progress((done + 1) / len(missing), f"{photo.title}")
    if bar is not None:
        bar.empty()
    return {s: [ask(p, networks.name(family, s)) for p in photos] for s in schemes}


def preprocessing(name: str) -> Preprocessing:
    """How the network `name` crops a photo."""
    found = cached.network(name).preprocessing
    return Preprocessing() if found is None else found


def time_together(photo: Photo, names: Iterable[str], runs: int) -> None:
    """Keep each network's median time of `runs` runs on this photo's crop, batch 1, with the time of day.

    The networks take turns, so that a busy moment meets all alike. Reading and cropping are left out. To be called
    with the timing lock held.
    """
    calls = {name: partial(cached.network(name).run, preprocessing(name)([photo.pixels])) for name in names}
    clock = time.strftime("%H:%M:%S")
    for name, timing in interleaved(calls, repeats=runs).items():
        st.session_state.setdefault(_TIMES, {})[photo.key, name] = timing.median_s, clock


def times(photo: Photo, names: Iterable[str]) -> dict[str, tuple[float, str]]:
    """Median seconds and time of day by network, of those that were timed on `photo`."""
    kept = st.session_state.get(_TIMES, {})
    return {name: kept[photo.key, name] for name in names if (photo.key, name) in kept}


def forget_times() -> None:
    """Have every network timed again."""
    st.session_state[_TIMES] = {}


def as_csv(titles: Iterable[str], columns: dict[str, list[Answer]]) -> bytes:
    """One row a photo, a label and a probability a network; UTF-8 with the mark that spreadsheets look for."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["photo", *(f"{name} {part}" for name in columns for part in ("label", "probability"))])
    for row, title in enumerate(titles):
        # A spreadsheet would run a name that begins like a formula.
        shown = f"'{title}" if title[:1] in ("=", "+", "-", "@", "\t", "\r") else title
        cells = (answers[row] for answers in columns.values())
        writer.writerow([shown, *(cell for a in cells for cell in (a.labels[0], f"{a.probabilities[0]:.4f}"))])
    return out.getvalue().encode("utf-8-sig")
