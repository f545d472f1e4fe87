"""What the visitor says is on a photo: chosen by hand, or the name of the folder that it lay in."""

from collections.abc import Sequence

import streamlit as st
from shared import photo_files
from shared.photos import Photo

NONE = "none of these"
"""The label of a photo that shows none of a network's classes."""

NOT_SAID = "not said yet"

_KEY = "this-is"
_SAID = "classify: labels by hand"
_NONE_FOLDERS = {"none", "none of these", "other", "others", "unknown"}


def choose(photo: Photo, classes: Sequence[str]) -> None:
    """Draw the control that says what `photo` shows; classes: those of the networks on show."""
    st.session_state[_KEY] = of(photo, classes) or NOT_SAID
    st.selectbox(
        "This is a …",
        [NOT_SAID, NONE, *sorted(classes, key=str.casefold)],
        key=_KEY,
        on_change=_keep,
        args=(photo.key,),
        help="With labels the page counts how often each network is right. Photos in a folder that is named after a "
        "class, or is named “none”, have that label already.",
    )


def of(photo: Photo, classes: Sequence[str]) -> str | None:
    """The label of a photo: one of `classes`, NONE, or None where nothing is known of it.

    What was said by hand counts before the folder's name. A class of other networks is none of these.
    """
    said = st.session_state.get(_SAID, {}).get(photo.key)
    if said is not None:
        return None if said == NOT_SAID else said if said in classes else NONE
    name = _plain(photo_files.folder(photo.title) or "")
    if name in _NONE_FOLDERS:
        return NONE
    return next((label for label in classes if _plain(label) == name), None)


def _keep(key: str) -> None:
    st.session_state.setdefault(_SAID, {})[key] = st.session_state[_KEY]


def _plain(name: str) -> str:
    """A name without what folders' names differ in: capitals, and what stands for a space."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
