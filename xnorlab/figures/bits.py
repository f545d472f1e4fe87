"""A dot product of signs: bit by bit, and its running sum by multiply-adds and by words."""

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


def xnor_rows(a: np.ndarray, b: np.ndarray, *, dark: bool = False) -> go.Figure:
    """Draw two rows of signs and their XNOR as bits in two tones; the title has the dot product by popcount.

    Args:
        a: −1 or +1, (n,).
        b: −1 or +1, (n,).
        dark: For the dark theme.
    """
    equal = np.asarray(a) == np.asarray(b)
    n, ones = equal.size, int(equal.sum())
    bits = np.stack([np.asarray(a) > 0, np.asarray(b) > 0, equal]).astype(np.int64)
    figure = go.Figure()
    figure.add_heatmap(
        z=2 * bits - 1,
        x=list(range(n)),
        y=["a", "b", "XNOR"],
        text=bits,
        texttemplate="%{text}",
        textfont={"color": style.paper(dark), "size": style.FONT_PX + 3},
        colorscale=style.two_tone(dark),
        zmin=-1,
        zmax=1,
        showscale=False,
        xgap=3,
        ygap=3,
        hovertemplate="%{y}, element %{x}: bit %{text}<extra></extra>",
    )
    style.finish(figure, height=230, dark=dark)
    total = str(2 * ones - n).replace("-", "−")
    figure.update_layout(
        margin_t=44,
        title={"text": f"a · b = 2 · {ones} − {n} = {total}", "font_size": style.FONT_PX + 2, "x": 0.5, "y": 0.97},
    )
    figure.update_xaxes(title="element of the vectors", dtick=1, showgrid=False, zeroline=False, side="bottom")
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False)
    return figure
