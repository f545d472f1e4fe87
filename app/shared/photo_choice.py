"""The control that says which photo a page shows: the samples and this visitor's own."""

import streamlit as st

from shared import address, photos, widgets
from shared.photos import Photo

MOST_PILLS = 14  # photos; more are a list to search in


def choose(default: str) -> Photo:
    """The photo of the address or the one chosen; samples stand in the address, a visitor's own cannot."""
    titles = photos.titles()
    if len(titles) <= MOST_PILLS:
        words = {key: widgets.label(title) for key, title in titles.items()}
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
    address.publish(photo=key if key in photos.SAMPLES else None)
    return photos.get(key)
