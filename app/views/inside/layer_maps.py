"""The enlarged maps of one layer: a channel before and after its sign, and a filter's sums up to the next sign."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from shared import charts, image_address, theme
from streamlit.components import v2 as components

from views.inside import stages
from xnorlab import units
from xnorlab.figures import pictures
from xnorlab.runtime.binary_layer import BinaryLayer
from xnorlab.runtime.map_positions import Pixel
from xnorlab.runtime.pixel_sum import PixelSum
from xnorlab.runtime.sign_rule import SignRule
from xnorlab.runtime.similarity import most_alike

_HERE = Path(__file__).parent
_MAPS = components.component(
    "xnorlab_maps",
    html="<div class='maps'></div>",
    css=(_HERE / "maps.css").read_text("utf-8"),
    js=(_HERE / "maps.js").read_text("utf-8"),
)

INPUT, SUMS, NEXT = "input", "sums", "next"
Click = tuple[str, Pixel]
"""Which map was clicked, by its key, and where."""


@dataclass(frozen=True, eq=False)
class EnlargedMap:
    """A map to click on.

    Attributes:
        key: INPUT, SUMS, NEXT, or the number of a stage.
        title: What it is.
        note: What its colours mean.
        values: What the table says, (H, W).
        colours: What is coloured about zero, (H, W).
        mark: Row, column, height and width of the part that is framed; rows and columns may lie outside.
    """

    key: str
    title: str
    note: str
    values: np.ndarray
    colours: np.ndarray
    mark: tuple[int, int, int, int]


def entering(layer: BinaryLayer, channel: int, pixel: PixelSum, twin: np.ndarray | None) -> list[EnlargedMap]:
    """What enters the layer: one channel, its sign, and the channel of the float twin that is most like it.

    Args:
        layer: The layer.
        channel: Number of the channel.
        pixel: Whose patch is framed.
        twin: What enters the float twin's layer, (H, W, C); None where there is none.
    """
    mark = (int(pixel.rows[0]), int(pixel.columns[0]), *layer.reach)
    x, signs = layer.x[..., channel], layer.signs[..., channel]
    note, margin = _span(x, _limit(layer.rule, channel)), layer.rule.margin(layer.x)[..., channel]
    condition = f"+1 where {_share_in_words(layer.rule, channel, signs)}"
    maps = [
        EnlargedMap(INPUT, f"channel {channel} before the sign", note, x, margin, mark),
        EnlargedMap(INPUT, "its sign, one bit per place", condition, signs, signs, mark),
    ]
    if twin is not None:
        best, correlation = nearest_channel(layer, channel, twin)
        own = twin[..., best]
        note = f"Channel {best}, the most alike of {twin.shape[2]}: correlation {units.significant(correlation)}"
        maps.append(EnlargedMap(INPUT, "float twin's nearest", note, own, own, mark))
    return maps


def nearest_channel(layer: BinaryLayer, channel: int, twin: np.ndarray) -> tuple[int, float]:
    """The channel of the float twin's map (H, W, C) that correlates best with one that enters the layer."""
    return most_alike(layer.x[..., channel], twin)


def leaving(layer: BinaryLayer, index: int, pixel: PixelSum) -> list[EnlargedMap]:
    """What becomes of a filter's sums up to the next sign.

    Args:
        layer: The layer.
        index: Number of the filter.
        pixel: Which is framed.
    """
    places = [pixel.pixel, *layer.pixels_after(pixel.pixel)]
    steps = [(SUMS, "sums: agree − differ", layer.sums, places[0])]
    if words := stages.finished_in_words(layer.op):
        steps.append((SUMS, words, layer.value, places[0]))
    for number, stage in enumerate(layer.stages):
        steps.append((str(number), stages.in_words(stage), stage.value, places[number + 1]))
    maps = []
    for key, title, value, place in steps:
        own, rule = value[..., index], layer.next_rule if value is layer.last else None
        if own.size > 1 or value is layer.sums:
            colours = own if rule is None else rule.margin(value)[..., index]
            note = _span(own, "0" if rule is None else _limit(rule, index))
            maps.append(EnlargedMap(key, f"{len(maps) + 1}: {title}", note, own, colours, (*place, 1, 1)))
    if layer.next_signs is not None and layer.next_rule is not None:
        signs, title = layer.next_signs[..., index], f"{len(maps) + 1}: the next layer's bit"
        note = f"+1 where {_share_in_words(layer.next_rule, index, signs)}"
        maps.append(EnlargedMap(NEXT, title, note, signs, signs, (*places[-1], 1, 1)))
    return maps


def numbers(layer: BinaryLayer, maps: list[EnlargedMap], *, key: str) -> None:
    """Draw the table of a row of maps: a line per pixel, behind a pool with the value of the window nearest to it."""
    shape = maps[0].values.shape
    rows, columns = (axis.ravel() for axis in np.indices(shape))
    table = {"row": rows, "column": columns}
    at_row, at_column = np.arange(shape[0]), np.arange(shape[1])
    for part in maps:
        if part.key.isdigit():
            stage = layer.stages[int(part.key)]
            at_row = np.array([stage.pixel_over((row, 0))[0] for row in at_row])
            at_column = np.array([stage.pixel_over((0, column))[1] for column in at_column])
        table[part.title] = part.values[at_row[:, None], at_column].ravel()
    charts.numbers(table, key=key)


def show(maps: list[EnlargedMap], *, key: str, click: Callable[[Click], None]) -> None:
    """Draw maps side by side.

    Args:
        maps: At least one.
        key: Of the row of maps.
        click: Called when a pixel was clicked.
    """
    drawn = [
        {
            "id": part.key,
            "title": part.title,
            "note": part.note,
            "alt": f"{part.title}: {part.values.shape[0]} rows of {part.values.shape[1]} places. {part.note}.",
            "src": image_address.png(pictures.signed_picture(part.colours, dark=theme.dark())),
            "rows": part.values.shape[0],
            "columns": part.values.shape[1],
            "mark": part.mark,
        }
        for part in maps
    ]

    def picked() -> None:
        place = st.session_state[key].get("picked")
        known = {part.key: part.values.shape for part in maps}
        if isinstance(place, dict) and (shape := known.get(str(place.get("map")))):
            row, column = place.get("row"), place.get("column")
            if type(row) is int and type(column) is int and 0 <= row < shape[0] and 0 <= column < shape[1]:
                click((place["map"], (row, column)))

    _MAPS(key=key, data={"maps": drawn}, on_picked_change=picked, height="content")


def most_telling(signs: np.ndarray) -> int:
    """The channel of a map (H, W, C) that says +1, or something above 0, at nearest to half of its places."""
    return int(np.abs((signs > 0).mean(axis=(0, 1)) - 0.5).argmin())


def clicked_pixel(layer: BinaryLayer, click: Click) -> Pixel:
    """The pixel of the layer's output that belongs to a clicked pixel of one of its maps."""
    key, pixel = click
    if key == INPUT:
        return layer.pixel_over(pixel)
    last = len(layer.stages) - 1
    stage = {SUMS: -1, NEXT: last}.get(key)
    # A hasty click may come from the layer that was on show before, which had more stages.
    return layer.pixel_before(min(int(key), last) if stage is None else stage, pixel)


def _share_in_words(rule: SignRule, channel: int, signs: np.ndarray) -> str:
    """When the bit of a channel is +1 and how often, such as "x ≥ 0.12: 48 % of the places"."""
    share = units.percent(float((signs > 0).mean()))
    return f"x {'<' if rule.flip[channel] else '≥'} {_limit(rule, channel)}: {share} of the places"


def _limit(rule: SignRule, channel: int) -> str:
    return units.significant(float(rule.threshold[channel]))


def _span(values: np.ndarray, turn: str = "0") -> str:
    ends = float(values.min()), float(values.max())
    low, high = (stages.whole(int(e)) if values.dtype == np.int32 else units.significant(e) for e in ends)
    return f"{low} to {high}; the colour turns at {turn}"
