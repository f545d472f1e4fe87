"""Answers of several networks to one photo."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from xnorlab.figures import style

MOST_CLASSES = 12
"""Rows of a chart of answers; of more classes those are left out that every network finds unlikely."""


def answers(labels: Sequence[str], probabilities: Mapping[str, np.ndarray], *, dark: bool = False) -> go.Figure:
    """A row a class, every scheme a mark at the probability (%) it gives; by the best probability, the highest on top.

    Of more than MOST_CLASSES classes: every scheme's first answer, then every scheme's second and so on, up to that
    many. probabilities: scheme → (classes,), each summing to 1, in the order of `labels`.
    """
    table = np.stack([np.asarray(p, dtype=np.float64) for p in probabilities.values()])
    if table.shape[1] != len(labels):
        raise ValueError(f"probabilities have {table.shape[1]} classes, labels={len(labels)}")
    best = table.max(axis=0)
    places = np.argsort(np.argsort(-table, axis=1, kind="stable"), axis=1).min(axis=0)  # 0: some scheme's first answer
    kept = np.lexsort((-best, places))[:MOST_CLASSES]
    order = kept[np.argsort(-best[kept], kind="stable")]
    figure = go.Figure()
    low, high = 100 * table.min(axis=0)[order], 100 * table.max(axis=0)[order]
    ranked = [labels[i] for i in order]
    for y, left, right in zip(ranked, low, high, strict=True):
        figure.add_scatter(
            x=[left, right],
            y=[y, y],
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            line={"color": style.muted(dark), "width": 1},
        )
    for name, row in zip(probabilities, table, strict=True):
        look = style.look(name)
        figure.add_scatter(
            x=100 * row[order],
            y=ranked,
            mode="markers",
            name=look.label,
            marker={"symbol": look.symbol, "size": 12, "color": look.colour(dark), "opacity": 0.9},
            hovertemplate="%{y}: %{x:.3g} %<extra>" + look.label + "</extra>",
        )
    style.finish(figure, height=120 + 30 * len(ranked), dark=dark, legend=True)
    figure.update_layout(margin_t=64)
    figure.update_xaxes(title="probability, %", range=[-3, 103])
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=ranked)
    return figure
