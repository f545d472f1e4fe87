"""What a bit costs: accuracy against any cost, the bytes of a file by part, ours beside the paper's tables."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from xnorlab.figures import style, units

_PART_LOOKS = (("", 1.0), ("/", 1.0), ("x", 1.0), (".", 1.0), ("-", 1.0), ("", 0.25))
"""Pattern and opacity of each part of a file, in the order given: all in the scheme's colour."""

_BELOW = {"yref": "container", "y": 0, "yanchor": "bottom"}
"""A legend under the axis' title, however many lines it takes on a narrow screen."""

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


@dataclass(frozen=True)
class CostAxis:
    """title, and how a cost reads. powers_of_two: ticks at 128 KiB, 256 KiB, not at 1, 2, 5."""

    title: str
    text: Callable[[float], str]
    powers_of_two: bool = False


def pareto_front(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Indices, cheapest first, of those that nothing beats: whatever costs as little or less gives less."""
    front: list[int] = []
    for index in sorted(range(len(costs)), key=lambda i: (costs[i], -gains[i])):
        if not front or gains[index] > gains[front[-1]]:
            front.append(index)
    return front


def pareto(
    points: Sequence[Point], axis: CostAxis, *, log: bool = True, picked: str | None = None, dark: bool = False
) -> go.Figure:
    """Accuracy in % against a cost, one mark a network with ± one standard error, and the front of the best.

    One trace a scheme; `customdata` holds the keys. Models after the first have a ring around the mark.
    picked: the key of the point to be circled. Raises ValueError without points.
    """
    if not points:
        raise ValueError("points is empty; there is nothing to draw")
    models = sorted({p.model for p in points})
    figure = go.Figure()
    front = [points[i] for i in pareto_front([p.cost for p in points], [p.accuracy for p in points])]
    figure.add_scatter(
        x=[p.cost for p in front], y=[p.accuracy for p in front], mode="lines", hoverinfo="skip",
        name="nothing smaller is better", line={"color": style.muted(dark), "dash": "dot", "width": 1.5, "shape": "hv"},
    )  # fmt: skip
    for scheme in (s for s in (*style.SCHEMES, *style.VARIANTS) if any(p.scheme == s for p in points)):
        look, own = style.look(scheme), [p for p in points if p.scheme == scheme]
        colour = look.colour(dark)
        rings = [2.5 if models.index(p.model) else 0 for p in own]
        figure.add_scatter(
            x=[p.cost for p in own], y=[p.accuracy for p in own], mode="markers", name=look.label,
            customdata=[p.key for p in own], text=[f"{p.model}: {axis.text(p.cost)}" for p in own],
            marker={"symbol": look.symbol, "size": 15, "color": colour,
                    "line": {"width": rings, "color": style.ink(dark)}},
            error_y={"type": "data", "array": [p.error for p in own], "color": colour, "thickness": 1.5, "width": 0},
            selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
            hovertemplate="%{y:.1f} % of the pictures right<br>%{text}<extra>" + look.label + "</extra>",
        )  # fmt: skip
    for point in points:
        if point.key == picked:
            figure.add_scatter(
                x=[point.cost], y=[point.accuracy], mode="markers", hoverinfo="skip", showlegend=False, name="picked",
                marker={"symbol": "circle-open", "size": 30, "color": style.ink(dark), "line": {"width": 2}},
            )  # fmt: skip
    style.finish(figure, height=470, dark=dark, legend=True)
    costs = [p.cost for p in points]
    figure.update_xaxes(title=axis.title, **_cost_ticks(min(costs), max(costs), axis, log))
    low, high = min(p.accuracy - p.error for p in points), max(p.accuracy + p.error for p in points)
    room = max(0.08 * (high - low), 0.5)
    figure.update_yaxes(title="top-1 accuracy, %", range=[low - room, high + room])
    figure.update_layout(clickmode="event+select", legend=_BELOW, margin_t=8, hovermode="closest")
    return figure


def _cost_ticks(low: float, high: float, axis: CostAxis, log: bool) -> dict:
    """Type, range and ticks whose words carry their unit."""
    if log:
        low, high = low / 1.35, high * 1.35
        if axis.powers_of_two:
            ticks = [2.0**k for k in range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)]
        else:
            decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            steps = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
            ticks = [t for d in decades for s in steps if low <= (t := s * 10.0**d) <= high]
        limits = [math.log10(low), math.log10(high)]
    else:
        low, high = 0.0, high * 1.08
        base = 2.0 if axis.powers_of_two else 10.0
        step = base ** math.floor(math.log(high / 2, base))
        if axis.powers_of_two:
            step /= 2
        while high / step > 6:
            step *= 2
        ticks, limits = list(np.arange(0, high, step)), [low, high]
    every = 1 + len(ticks) // 8
    ticks = ticks[::every]
    return {
        "type": "log" if log else "linear",
        "range": limits,
        "tickvals": ticks,
        "ticktext": ["0" if t == 0 else _short(axis.text(t)) for t in ticks],
    }


def _short(text: str) -> str:
    """1.00 MiB → 1 MiB, 256 KiB stays."""
    number, space, unit = text.partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number}{space}{unit}"


def memory_split(
    parts: Mapping[str, Mapping[str, float]], schemes: Mapping[str, str], *, share: bool = True, dark: bool = False
) -> go.Figure:
    """The bytes of each file by part as one stacked bar a network, in % of the file or in bytes.

    parts: label → part → bytes; the parts' order is that of their first appearance, six at most. schemes: label →
    scheme, whose colour the bar wears; the parts differ by pattern.
    """
    order = list(dict.fromkeys(part for row in parts.values() for part in row))
    if len(order) > len(_PART_LOOKS):
        raise ValueError(f"parts has {len(order)} kinds of part; the rule is at most {len(_PART_LOOKS)}")
    colours = [style.look(schemes[label]).colour(dark) for label in parts]
    figure, ink = go.Figure(), style.ink(dark)
    for part, (shape, opacity) in zip(order, _PART_LOOKS, strict=False):
        sizes = [row.get(part, 0) for row in parts.values()]
        shares = [100 * size / sum(row.values()) for size, row in zip(sizes, parts.values(), strict=True)]
        words = [f"{units.memory(size)}, {units.percent(s / 100)}" for size, s in zip(sizes, shares, strict=True)]
        figure.add_bar(
            y=list(parts), x=shares if share else sizes, orientation="h", name=part, text=words, showlegend=False,
            textposition="none", hovertemplate="%{y}<br>%{text}<extra>" + part + "</extra>",
            marker={"color": colours, "opacity": opacity, "pattern": _pattern(shape, colours),
                    "line": {"width": 1, "color": colours}},
        )  # fmt: skip
        figure.add_bar(
            y=[None], x=[None], name=part, hoverinfo="skip",
            marker={"color": ink, "opacity": opacity, "pattern": _pattern(shape, ink),
                    "line": {"width": 1, "color": ink}},
        )  # fmt: skip
    style.finish(figure, height=130 + 38 * len(parts), dark=dark, legend=True)
    figure.update_layout(barmode="stack", margin_t=8, bargap=0.3)
    figure.update_layout(legend={**_BELOW, "traceorder": "normal"})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    if share:
        figure.update_xaxes(title="of the file", range=[0, 100], ticksuffix=" %")
        return figure
    largest = max(sum(row.values()) for row in parts.values())
    figure.update_xaxes(
        title="bytes of the file", **_cost_ticks(largest, largest, CostAxis("", units.memory, True), False)
    )
    return figure


def _pattern(shape: str, colour: str | list[str]) -> dict:
    return {"shape": shape, "fgcolor": colour, "bgcolor": "rgba(0,0,0,0)", "size": 6, "solidity": 0.35} if shape else {}


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
            x=pair, y=[look.label] * len(pair), mode="lines", showlegend=False, hoverinfo="skip",
            line={"color": colour, "width": 2},
        )  # fmt: skip
        for source, mark, origin in ((published, f"{symbol}-open", named[0]), (ours, symbol, named[1])):
            if scheme in source:
                figure.add_scatter(
                    x=[source[scheme]], y=[look.label], mode="markers", name=origin, showlegend=False,
                    marker={"symbol": mark, "size": 14, "color": colour, "line": {"width": 2.5, "color": colour}},
                    hovertemplate="%{x:.1f}<extra>" + f"{look.label}, {origin}" + "</extra>",
                )  # fmt: skip
    for origin, mark in zip(named, ("circle-open", "circle"), strict=True):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=origin,
            marker={"symbol": mark, "size": 11, "color": style.ink(dark), "line": {"width": 2}},
        )  # fmt: skip
    style.finish(figure, height=120 + 44 * len(schemes), dark=dark, legend=True)
    figure.update_layout(legend={**_BELOW, "orientation": "v"}, margin_t=8)
    figure.update_xaxes(title=title, zeroline=True)
    figure.update_yaxes(
        categoryorder="array", categoryarray=[style.look(s).label for s in schemes], autorange="reversed"
    )
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
        "computed": {"color": mark, "pattern": _pattern("/", mark), "line": {"color": mark, "width": 1}},
        "published": {"color": "rgba(0,0,0,0)", "line": {"color": mark, "width": 2}},
    }
    figure = go.Figure()
    for origin in ORIGINS:
        own = [(label, ratio) for label, ratio, source in rows if source == origin]
        if own:
            figure.add_bar(
                y=[label for label, _ in own], x=[ratio for _, ratio in own], orientation="h", name=origin,
                marker=looks[origin], text=[units.times(ratio) for _, ratio in own], textposition="outside",
                cliponaxis=False, hovertemplate="%{y}: %{text}<extra>" + origin + "</extra>",
            )  # fmt: skip
    style.finish(figure, height=110 + 36 * len(rows), dark=dark, legend=True)
    figure.update_layout(margin_t=36)
    figure.update_xaxes(title=title, range=[0, 1.22 * max(ratio for _, ratio, _ in rows)])
    figure.update_yaxes(
        showgrid=False, autorange="reversed", categoryorder="array", categoryarray=[label for label, _, _ in rows]
    )
    return figure
