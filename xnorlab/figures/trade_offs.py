"""What a bit costs: accuracy against any cost, and ours beside the paper's tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from xnorlab import units
from xnorlab.figures import style
from xnorlab.figures.axes import CostAxis, cost_ticks

ORIGINS = ("measured here", "computed", "published")
"""Solid, hatched, outlined; in this order on every chart."""


@dataclass(frozen=True)
class Point:
    """One network: key identifies it, cost ≥ 0 in the axis' unit, accuracy and its standard error in %."""

    key: str
    scheme: str
    model: str
    cost: float
    accuracy: float
    error: float


def pareto_front(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Indices, cheapest first, of those that nothing beats: whatever costs as little or less gives less."""
    front: list[int] = []
    for index in sorted(range(len(costs)), key=lambda i: (costs[i], -gains[i])):
        if not front or gains[index] > gains[front[-1]]:
            front.append(index)
    return front


def pareto(
    points: Sequence[Point],
    axis: CostAxis,
    *,
    log: bool = True,
    picked: str | None = None,
    legend: bool = True,
    dark: bool = False,
) -> go.Figure:
    """Accuracy in % against a cost, one mark a network with ± one standard error, and the front of the best.

    One trace a scheme; `customdata` holds the keys. Models after the first have a ring around the mark.
    picked: the key of the point to be circled. legend: off where the page around it has one.
    Raises ValueError without points.
    """
    if not points:
        raise ValueError("points is empty; there is nothing to draw")
    models = sorted({p.model for p in points})
    figure = go.Figure()
    front = [points[i] for i in pareto_front([p.cost for p in points], [p.accuracy for p in points])]
    figure.add_scatter(
        x=[p.cost for p in front],
        y=[p.accuracy for p in front],
        mode="lines",
        hoverinfo="skip",
        name="nothing cheaper is better",
        line={"color": style.muted(dark), "dash": "dot", "width": 1.5, "shape": "hv"},
    )
    for scheme in (s for s in (*style.SCHEMES, *style.VARIANTS) if any(p.scheme == s for p in points)):
        look, own = style.look(scheme), [p for p in points if p.scheme == scheme]
        colour = look.colour(dark)
        rings = [2.5 if models.index(p.model) else 0 for p in own]
        figure.add_scatter(
            x=[p.cost for p in own],
            y=[p.accuracy for p in own],
            mode="markers",
            name=look.label,
            customdata=[p.key for p in own],
            text=[f"{p.model}: {axis.text(p.cost)}" for p in own],
            marker={
                "symbol": look.symbol,
                "size": 15,
                "color": colour,
                "line": {"width": rings, "color": style.ink(dark)},
            },
            error_y={"type": "data", "array": [p.error for p in own], "color": colour, "thickness": 1.5, "width": 0},
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hovertemplate="%{y:.1f} % of the pictures right<br>%{text}<extra>" + look.label + "</extra>",
        )
    for model in models if len(models) > 1 else []:
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=f"ring: {model}" if models.index(model) else f"no ring: {model}",
            marker={
                "symbol": "circle",
                "size": 11,
                "color": style.muted(dark),
                "line": {"width": 2.5 if models.index(model) else 0, "color": style.ink(dark)},
            },
        )
    for point in points:
        if point.key == picked:
            figure.add_scatter(
                x=[point.cost],
                y=[point.accuracy],
                mode="markers",
                hoverinfo="skip",
                showlegend=False,
                name="picked",
                marker={"symbol": "circle-open", "size": 30, "color": style.ink(dark), "line": {"width": 2}},
            )
    style.finish(figure, height=470 if legend else 400, dark=dark, legend=legend)
    costs = [p.cost for p in points]
    figure.update_xaxes(title=axis.title, **cost_ticks(min(costs), max(costs), axis, log=log))
    low, high = min(p.accuracy - p.error for p in points), max(p.accuracy + p.error for p in points)
    room = max(0.08 * (high - low), 0.5)
    figure.update_yaxes(title="top-1 accuracy, %", range=[low - room, high + room])
    figure.update_layout(clickmode="event+select", legend=style.BELOW, margin_t=8, hovermode="closest")
    return figure


def beside_the_paper(
    published: Mapping[str, float], ours: Mapping[str, float], *, title: str, named: tuple[str, str], dark: bool = False
) -> go.Figure:
    """Two values a scheme on one line: the paper's as an open mark, ours as a full one.

    published, ours: scheme → value; a scheme need not be in both. title: of the axis. named: what the open and the full
    marks are, for the legend.
    """
    schemes = [s for s in (*style.SCHEMES, *style.VARIANTS) if s in published or s in ours]
    figure = go.Figure()
    for scheme in schemes:
        look = style.look(scheme)
        colour, symbol = look.colour(dark), look.symbol.removesuffix("-open")
        pair = [source[scheme] for source in (published, ours) if scheme in source]
        figure.add_scatter(
            x=pair,
            y=[look.label] * len(pair),
            mode="lines",
            showlegend=False,
            hoverinfo="skip",
            line={"color": colour, "width": 2},
        )
        for source, mark, origin in ((published, f"{symbol}-open", named[0]), (ours, symbol, named[1])):
            if scheme in source:
                figure.add_scatter(
                    x=[source[scheme]],
                    y=[look.label],
                    mode="markers",
                    name=origin,
                    showlegend=False,
                    marker={"symbol": mark, "size": 14, "color": colour, "line": {"width": 2.5, "color": colour}},
                    hovertemplate="%{x:.1f}<extra>" + f"{look.label}, {origin}" + "</extra>",
                )
    for origin, mark in zip(named, ("circle-open", "circle"), strict=True):
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=origin,
            marker={"symbol": mark, "size": 11, "color": style.ink(dark), "line": {"width": 2}},
        )
    style.finish(figure, height=120 + 44 * len(schemes), dark=dark, legend=True)
    figure.update_layout(legend={**style.BELOW, "orientation": "v"}, margin_t=8)
    figure.update_xaxes(title=title, zeroline=True)
    figure.update_yaxes(
        categoryorder="array", categoryarray=[style.look(s).label for s in schemes], autorange="reversed"
    )
    return figure


def changes(rows: Sequence[tuple[str, float, float, float | None]], *, dark: bool = False) -> go.Figure:
    """One thing changed at a time: a mark a row with ± one standard error, and a line from the row it is set against.

    rows: (label, accuracy in %, its standard error, accuracy of the row that it is set against or None for such a
    row, which has an open mark). Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("rows is empty; there is nothing to draw")
    figure, ink = go.Figure(), style.ink(dark)
    for label, accuracy, _, against in rows:
        if against is not None:
            figure.add_scatter(
                x=[against, accuracy],
                y=[label, label],
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                line={"color": style.muted(dark), "width": 2},
            )
    for name, mark, own in (
        ("as the others are compared with", "circle-open", [row for row in rows if row[3] is None]),
        ("changed", "circle", [row for row in rows if row[3] is not None]),
    ):
        gains = ["" if against is None else f" ({units.points(accuracy - against)})" for _, accuracy, _, against in own]
        figure.add_scatter(
            x=[row[1] for row in own],
            y=[row[0] for row in own],
            mode="markers+text",
            name=name,
            text=[f"{row[1]:.1f}{gain}" for row, gain in zip(own, gains, strict=True)],
            textposition="top center",
            marker={"symbol": mark, "size": 13, "color": ink, "line": {"width": 2.5, "color": ink}},
            error_x={"type": "data", "array": [row[2] for row in own], "color": ink, "thickness": 1.5, "width": 0},
            hovertemplate="%{y}: %{text} %<extra></extra>",
            cliponaxis=False,
        )
    style.finish(figure, height=90 + 48 * len(rows), dark=dark)
    low, high = min(row[1] - row[2] for row in rows), max(row[1] + row[2] for row in rows)
    room = max(0.12 * (high - low), 0.5)
    figure.update_xaxes(title="top-1 accuracy, %", range=[low - room, high + room])
    labels = [row[0] for row in rows]
    figure.update_yaxes(categoryorder="array", categoryarray=labels, range=[len(rows) - 0.5, -0.75])
    figure.update_layout(margin_t=8)
    return figure


def ratio_bars(
    rows: Sequence[tuple[str, float, str]], *, title: str, scheme: str = "xnor", dark: bool = False
) -> go.Figure:
    """Ratios (×) as bars in the scheme's colour: measured solid, computed hatched, published outlined.

    rows: (label, ratio, one of ORIGINS).
    """
    mark = style.look(scheme).colour(dark)
    looks = {
        "measured here": {"color": mark, "line": {"width": 0}},
        "computed": {"color": mark, "pattern": style.hatched("/", mark), "line": {"color": mark, "width": 1}},
        "published": {"color": "rgba(0,0,0,0)", "line": {"color": mark, "width": 2}},
    }
    figure = go.Figure()
    for origin in ORIGINS:
        own = [(label, ratio) for label, ratio, source in rows if source == origin]
        if own:
            figure.add_bar(
                y=[label for label, _ in own],
                x=[ratio for _, ratio in own],
                orientation="h",
                name=origin,
                marker=looks[origin],
                text=[units.times(ratio) for _, ratio in own],
                textposition="outside",
                cliponaxis=False,
                hovertemplate="%{y}: %{text}<extra>" + origin + "</extra>",
            )
    style.finish(figure, height=110 + 36 * len(rows), dark=dark, legend=True)
    figure.update_layout(margin_t=36)
    figure.update_xaxes(title=title, range=[0, 1.22 * max(ratio for _, ratio, _ in rows)])
    figure.update_yaxes(
        showgrid=False, autorange="reversed", categoryorder="array", categoryarray=[label for label, _, _ in rows]
    )
    return figure
