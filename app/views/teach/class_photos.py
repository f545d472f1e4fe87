"""The visitor's classes with their photos, kept in the session; of each photo only what a network looks at."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import streamlit as st
from shared.photos import Photo

from xnorlab import teach
from xnorlab.images import ImageError, read_image
from xnorlab.printable import one_line

FEWEST_CLASSES, MOST_CLASSES = 2, 10
MOST_PHOTOS = 60  # of a class: 10 classes take 120 MB of the server's memory

_CLASSES = "teach: classes"
_NEXT = "teach: number of the next class"
_REFUSED = "teach: sentences about the last photos"
_UPLOADS = "teach: uploader generation"


@dataclass
class ClassPhotos:
    """One class.

    Attributes:
        number: Its own among this visitor's classes.
        name: What the visitor calls it; may be empty at first.
        photos: By key, in the order in which they came.
    """

    number: int
    name: str = ""
    photos: dict[str, Photo] = field(default_factory=dict)


def classes() -> list[ClassPhotos]:
    """This visitor's classes; two without a name or photos at first."""
    if _CLASSES not in st.session_state:
        st.session_state[_CLASSES] = []
        for _ in range(FEWEST_CLASSES):
            add_class()
    return st.session_state[_CLASSES]


def add_class(name: str = "") -> ClassPhotos:
    """A new class, the last one of this visitor's."""
    number = st.session_state.get(_NEXT, 0)
    st.session_state[_NEXT] = number + 1
    new = ClassPhotos(number, name)
    st.session_state[_CLASSES].append(new)
    return new


def add_empty() -> None:
    """A further class without a name; none where there are MOST_CLASSES."""
    if len(classes()) < MOST_CLASSES:
        add_class()


def remove(number: int) -> None:
    """Forget a class with its photos."""
    st.session_state[_CLASSES] = [one for one in classes() if one.number != number]


def forget() -> None:
    """Forget all classes and photos."""
    for key in (_CLASSES, _REFUSED):
        st.session_state.pop(key, None)


def uploader_key() -> str:
    """The end of every uploader's key, which changes after each upload: that empties the widget and frees its bytes."""
    return str(st.session_state.get(_UPLOADS, 0))


def refused() -> list[str]:
    """One sentence for everything of the last upload that was left out."""
    return st.session_state.get(_REFUSED, [])


def take(files: Iterable[tuple[int | str, str, bytes]], sentences: Iterable[str] = ()) -> None:
    """Read photos into classes; what is left out has a sentence in `refused`.

    Args:
        files: Of each photo the number of its class, or the name of a class that may be new; its name; its bytes.
        sentences: About what was left out before.
    """
    st.session_state[_REFUSED] = list(sentences)
    for place, name, data in files:
        own = _class_of(place)
        if own is None:
            _refuse(f"{name} was left out: there are {MOST_CLASSES} classes already, the limit")
        elif len(own.photos) >= MOST_PHOTOS:
            _refuse(f"{name} was left out: the class has {MOST_PHOTOS} photos already, the limit")
        else:
            _take_one(own, name, data)
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1


def problem(lesson: list[ClassPhotos]) -> str | None:
    """What is missing before anything can be learnt, in one sentence; None where nothing is."""
    with_photos = [one for one in lesson if one.photos]
    if len(with_photos) < FEWEST_CLASSES:
        return f"Give at least {FEWEST_CLASSES} classes a name and {teach.MIN_PHOTOS} photos each."
    names: dict[str, str] = {}
    for one in with_photos:
        name = one.name.strip()
        if not name:
            return f"A class with {_count(len(one.photos))} has no name yet."
        if names.setdefault(name.casefold(), name) is not name:
            return f"Two classes are called {one_line(name)}; give one of them another name."
        if len(one.photos) < teach.MIN_PHOTOS:
            return f"{one_line(name)} has {_count(len(one.photos))}; the least is {teach.MIN_PHOTOS}."
    return None


def _count(photos: int) -> str:
    return f"{photos} photo{'' if photos == 1 else 's'}"


def _refuse(sentence: str) -> None:
    st.session_state[_REFUSED].append(sentence)


def _class_of(place: int | str) -> ClassPhotos | None:
    """The class of that number or name; a new one, in place of one without name and photos, where none has the name."""
    for one in classes():
        if place in (one.number, one.name):
            return one
    if isinstance(place, int):
        return None
    for one in classes():
        if not one.name and not one.photos:
            one.name = place
            st.session_state[name_key(one)] = place
            return one
    return add_class(place) if len(classes()) < MOST_CLASSES else None


def name_key(one: ClassPhotos) -> str:
    """The key of the field with a class's name."""
    return f"class-name-{one.number}"


def _take_one(own: ClassPhotos, name: str, data: bytes) -> None:
    key = hashlib.sha256(data).hexdigest()[:16]
    if key in own.photos:
        return
    try:
        picture = read_image(data, name=name)
    except ImageError as error:
        _refuse(str(error))
        return
    own.photos[key] = kept(key, name, picture.pixels, picture.notes)


def kept(key: str, title: str, pixels: np.ndarray, notes: tuple[str, ...] = ()) -> Photo:
    """The photo's central square, small enough to keep."""
    square = teach.small_square(pixels)
    square.flags.writeable = False
    return Photo(key, title, square, notes)
