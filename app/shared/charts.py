"""A chart with its description, its legend and its clicks, and its numbers as a table below it."""

import html
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from shared import theme
from xnorlab.figures import style

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MAX_TABLE_ROWS = 24
"""Longer tables scroll in a grid of their own; shorter ones are plain HTML tables."""


def show(figure: "Figure", *, alt: str, table: Mapping[str, Iterable], key: str, clickable: bool = False) -> list[Any]:
    """Draw a chart and its table.

    Args:
        figure: The chart.
        alt: Its description for those who do not see it.
        table: Its numbers, column by column.
        key: Of the chart; unique on the page.
        clickable: Whether a click on a mark starts a run of the page.

    Returns:
        The customdata of the marks that are clicked, none where the chart is not clickable.
    """
    options: dict[str, Any] = {"on_select": "rerun", "selection_mode": "points"} if clickable else {}
    event = st.plotly_chart(figure, width="stretch", alt=alt, key=key, config={"displayModeBar": False}, **options)
    numbers(table, key=key)
    return [point["customdata"] for point in event["selection"]["points"]] if clickable else []


def numbers(table: Mapping[str, Iterable], *, key: str) -> None:
    """Draw a folded table of the numbers that a picture above it shows.

    Args:
        table: Columns by their titles, equally long.
        key: Of the picture; unique on the page.
    """
    columns = {name: list(values) for name, values in table.items()}
    with st.expander("The numbers", key=f"{key}-numbers", type="compact"):
        if len(next(iter(columns.values()))) <= MAX_TABLE_ROWS:
            st.table(columns, border="horizontal", hide_index=True)
        else:
            st.dataframe(columns, hide_index=True, height=320)


def newly_clicked(key: str) -> Any | None:
    """The customdata of the mark of the clickable chart `key` that was clicked since the last run; None without one.

    It is known before the chart is drawn. A mark stays clicked for as long as the chart is on show, so that the click
    must be told from the one that the last run saw.
    """
    event = st.session_state.get(key)
    marks = [] if event is None else [point["customdata"] for point in event["selection"]["points"]]
    before = st.session_state.get(f"clicked: {key}")
    st.session_state[f"clicked: {key}"] = marks
    return marks[0] if marks and marks != before else None


def legend(schemes: Iterable[str], notes: Iterable[str] = ()) -> None:
    """Draw the marks of `schemes` in a line that wraps; a chart's own legend would take too much width on a phone."""
    marks = [
        f"<span><span style='color:{theme.scheme_colour(scheme)}' aria-hidden='true'>{style.look(scheme).glyph}</span> "
        f"{style.look(scheme).label}</span>"
        for scheme in schemes
    ]
    words = [f"<span class='xl-dim'>{html.escape(note)}</span>" for note in notes]
    st.html(f"<div class='xl-legend'>{''.join([*marks, *words])}</div>")
