"""The control that says which photo a page shows: a sample or one of the visitor's own."""

import streamlit as st

from shared import address, markup, photos
from shared.photos import Photo

MOST_PILLS = 14  # photos; more are a list to search in
LONGEST_LABEL = 28  # characters on a button
LOST = (
    "The photo of this address was a visitor's own. Such photos are kept in the memory of a session, and this one is "
    "gone or another's. Showing {title} instead."
)


def choose(default: str) -> Photo:
    """The chosen photo. An address with a visitor's own photo is understood in that visitor's session alone.

    Args:
        default: The key of the sample that is chosen at first.
    """
    titles = photos.titles()
    asked = address.asked("photo")
    if asked is not None and photos.is_own(asked) and asked not in titles:
        address.refuse("photo", LOST.format(title=titles[default]))
    if len(titles) <= MOST_PILLS:
        words = {key: _label(title) for key, title in titles.items()}
        key = address.pills("Photo", words, key="photo", default=default)
    else:
        address.take("photo", list(titles), default)
        key = st.selectbox(
            f"Photo, one of {len(titles)}",
            list(titles),
            key="photo",
            persist_state="session",
            format_func=lambda key: titles[key],
        )
    address.publish(photo=key)
    return photos.get(key)


def _label(title: str) -> str:
    """A title for a button: its middle left out where it is long."""
    half = LONGEST_LABEL // 2
    return markup.plain(title if len(title) <= LONGEST_LABEL else f"{title[:half]}…{title[-half + 1 :]}")
