"""Answers of several networks to one photo."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from xnorlab.figures import style


def answers(labels: Sequence[str], probabilities: Mapping[str, np.ndarray], *, dark: bool = False) -> go.Figure:
    """Every class a row, every scheme a mark at the probability (%) it gives; classes by their mean, best on top.

    probabilities: scheme → (classes,), each summing to 1, in the order of `labels`.
    """
    table = np.stack([np.asarray(p, dtype=np.float64) for p in probabilities.values()])
    if table.shape[1] != len(labels):
        raise ValueError(f"probabilities have {table.shape[1]} classes, labels={len(labels)}")
    order = np.argsort(-table.mean(axis=0), kind="stable")
    figure = go.Figure()
    low, high = 100 * table.min(axis=0)[order], 100 * table.max(axis=0)[order]
    ranked = [labels[i] for i in order]
    for y, left, right in zip(ranked, low, high, strict=True):
        figure.add_scatter(
            x=[left, right], y=[y, y], mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": style.muted(dark), "width": 1},
        )  # fmt: skip
    for name, row in zip(probabilities, table, strict=True):
        look = style.look(name)
        figure.add_scatter(
            x=100 * row[order], y=ranked, mode="markers", name=look.label,
            marker={"symbol": look.symbol, "size": 12, "color": look.colour(dark), "opacity": 0.9},
            hovertemplate="%{y}: %{x:.3g} %<extra>" + look.label + "</extra>",
        )  # fmt: skip
    style.finish(figure, height=120 + 30 * len(labels), dark=dark, legend=True)
    figure.update_layout(margin_t=64)
    figure.update_xaxes(title="probability, %", range=[-3, 103])
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=ranked)
    return figure
