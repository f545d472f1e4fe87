"""The photos that pages can show: the shipped samples, and those that this visitor uploaded, decoded in the session.

An uploader forgets its files when the page changes; the session does not. Its decoded pictures take at most MAX_BYTES
(a picture's short side stays under 1,024 pixels, see xnorlab.images); the oldest are dropped first.
"""

import functools
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from shared import image_address, photo_files
from xnorlab.images import ImageError, read_image

MAX_BYTES = 200_000_000
"""Decoded pictures that a visitor may keep: about 180 photos of a phone."""

MAX_PIXELS = 1_000_000
"""A kept picture with more pixels is thinned further: a long panorama, for one."""

PROGRESS_FROM = 5  # files; fewer are read before a bar could be seen

SAMPLES = {
    "golf-ball": "Golf ball",
    "parachute": "Parachute",
    "pavilion": "Pavilion",
    "cat": "Cat",
    "coffee": "Coffee",
    "rocket": "Rocket",
}
"""Key (as in an address) → title; sources and licences are in samples/SOURCES.md."""

_OWN = "own-"  # how the keys of visitors' photos begin
_FOLDER = Path(__file__).parents[1] / "samples"
_THUMBNAIL_SIDE = 112
_KEPT = "photos: kept"
_REFUSED = "photos: refused"
_DROPPED = "photos: dropped"
_UPLOADS = "photos: uploader generation"
_STANDS = "photos: what was on show while nothing of an upload could be used"


@dataclass(frozen=True)
class Photo:
    """A decoded photo.

    Attributes:
        key: Its name in the session and the address.
        title: Its name for people.
        pixels: uint8 (H, W, 3), read only.
        notes: What was converted when it was read.
        read_s: How long it took to read it, to decode it and to turn it upright, in seconds.
    """

    key: str
    title: str
    pixels: np.ndarray
    notes: tuple[str, ...] = ()
    read_s: float = 0.0

    @functools.cached_property
    def thumbnail(self) -> str:
        """A small JPEG as a data address."""
        return image_address.thumbnail(self.pixels, _THUMBNAIL_SIDE)


@functools.cache
def sample(key: str) -> Photo:
    """The sample with this key of SAMPLES; all visitors share it."""
    since = time.perf_counter()
    picture = read_image(_FOLDER / f"{key}.jpg", name=SAMPLES[key])
    picture.pixels.flags.writeable = False
    return Photo(key, SAMPLES[key], picture.pixels, picture.notes, time.perf_counter() - since)


def titles() -> dict[str, str]:
    """Every photo that can be shown, key → title: the samples, then this visitor's own."""
    return {**SAMPLES, **{key: photo.title for key, photo in kept().items()}}


def get(key: str) -> Photo:
    """The photo with this key of `titles()`."""
    return kept()[key] if key in kept() else sample(key)


def is_own(key: str) -> bool:
    """Whether `key` is that of a visitor's own photo, kept in this session or not."""
    return key.startswith(_OWN)


def kept() -> dict[str, Photo]:
    """This visitor's own photos by key, oldest first."""
    return st.session_state.setdefault(_KEPT, {})


def refused() -> list[str]:
    """One sentence for every file of the last upload that could not be used."""
    return st.session_state.get(_REFUSED, [])


def dropped() -> int:
    """How many photos the last upload pushed out."""
    return st.session_state.get(_DROPPED, 0)


def still_on_show() -> Photo | None:
    """The photo that is on show because nothing of the last upload could be used; None once another one is chosen."""
    key = st.session_state.get(_STANDS)
    return get(key) if key is not None and key == st.session_state.get("photo") else None


def uploader_key() -> str:
    """Widget key of the uploader; it changes after each upload, which empties the widget and frees its bytes."""
    return f"upload-{st.session_state.get(_UPLOADS, 0)}"


def take(files: Sequence[IO[bytes]], place: DeltaGenerator) -> None:
    """Read files into the session and choose the last of them that could be read.

    A file that cannot be read is noted in `refused`, the others are kept. If the visitor's next click ends the run, the
    next run goes on with the files that were not read yet. To be called before the widget "photo".

    Args:
        files: What an uploader gave: photos, and zip archives of them.
        place: Where the progress is shown, if there are many files.
    """
    st.session_state[_REFUSED] = []
    newest = None
    for index, file in enumerate(files):
        for number, (name, data) in enumerate(photo_files.each(file), start=1):
            if len(files) >= PROGRESS_FROM:
                place.progress(index / len(files), f"Reading photo {index + 1} of {len(files)}")
            elif number >= PROGRESS_FROM:
                place.info(f"Reading photo {number} of the archive", icon=":material/folder_zip:")
            newest = _take_one(name, data) or newest
    place.empty()
    photos, total = kept(), sum(photo.pixels.nbytes for photo in kept().values())
    count = len(photos)
    while total > MAX_BYTES:
        total -= photos.pop(next(iter(photos))).pixels.nbytes
    st.session_state[_DROPPED] = count - len(photos)
    st.session_state[_STANDS] = st.session_state.get("photo") if newest is None else None
    if newest is not None:
        st.session_state["photo"] = newest
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1


def forget() -> None:
    """Forget this visitor's photos and which files were refused."""
    st.session_state.update({_KEPT: {}, _REFUSED: [], _DROPPED: 0, _STANDS: None})


def _take_one(name: str, data: bytes | ImageError) -> str | None:
    if isinstance(data, ImageError):
        st.session_state[_REFUSED].append(str(data))
        return None
    since = time.perf_counter()
    key = _OWN + hashlib.sha256(name.encode("utf-8", "replace") + data).hexdigest()[:10]
    photos = kept()
    if key in photos:
        photos[key] = photos.pop(key)  # it counts as the newest again
        return key
    try:
        picture = read_image(data, name=name)
    except ImageError as error:
        st.session_state[_REFUSED].append(str(error))
        return None
    pixels = picture.pixels
    step = int(np.ceil(np.sqrt(pixels.shape[0] * pixels.shape[1] / MAX_PIXELS)))
    if step > 1:
        pixels = np.array(Image.fromarray(pixels).reduce(step))
    pixels.flags.writeable = False
    photos[key] = Photo(key, name, pixels, picture.notes, time.perf_counter() - since)
    return key
