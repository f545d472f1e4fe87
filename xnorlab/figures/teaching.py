"""Classes taught from a few photos: confusion of answers, and accuracies of several networks with their errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from xnorlab.figures import style


def confusion(labels: Sequence[str], table: np.ndarray, *, dark: bool = False) -> go.Figure:
    """Draw what the photos of each class were taken for: a row per class, a column per answer, shares of the row.

    Args:
        labels: Names of the classes.
        table: int (classes, classes), photos of the row's class with the column's answer.
        dark: For the dark theme.

    Raises:
        ValueError: `table` has another shape.
    """
    table = np.asarray(table)
    if table.shape != (len(labels), len(labels)):
        raise ValueError(f"table of shape {table.shape} must be {(len(labels),) * 2}, one row and column per label")
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure = go.Figure()
    places = list(range(len(labels)))
    figure.add_heatmap(
        z=shares,
        x=places,
        y=places,
        zmin=0,
        zmax=1,
        colorscale=style.sequential_scale(dark),
        showscale=False,
        xgap=2,
        ygap=2,
        customdata=np.dstack([table, *(np.broadcast_to(names, table.shape) for names in _names(labels))]),
        hovertemplate="%{customdata[1]} taken for %{customdata[2]}: %{customdata[0]}<extra></extra>",
    )
    for row in places:
        for column in places:
            if table[row, column]:
                strong = shares[row, column] > 0.5
                figure.add_annotation(
                    x=column,
                    y=row,
                    text=str(table[row, column]),
                    showarrow=False,
                    font={"color": style.paper(dark) if strong else style.ink(dark)},
                )
    style.finish(figure, height=140 + 36 * len(labels), dark=dark)
    ticks = {"tickvals": places, "ticktext": [_short(label) for label in labels], "showgrid": False}
    figure.update_xaxes(title="taken for", tickangle=-40, **ticks)  # a name that rises ends at its column
    figure.update_yaxes(title="photos of", autorange="reversed", **ticks)
    return figure


@dataclass(frozen=True)
class MeasuredAccuracy:
    """The accuracy of one network.

    Attributes:
        group: Which networks it is compared with, such as those of one data set and architecture.
        scheme: Its scheme.
        mean: 0 to 1.
        error: Its standard error.
    """

    group: str
    scheme: str
    mean: float
    error: float


def accuracies(rows: Sequence[MeasuredAccuracy], *, chance: float, dark: bool = False) -> go.Figure:
    """Draw accuracies in % with their standard errors: a row per group, a mark per scheme.

    Args:
        rows: The accuracies, at least one.
        chance: The accuracy of guessing, 0 to 1, as a line.
        dark: For the dark theme.
    """
    groups = list(dict.fromkeys(row.group for row in rows))
    schemes = [s for s in (*style.SCHEMES, *style.VARIANTS) if any(row.scheme == s for row in rows)]
    figure = go.Figure()
    for place, scheme in enumerate(schemes):
        look, own = style.look(scheme), [row for row in rows if row.scheme == scheme]
        figure.add_scatter(
            x=[100 * row.mean for row in own],
            y=[groups.index(row.group) + 0.16 * (place - (len(schemes) - 1) / 2) for row in own],
            error_x={"array": [100 * row.error for row in own], "thickness": 2, "width": 5},
            mode="markers",
            name=look.label,
            marker={"symbol": look.symbol, "size": 12, "color": look.colour(dark)},
            customdata=[[row.group, f"{100 * row.error:.1f}"] for row in own],
            hovertemplate="%{customdata[0]}: %{x:.1f} ± %{customdata[1]} %<extra>" + look.label + "</extra>",
        )
    figure.add_vline(x=100 * chance, line={"color": style.muted(dark), "dash": "dot"})
    figure.add_annotation(
        x=100 * chance,
        y=1,
        yref="paper",
        yanchor="bottom",
        xanchor="left",
        text="chance",
        showarrow=False,
        font={"color": style.ink(dark)},
    )
    style.finish(figure, height=130 + 90 * len(groups), dark=dark, legend=True)
    figure.update_layout(legend={**style.BELOW, "orientation": "h"})
    figure.update_xaxes(title="accuracy, %", range=[100 * chance - 5, 103])
    figure.update_yaxes(
        tickvals=list(range(len(groups))), ticktext=groups, range=[len(groups) - 0.5, -0.5], showgrid=False
    )
    return figure


def _names(labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    names = np.array(labels, dtype=object)
    return names[:, None], names[None, :]


def _short(label: str, most: int = 16) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
