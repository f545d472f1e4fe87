"""Photos on hand: the shipped samples, and what this visitor brought, kept decoded in the session.

An uploader forgets its files when the page changes; the session does not. It holds at most MAX_PHOTOS
decoded pictures (a picture's short side stays under 1,024 pixels, see xnorlab.images), the oldest leave first.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import streamlit as st
from PIL import Image

from xnorlab.images import ImageError, read_image

MAX_PHOTOS = 48
"""Photos of a visitor that are kept; 48 of 0.8 megapixels are 115 MB."""

MAX_PIXELS = 1_000_000
"""A kept picture with more pixels is thinned further: a long panorama, for one."""

SAMPLES = {
    "golf-ball": "Golf ball",
    "parachute": "Parachute",
    "pavilion": "Pavilion",
    "cat": "Cat",
    "coffee": "Coffee",
    "rocket": "Rocket",
}
"""Key (as in an address) → title; sources and licences are in samples/SOURCES.md."""

_FOLDER = Path(__file__).parent / "samples"
_KEPT = "photos: kept"
_REFUSED = "photos: refused"
_UPLOADS = "photos: uploader generation"


@dataclass(frozen=True)
class Photo:
    """`key` names it in session and address, `title` to people; pixels uint8 (H, W, 3); notes on conversions."""

    key: str
    title: str
    pixels: np.ndarray
    notes: tuple[str, ...] = ()


def sample(key: str) -> Photo:
    """The shipped photo `key` of SAMPLES."""
    picture = read_image(_FOLDER / f"{key}.jpg", name=SAMPLES[key])
    return Photo(key, SAMPLES[key], picture.pixels, picture.notes)


def titles() -> dict[str, str]:
    """Every photo on hand, key → title: the samples, then this visitor's own."""
    return {**SAMPLES, **{key: photo.title for key, photo in kept().items()}}


def get(key: str) -> Photo:
    """The photo `key` of `titles()`."""
    return kept()[key] if key in kept() else sample(key)


def kept() -> dict[str, Photo]:
    """This visitor's own photos by key, oldest first."""
    return st.session_state.setdefault(_KEPT, {})


def refused() -> list[str]:
    """One sentence for every file of the last upload that could not be used."""
    return st.session_state.get(_REFUSED, [])


def uploader_key() -> str:
    """Widget key of the uploader; it changes after each upload, which empties the widget and frees its bytes."""
    return f"upload-{st.session_state.get(_UPLOADS, 0)}"


def take(files: list[IO[bytes]]) -> None:
    """Decode `files` into the session; a file that cannot be read is noted in `refused`, the others are kept."""
    st.session_state[_REFUSED] = []
    newest = None
    for file in files:
        newest = _take_one(file, str(getattr(file, "name", "photo"))) or newest
    photos = kept()
    for key in list(photos)[: max(0, len(photos) - MAX_PHOTOS)]:
        del photos[key]
    if newest is not None:
        st.session_state["photo"] = newest
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1


def forget() -> None:
    """Drop this visitor's photos and what was said about refused ones."""
    st.session_state[_KEPT] = {}
    st.session_state[_REFUSED] = []


def _take_one(file: IO[bytes], name: str) -> str | None:
    data = file.read()
    try:
        picture = read_image(data, name=name)
    except ImageError as error:
        st.session_state[_REFUSED].append(str(error))
        return None
    key = "own-" + hashlib.sha256(name.encode("utf-8", "replace") + data).hexdigest()[:10]
    pixels = picture.pixels
    step = int(np.ceil(np.sqrt(pixels.shape[0] * pixels.shape[1] / MAX_PIXELS)))
    if step > 1:
        pixels = np.asarray(Image.fromarray(pixels).reduce(step))
    kept().pop(key, None)
    kept()[key] = Photo(key, name, pixels, picture.notes)
    return key
