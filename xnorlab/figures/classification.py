"""Predictions of several networks for one photo."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from xnorlab.figures import style

MOST_CLASSES = 12
"""Most rows of a chart; of more classes, those with a low probability in every network are left out."""


def answers(labels: Sequence[str], probabilities: Mapping[str, np.ndarray], *, dark: bool = False) -> go.Figure:
    """Draw the predictions of several schemes: one row per class, one mark per scheme at its probability in %.

    Rows are sorted by the largest probability. Of more than MOST_CLASSES classes, the first answer of each scheme is
    taken, then the second of each and so on.

    Args:
        labels: Names of the classes.
        probabilities: By scheme, the probability of each class, (classes,), with sum 1, in the order of `labels`.
        dark: For the dark theme.

    Raises:
        ValueError: `probabilities` and `labels` have different numbers of classes.
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
    figure.add_scatter(  # one trace of many lines: each trace takes a browser some milliseconds
        x=np.stack([low, high, np.full(len(order), np.nan)], axis=1).ravel(),
        y=[label for label in ranked for _ in range(3)],
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
