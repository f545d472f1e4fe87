"""A strip of small maps, one per channel of a layer, to choose from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st
from shared import image_address, theme
from streamlit.components import v2 as components

from xnorlab.figures import pictures

WIDTH = 44  # pixels of a small map on the page
COLUMNS = 32  # maps in a row of a sheet
MOST_MAPS = 1024  # of a strip; a dense layer of a visitor's network may have many more channels

_HERE = Path(__file__).parent
_STRIP = components.component(
    "xnorlab_strip",
    html="<style class='sheets'></style><div class='strip' role='group'></div>",
    css=(_HERE / "strip.css").read_text("utf-8"),
    js=(_HERE / "strip.js").read_text("utf-8"),
)


def show(
    maps: list[np.ndarray], *, key: str, word: str, name: str, chosen: int, choose: Callable[[int], None] | None = None
) -> None:
    """Draw a strip, of the first MOST_MAPS channels where there are more.

    Args:
        maps: What stands below each other, each (H, W, C) with the same number of channels.
        key: Of the strip.
        word: What one of the channels is called.
        name: What the strip holds, for those who do not see it.
        chosen: Number of the channel that is marked.
        choose: Called with the number of a channel that is clicked; None where none can be.
    """
    height, width, every = maps[0].shape
    count = min(every, MOST_MAPS)
    maps = [part[..., :count] for part in maps]
    dark = theme.dark()
    columns = min(COLUMNS, count)
    sheets = [
        {
            "src": image_address.png(pictures.signed_sheet(part, columns=columns, dark=dark)),
            "columns": columns,
            "rows": -(-count // columns),
        }
        for part in maps
    ]
    data = {"sheets": sheets, "count": count, "word": word, "name": name, "chosen": chosen}
    data["fixed"] = choose is None
    size = {"width": WIDTH, "height": max(2, round(WIDTH * height / width))}

    def picked() -> None:
        number = st.session_state[key].get("picked")
        if choose is not None and type(number) is int and 0 <= number < count:
            choose(number)

    if count < every:
        st.caption(f"The first {count:,} of {every:,}; the sliders above reach all.")
    _STRIP(key=key, data={**data, **size}, on_picked_change=picked, height="content")
