"""Figures of accuracy: against a cost, and after single changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from xnorlab import units
from xnorlab.figures import style
from xnorlab.figures.axes import CostAxis, cost_ticks


@dataclass(frozen=True)
class Point:
    """The accuracy and the cost of one network.

    Attributes:
        key: Identifies the network.
        scheme: Its scheme.
        model: Its architecture.
        cost: Its cost ≥ 0, in the unit of the axis.
        accuracy: Top-1 accuracy in %.
        error: Standard error of the accuracy in %.
    """

    key: str
    scheme: str
    model: str
    cost: float
    accuracy: float
    error: float


def pareto_front(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Return the indices of the Pareto front, cheapest first: no other point costs no more and gains as much.

    Args:
        costs: Costs, (n,).
        gains: Gains, (n,).
    """
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
    """Draw accuracy against a cost, one mark per network with ± one standard error, and the Pareto front.

    There is one trace per scheme; its `customdata` holds the keys. Models after the first have a ring around the mark.

    Args:
        points: The networks.
        axis: The axis of costs.
        log: Whether that axis is logarithmic.
        picked: Key of the point that is circled; None for none.
        legend: Whether the figure has a legend.
        dark: For the dark theme.

    Raises:
        ValueError: `points` is empty.
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
    margin = max(0.08 * (high - low), 0.5)
    figure.update_yaxes(title="top-1 accuracy, %", range=[low - margin, high + margin])
    figure.update_layout(clickmode="event+select", legend=style.BELOW, margin_t=8, hovermode="closest")
    return figure


def changes(rows: Sequence[tuple[str, float, float, float | None]], *, dark: bool = False) -> go.Figure:
    """Draw the effect of single changes: one mark per row with ± one standard error, and a line from its reference.

    Args:
        rows: (label, accuracy in %, its standard error in %, accuracy of the reference). A row that is a reference
            itself has None as the last, and an open mark.
        dark: For the dark theme.

    Raises:
        ValueError: `rows` is empty.
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
        ("reference of the others", "circle-open", [row for row in rows if row[3] is None]),
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
    margin = max(0.12 * (high - low), 0.5)
    figure.update_xaxes(title="top-1 accuracy, %", range=[low - margin, high + margin])
    labels = [row[0] for row in rows]
    figure.update_yaxes(categoryorder="array", categoryarray=labels, range=[len(rows) - 0.5, -0.75])
    figure.update_layout(margin_t=8)
    return figure
