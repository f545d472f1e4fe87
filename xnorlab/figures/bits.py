"""The running sum of a dot product of signs, by multiply-adds and by words."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from xnorlab.figures import style


def running_sums(products: np.ndarray, words: Sequence[tuple[int, int]], *, dark: bool = False) -> go.Figure:
    """Draw the sum of a dot product against the number of channels that are in it.

    Args:
        products: The sum after each float multiply-add, (n,).
        words: (channels so far, sum so far) after each word that has been counted; these marks lie on the line.
        dark: For the dark theme.
    """
    real, binary = style.SCHEMES["float"], style.SCHEMES["xnor"]
    n, many = len(products), "word" if len(words) == 1 else "words"
    figure = go.Figure()
    figure.add_scatter(
        x=np.arange(n + 1),
        y=np.concatenate([[0], products]),
        mode="lines",
        name=f"{n} float multiply-adds",
        line={"color": real.colour(dark), "width": 2, "shape": "hv"},
        hovertemplate="after %{x} products: %{y}<extra></extra>",
    )
    figure.add_scatter(
        x=[0, *(channels for channels, _ in words)],
        y=[0, *(value for _, value in words)],
        mode="lines+markers",
        name=f"{len(words)} {many} counted",
        line={"color": binary.colour(dark), "width": 1.5, "dash": "dot"},
        marker={"symbol": binary.symbol, "size": [0] + [15] * len(words), "color": binary.colour(dark)},
        hovertemplate="after %{x} channels: %{y}<extra>by words</extra>",
    )
    style.finish(figure, height=290, dark=dark, legend=True)
    figure.update_layout(margin_t=40)
    figure.update_xaxes(title="channels in the sum", range=[-0.02 * n, 1.03 * n], showgrid=False, zeroline=False)
    figure.update_yaxes(title="sum")
    return figure
