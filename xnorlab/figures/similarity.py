"""How alike the layers of a binary network and of its float twin are."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from xnorlab.figures import style

SIGNS, REAL, CONTROL = "its signs", "before the sign", "the twin on another photo"

MARGIN = {"l": 64, "r": 12, "t": 56, "b": 84}
"""Pixels around the plotted area of `twin_similarity`, whatever its labels: a page can mark a layer on top of it."""


HEIGHT = 320
"""Pixels of `twin_similarity`, margins included."""


def twin_similarity(
    layers: Sequence[str], scores: Mapping[str, Sequence[float]], scheme: str, *, dark: bool = False
) -> go.Figure:
    """Draw the similarity of each layer's input to that of the float twin's layer, one line per comparison.

    The plotted area has margins of MARGIN and is as many equal columns wide as there are layers, each in the middle of
    its own.

    Args:
        layers: Names, in order.
        scores: Keyed SIGNS, REAL and CONTROL: one score per layer, at most 1; NaN leaves a gap.
        scheme: Of the binary network.
        dark: For the dark theme.
    """
    look = style.look(scheme)
    marks = {
        REAL: {"color": look.colour(dark), "symbol": "circle-open", "size": 9},
        SIGNS: {"color": look.colour(dark), "symbol": look.symbol, "size": 10},
        CONTROL: {"color": style.muted(dark), "symbol": "x-thin-open", "size": 9, "line": {"width": 2}},
    }
    dashes = {REAL: "dot", SIGNS: "solid", CONTROL: "dash"}
    figure = go.Figure()
    for name, mark in marks.items():
        figure.add_scatter(
            x=list(range(len(layers))),
            y=np.asarray(scores[name], np.float64),
            customdata=list(layers),
            mode="lines+markers",
            name=name,
            line={"color": mark["color"], "dash": dashes[name], "width": 2},
            marker=mark,
            hovertemplate="%{customdata}: %{y:.2f}<extra>" + name + "</extra>",
        )
    lowest = min([0.0, *(s for row in scores.values() for s in row if np.isfinite(s))])
    style.finish(figure, height=HEIGHT, dark=dark, legend=True)
    figure.update_layout(margin=MARGIN)
    figure.update_xaxes(
        tickvals=list(range(len(layers))),
        ticktext=list(layers),
        range=[-0.5, len(layers) - 0.5],
        showgrid=False,
        zeroline=False,
        tickangle=-40,
        automargin=False,
    )
    figure.update_yaxes(title="alike (1) or unrelated (0)", range=[lowest - 0.03, 1.03], automargin=False)
    return figure
