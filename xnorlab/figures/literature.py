"""Figure of networks of the literature: published accuracy against measured time."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from xnorlab import units
from xnorlab.figures import style
from xnorlab.figures.axes import CostAxis, cost_ticks
from xnorlab.figures.trade_offs import pareto_front


@dataclass(frozen=True)
class TimedNetwork:
    """A network on the figure.

    Attributes:
        name: Its name.
        look: Its colour and mark.
        seconds: Median time.
        low, high: Quartiles of the time.
        accuracy: Published top-1 accuracy in %.
        own_accuracy: Whether the accuracy is published of the network in this form; else its mark is hollow.
        engine: What computed it.
    """

    name: str
    look: style.SchemeStyle
    seconds: float
    low: float
    high: float
    accuracy: float
    own_accuracy: bool
    engine: str


def unbeaten(points: Sequence[TimedNetwork]) -> list[TimedNetwork]:
    """Return the networks than which none is both faster and more accurate, fastest first; hollow ones do not count."""
    own = [point for point in points if point.own_accuracy]
    return [own[i] for i in pareto_front([p.seconds for p in own], [p.accuracy for p in own])]


def accuracy_against_time(points: Sequence[TimedNetwork], *, dark: bool = False) -> go.Figure:
    """Draw published accuracy against measured time, one mark per network, with the quartiles of the time as a bar.

    A dotted line runs along the networks that are `unbeaten`. Each mark has the number of its network, counted from 1,
    under which a table can list it.

    Args:
        points: The networks.
        dark: For the dark theme.

    Raises:
        ValueError: `points` is empty.
    """
    if not points:
        raise ValueError("points is empty; there is nothing to draw")
    figure = go.Figure()
    front = unbeaten(points)
    if front:
        figure.add_scatter(
            x=[p.seconds for p in front],
            y=[p.accuracy for p in front],
            mode="lines",
            hoverinfo="skip",
            name="nothing faster is better",
            line={"color": style.muted(dark), "dash": "dot", "width": 1.5, "shape": "hv"},
        )
    for look in dict.fromkeys(p.look for p in points):
        own = [(i, p) for i, p in enumerate(points, 1) if p.look == look]
        colour = look.colour(dark)
        figure.add_scatter(
            x=[p.seconds for _, p in own],
            y=[p.accuracy for _, p in own],
            mode="markers+text",
            name=look.label,
            customdata=[p.name for _, p in own],
            text=[str(i) for i, _ in own],
            textposition="top center",
            textfont={"size": 11, "color": style.ink(dark)},
            hovertext=[f"{p.name}: {p.accuracy:.1f} % published, {units.duration(p.seconds)} measured" for _, p in own],
            hovertemplate="%{hovertext}<extra>" + look.label + "</extra>",
            marker={
                "symbol": [look.symbol if p.own_accuracy else f"{look.symbol}-open" for _, p in own],
                "size": 13,
                "color": colour,
                "line": {"width": 2, "color": colour},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [p.high - p.seconds for _, p in own],
                "arrayminus": [p.seconds - p.low for _, p in own],
                "color": colour,
                "thickness": 1.5,
                "width": 3,
            },
            cliponaxis=False,
        )
    style.finish(figure, height=460, dark=dark)
    axis = CostAxis("time of one picture: measured", units.duration)
    figure.update_xaxes(
        title=axis.title, **cost_ticks(min(p.low for p in points), max(p.high for p in points), axis, log=True)
    )
    accuracies = [p.accuracy for p in points]
    margin = max(0.08 * (max(accuracies) - min(accuracies)), 1.0)
    figure.update_yaxes(
        title="ImageNet top-1, %: published", range=[min(accuracies) - margin, max(accuracies) + 1.5 * margin]
    )
    figure.update_layout(margin_t=8, hovermode="closest")
    return figure
