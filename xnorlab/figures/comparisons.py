"""Measured values beside computed and published ones: speed-ups, memory ratios, accuracies."""

import math
import textwrap
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from xnorlab import units
from xnorlab.figures import style

ORIGINS = ("measured here", "computed", "published")
"""Where a value comes from: bars are solid, hatched and outlined, in this order."""

_LABEL_CHARACTERS = 26
"""Most characters in a line of a bar's label: a longer line would leave no room for the bars on a narrow screen."""


def speed_up_bars(
    measured: Mapping[str, float], computed: Mapping[str, float], published: Mapping[str, float], *, dark: bool = False
) -> go.Figure:
    """Draw speed-ups as bars from 1× on a logarithmic axis; bars look as ORIGINS says.

    Args:
        measured: By label, speed-ups that were measured here.
        computed: By label, speed-ups from a formula.
        published: By label, speed-ups from a publication.
        dark: For the dark theme.
    """
    mark = style.SCHEMES["xnor"].colour(dark)
    looks = _bar_looks(mark, {"shape": "/", "fgcolor": mark, "bgcolor": "rgba(0,0,0,0)", "size": 6})
    figure = go.Figure()
    for origin, values in zip(ORIGINS, (measured, computed, published), strict=True):
        figure.add_bar(
            y=list(values),
            base=1,
            x=[v - 1 for v in values.values()],
            orientation="h",
            name=origin,
            marker=looks[origin],
            text=[units.times(v) for v in values.values()],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra>" + origin + "</extra>",
        )
    everything = [*measured.values(), *computed.values(), *published.values(), 1.0]
    style.finish(figure, height=110 + 44 * (len(everything) - 1), dark=dark, legend=True)
    low, high = math.log10(min(everything)), math.log10(max(everything))
    figure.update_xaxes(
        title="times faster",
        type="log",
        range=[low - 0.05, high + 0.18 * (high - low) + 0.1],
        tickvals=[0.1, 1, 10, 100, 1000, 10000],
        ticktext=["0.1×", "1×", "10×", "100×", "1,000×", "10,000×"],
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def ratio_bars(
    rows: Sequence[tuple[str, float, str]], *, title: str, scheme: str = "xnor", dark: bool = False
) -> go.Figure:
    """Draw ratios as bars in a scheme's colour on a linear axis; bars look as ORIGINS says.

    Args:
        rows: (label, ratio, one of ORIGINS).
        title: Title of the axis.
        scheme: The scheme.
        dark: For the dark theme.
    """
    mark = style.look(scheme).colour(dark)
    looks = _bar_looks(mark, style.hatched("/", mark))
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
    labels = [label for label, _, _ in rows]
    figure.update_yaxes(
        showgrid=False,
        autorange="reversed",
        categoryorder="array",
        categoryarray=labels,
        tickvals=labels,
        ticktext=["<br>".join(textwrap.wrap(label, _LABEL_CHARACTERS)) for label in labels],
    )
    return figure


def beside_the_paper(
    published: Mapping[str, float], ours: Mapping[str, float], *, title: str, named: tuple[str, str], dark: bool = False
) -> go.Figure:
    """Draw two values per scheme in one row: the published one as an open mark, ours as a full one.

    Args:
        published: By scheme, the published value.
        ours: By scheme, our value; a scheme need not be in both.
        title: Title of the axis.
        named: Names of the open and of the full marks in the legend.
        dark: For the dark theme.
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


def _bar_looks(colour: str, hatching: dict) -> dict[str, dict]:
    """By origin, the look of a bar."""
    return {
        "measured here": {"color": colour, "line": {"width": 0}},
        "computed": {"color": colour, "pattern": hatching, "line": {"color": colour, "width": 1}},
        "published": {"color": "rgba(0,0,0,0)", "line": {"color": colour, "width": 2}},
    }
