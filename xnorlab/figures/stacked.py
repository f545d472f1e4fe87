"""Figures of bars made of parts, such as the bytes of a file: one colour per scheme, one pattern per part."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from xnorlab import units
from xnorlab.figures import style
from xnorlab.figures.axes import CostAxis, cost_ticks

PATTERNS = ("", "/", "x", ".", "-", "\\")
"""Plotly's patterns of the parts of a bar, in their order."""


def stacked_bars(
    parts: Mapping[str, Mapping[str, float]],
    schemes: Mapping[str, str],
    axis: CostAxis,
    *,
    share: bool = False,
    dark: bool = False,
) -> go.Figure:
    """Draw one bar per label, made of its parts.

    Args:
        parts: By label, the size ≥ 0 of each part; at most as many kinds of part as PATTERNS, in the order of their
            first appearance.
        schemes: By label, the scheme that sets the colour of the bar.
        axis: The axis of sizes.
        share: Whether parts are drawn as shares of their bar in %.
        dark: For the dark theme.

    Raises:
        ValueError: There are no parts or too many kinds of part.
    """
    order = _parts(parts.values())
    colours = [style.look(schemes[label]).colour(dark) for label in parts]
    figure = go.Figure()
    for part, pattern in zip(order, PATTERNS, strict=False):
        sizes = [row.get(part, 0) for row in parts.values()]
        shares = [size / max(sum(row.values()), 1e-300) for size, row in zip(sizes, parts.values(), strict=True)]
        words = [f"{axis.text(size)}, {units.percent(s)}" for size, s in zip(sizes, shares, strict=True)]
        figure.add_bar(
            y=list(parts),
            x=[100 * s for s in shares] if share else sizes,
            orientation="h",
            name=part,
            text=words,
            textposition="none",
            hovertemplate="%{y}<br>%{text}<extra>" + part + "</extra>",
            showlegend=False,
            marker=_look(pattern, colours),
        )
    _explain(figure, order, style.ink(dark))
    # On a phone the legend has one line per part, and plotly gives it half of the height.
    style.finish(figure, height=130 + max(38 * len(parts), 24 * len(order)), dark=dark, legend=True)
    figure.update_layout(barmode="stack", margin_t=8, bargap=0.3, legend={**style.BELOW, "traceorder": "normal"})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    largest = max(sum(row.values()) for row in parts.values())
    figure.update_xaxes(title=axis.title, **cost_ticks(largest, largest, axis, log=False))
    if share:
        ticks = list(range(0, 101, 20))
        figure.update_xaxes(range=[0, 100], tickvals=ticks, ticktext=[f"{tick} %" for tick in ticks])
    return figure


def paired_bars(
    rows: Sequence[str],
    sizes: Mapping[str, Mapping[str, Sequence[float]]],
    axis: CostAxis,
    *,
    picked: str | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw one bar per scheme in each row, made of its parts, on a linear axis, with the scheme's mark at its end.

    The customdata of a bar is its row.

    Args:
        rows: Names of the rows.
        sizes: By scheme and part, the size ≥ 0 in each row.
        axis: The axis of sizes.
        picked: The row that is marked; None for none.
        dark: For the dark theme.

    Raises:
        ValueError: There are no parts or too many kinds of part.
    """
    order = _parts(sizes.values())
    figure, totals = go.Figure(), {scheme: np.zeros(len(rows)) for scheme in sizes}
    for scheme, parts in sizes.items():
        look = style.look(scheme)
        for part, pattern in zip(order, PATTERNS, strict=False):
            values = np.asarray(parts.get(part, np.zeros(len(rows))), dtype=np.float64)
            figure.add_bar(
                y=list(rows),
                x=values,
                base=totals[scheme].copy(),
                orientation="h",
                name=f"{look.short}: {part}",
                offsetgroup=scheme,
                customdata=list(rows),
                showlegend=False,
                text=[axis.text(v) for v in values],
                textposition="none",
                marker=_look(pattern, look.colour(dark)),
                hovertemplate="%{y}<br>%{text}<extra>" + f"{look.label}, {part}" + "</extra>",
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 1}},
            )
            totals[scheme] += values
        # The scheme's mark at the end of its bars: variants of a scheme share its colour.
        figure.add_bar(
            y=list(rows),
            x=np.zeros(len(rows)),
            base=totals[scheme].copy(),
            orientation="h",
            offsetgroup=scheme,
            customdata=list(rows),
            showlegend=False,
            hoverinfo="skip",
            marker=_look("", look.colour(dark)),
            text=[f" {look.glyph}"] * len(rows),
            textposition="outside",
            cliponaxis=False,
            textfont={"color": style.ink(dark)},
        )
    for scheme in sizes:
        look = style.look(scheme)
        name = f"{look.glyph} {look.label}"
        figure.add_bar(y=[None], x=[None], name=name, marker=_look("", look.colour(dark)), hoverinfo="skip")
    if len(order) > 1:
        _explain(figure, order, style.ink(dark))
    style.finish(figure, height=150 + 46 * len(rows), dark=dark, legend=True)
    figure.update_layout(
        barmode="group",
        bargap=0.28,
        bargroupgap=0.06,
        margin_t=8,
        legend={**style.BELOW, "traceorder": "normal"},
        clickmode="event+select",
    )
    figure.update_yaxes(
        autorange="reversed",
        showgrid=False,
        categoryorder="array",
        categoryarray=list(rows),
        tickmode="array",
        tickvals=list(rows),
        ticktext=[f"<b>{row}</b>" if row == picked else row for row in rows],
    )
    largest = max(float(total.max()) for total in totals.values())
    figure.update_xaxes(title=axis.title, **cost_ticks(largest, largest, axis, log=False))
    return figure


def _parts(rows: Iterable[Mapping[str, object]]) -> list[str]:
    order = list(dict.fromkeys(part for row in rows for part in row))
    if not 1 <= len(order) <= len(PATTERNS):
        raise ValueError(f"there are {len(order)} kinds of part; it must be 1 to {len(PATTERNS)}")
    return order


def _look(pattern: str, colour: str | list[str]) -> dict:
    return {"color": colour, "pattern": style.hatched(pattern, colour), "line": {"width": 1, "color": colour}}


def _explain(figure: go.Figure, order: Sequence[str], ink: str) -> None:
    """Add one entry per part to the legend, in no scheme's colour."""
    for part, pattern in zip(order, PATTERNS, strict=False):
        figure.add_bar(y=[None], x=[None], name=part, marker=_look(pattern, ink), hoverinfo="skip")
