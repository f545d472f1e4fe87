"""Teaching: the lesson's photos through each network once, a classifier on top, the result kept in the session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from shared import cached, networks
from shared.photos import Photo
from streamlit.delta_generator import DeltaGenerator

from views.teach.class_photos import ClassPhotos
from xnorlab import teach

_FEATURES = "teach: features"
_OUTCOME = "teach: outcome"

Signature = tuple


@dataclass(frozen=True)
class Outcome:
    """What was taught.

    Attributes:
        signature: Of the photos, names and networks that it comes from, see `signature`.
        lesson: The photos with their classes.
        photos: The lesson's photos by their names.
        taught: Scheme → the network that it was taught to, or why it could not be.
    """

    signature: Signature
    lesson: teach.Lesson
    photos: Mapping[str, Photo]
    taught: Mapping[str, teach.Taught | ValueError]

    @property
    def learnt(self) -> dict[str, teach.Taught]:
        """Scheme → network, of those that could be taught."""
        return {scheme: taught for scheme, taught in self.taught.items() if isinstance(taught, teach.Taught)}


def signature(classes: Sequence[ClassPhotos], family: str, schemes: Sequence[str]) -> Signature:
    """What tells one lesson from another: names, photos, networks."""
    return tuple((one.name.strip(), *one.photos) for one in classes if one.photos), family, tuple(schemes)


def last() -> Outcome | None:
    """What this visitor was taught last."""
    return st.session_state.get(_OUTCOME)


def learn(classes: Sequence[ClassPhotos], family: str, schemes: Sequence[str], place: DeltaGenerator) -> None:
    """Teach every scheme's network the classes, and keep the outcome.

    Args:
        classes: With photos and names; those without photos are left out.
        family: Of the networks.
        schemes: Theirs, at least one.
        place: Where the progress is shown.

    Raises:
        LessonError: The photos break a rule of a lesson.
    """
    named = {one.name: _by_title(one) for one in classes if one.photos}
    lesson = teach.Lesson.from_classes(
        {label: {title: photo.pixels for title, photo in own.items()} for label, own in named.items()}
    )
    photos = {title: photo for own in named.values() for title, photo in own.items()}
    used = [photos[name] for name in lesson.names]
    taught: dict[str, teach.Taught | ValueError] = {}
    for done, scheme in enumerate(schemes):
        label = networks.with_glyph(scheme)
        place.progress(done / len(schemes), f"{label}: {len(used)} photos")
        try:
            network = cached.network(networks.name(family, scheme))
            views = _features(networks.name(family, scheme), used)
            place.progress((done + 0.5) / len(schemes), f"{label}: classifier and cross-validation")
            taught[scheme] = teach.taught_from(network, lesson, views, f"taught-{scheme}")
        except ValueError as error:
            taught[scheme] = error
    place.empty()
    names = {networks.name(family, scheme) for scheme in schemes}
    keys = {photo.key for photo in used}
    kept = st.session_state.get(_FEATURES, {})
    st.session_state[_FEATURES] = {at: kept[at] for at in kept if at[0] in names and at[1] in keys}
    st.session_state[_OUTCOME] = Outcome(signature(classes, family, schemes), lesson, photos, taught)


def _by_title(one: ClassPhotos) -> dict[str, Photo]:
    """A class's photos by names that no other photo has: the class stands in front, a number behind where it must."""
    named: dict[str, Photo] = {}
    for photo in one.photos.values():
        name, number = f"{one.name}: {photo.title}", 2
        while name in named:
            name, number = f"{one.name}: {photo.title} ({number})", number + 1
        named[name] = photo
    return named


def _features(name: str, photos: Sequence[Photo]) -> np.ndarray:
    """The features of photos by one network in both views, (2, n, F); those of earlier lessons are kept."""
    kept = st.session_state.setdefault(_FEATURES, {})
    missing = [photo for photo in photos if (name, photo.key) not in kept]
    if missing:
        views = teach.both_views(cached.network(name), [photo.pixels for photo in missing])
        kept.update({(name, photo.key): views[:, i] for i, photo in enumerate(missing)})
    return np.stack([kept[name, photo.key] for photo in photos], axis=1)
