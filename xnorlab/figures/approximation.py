"""Figures of a real filter and its binary approximation: maps of the weights, the error against α, a histogram."""

import math

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xnorlab import units
from xnorlab.figures import style

_CELLS_WITH_NUMBERS = 25
"""Most cells of a map (a 5 × 5 slice) in which the values are printed; in more they would not fit."""


_BINS = 31


def mosaic(weights: np.ndarray) -> np.ndarray:
    """Arrange the channels of a filter as the tiles of one picture.

    Args:
        weights: (C, kh, kw).

    Returns:
        (H, W), about square, with one line of NaN between tiles; unused tiles of the last row are NaN.
    """
    channels, kh, kw = weights.shape
    columns = max(1, math.ceil(math.sqrt(channels * (kh + 1) / (kw + 1))))
    rows = math.ceil(channels / columns)
    tiles = np.full((rows * columns, kh + 1, kw + 1), np.nan)
    tiles[:channels, :kh, :kw] = weights
    picture = tiles.reshape(rows, columns, kh + 1, kw + 1).swapaxes(1, 2).reshape(rows * (kh + 1), -1)
    return picture[:-1, :-1]


def _map(weights: np.ndarray, coloraxis: str) -> go.Heatmap:
    indices = np.indices(weights.shape)
    places = np.stack([mosaic(indices[axis]) for axis in range(3)], axis=-1)
    picture = mosaic(weights)
    small = picture.size <= _CELLS_WITH_NUMBERS
    gap = 2 if small else 0
    return go.Heatmap(
        z=picture,
        customdata=places,
        hovertemplate="channel %{customdata[0]}, row %{customdata[1]}, column %{customdata[2]}: %{z:.3g}"
        "<extra></extra>",
        hoverongaps=False,
        texttemplate="%{z:.3g}" if small else None,
        coloraxis=coloraxis,
        xgap=gap,
        ygap=gap,
    )


def filter_maps(
    real: np.ndarray, signs: np.ndarray, scaled: np.ndarray, residual: np.ndarray, *, dark: bool = False
) -> go.Figure:
    """Draw four maps of one filter on two colour scales.

    The real weights, the approximation and the residual share one scale that is symmetric about zero.

    Args:
        real: W, (C, kh, kw).
        signs: sign(W), (C, kh, kw), −1 or +1; drawn in two tones.
        scaled: α·sign(W), (C, kh, kw).
        residual: W − α·sign(W), (C, kh, kw).
        dark: For the dark theme.
    """
    limit = float(max(np.abs(real).max(), np.abs(scaled).max(), np.abs(residual).max()))
    titles = ("W, the real filter", "sign(W), two tones", "α·sign(W)", "W − α·sign(W), what is lost")
    figure = make_subplots(rows=2, cols=2, subplot_titles=titles, horizontal_spacing=0.04, vertical_spacing=0.09)
    panels = ((real, "coloraxis"), (signs, "coloraxis2"), (scaled, "coloraxis"), (residual, "coloraxis"))
    for index, (weights, axis) in enumerate(panels):
        figure.add_trace(_map(weights, axis), row=index // 2 + 1, col=index % 2 + 1)
    figure.update_layout(
        coloraxis={
            "colorscale": style.signed_scale(dark),
            "cmin": -limit or -1.0,
            "cmax": limit or 1.0,
            "colorbar": {"orientation": "h", "thickness": 8, "len": 0.9, "y": -0.02, "yanchor": "top", "nticks": 5},
        },
        coloraxis2={"colorscale": style.two_tone(dark), "cmin": -1, "cmax": 1, "showscale": False},
    )
    style.finish(figure, height=560, dark=dark)
    figure.update_annotations(font_size=style.FONT_PX)
    _square_cells(figure, 4)
    return figure


def _square_cells(figure: go.Figure, panels: int) -> None:
    """Make every cell of all `panels` heat maps square, without axes and with row 0 on top."""
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, constrain="domain", autorange="reversed")
    for index in range(1, panels + 1):
        suffix = "" if index == 1 else str(index)
        figure.layout[f"yaxis{suffix}"].scaleanchor = f"x{suffix}"


def error_parabola(
    scales: np.ndarray,
    errors: np.ndarray,
    *,
    chosen: tuple[float, float],
    optimum: tuple[float, float],
    dark: bool = False,
) -> go.Figure:
    """Draw the error ‖W − αB‖² against α.

    Args:
        scales: α, (n,).
        errors: ‖W − αB‖² at each α, (n,).
        chosen: (α, error) of a chosen α, which is marked.
        optimum: (mean|W|, least error), which is marked.
        dark: For the dark theme.
    """
    mark = style.SCHEMES["bwn"].colour(dark)
    figure = go.Figure()
    figure.add_scatter(
        x=scales,
        y=errors,
        mode="lines",
        name="‖W − αB‖²",
        line={"color": style.ink(dark), "width": 2},
        hovertemplate="α = %{x:.4g}<br>‖W − αB‖² = %{y:.4g}<extra></extra>",
    )
    figure.add_scatter(
        x=[optimum[0], optimum[0]],
        y=[0, optimum[1]],
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        line={"color": style.muted(dark), "dash": "dot", "width": 1},
    )
    figure.add_scatter(
        x=[optimum[0]],
        y=[optimum[1]],
        mode="markers",
        name=f"optimum: α = mean|W| = {units.significant(optimum[0])}",
        marker={"symbol": "circle-open", "size": 18, "color": mark, "line": {"width": 2.5}},
        hovertemplate="optimum: α = %{x:.4g}, error %{y:.4g}<extra></extra>",
    )
    figure.add_scatter(
        x=[chosen[0]],
        y=[chosen[1]],
        mode="markers",
        name=f"yours: α = {units.significant(chosen[0])}",
        marker={"symbol": "triangle-up", "size": 12, "color": mark},
        hovertemplate="yours: α = %{x:.4g}, error %{y:.4g}<extra></extra>",
    )
    style.finish(figure, height=330, dark=dark, legend=True)
    figure.update_layout(margin_t=64)
    figure.update_xaxes(title="α", rangemode="tozero")
    figure.update_yaxes(title="‖W − αB‖²", rangemode="tozero")
    return figure


def weight_histogram(weights: np.ndarray, scale: float, *, dark: bool = False) -> go.Figure:
    """Draw the histogram of real weights, and the two values that α·sign(W) puts in their place.

    Args:
        weights: Real weights of any shape.
        scale: α.
        dark: For the dark theme.
    """
    flat = np.asarray(weights, dtype=np.float64).ravel()
    limit = float(np.abs(flat).max()) or 1.0
    counts, edges = np.histogram(flat, bins=_BINS, range=(-limit, limit))
    positive = float(np.mean(flat >= 0))
    real, binary = style.SCHEMES["float"], style.SCHEMES["bwn"]
    figure = go.Figure()
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=100 * counts / flat.size,
        width=np.diff(edges) * 0.92,
        name="W",
        marker={"color": real.colour(dark), "line": {"width": 0}},
        hovertemplate="W near %{x:.3g}: %{y:.3g} % of the weights<extra></extra>",
    )
    for index, (x, share) in enumerate(((-scale, 1 - positive), (scale, positive))):
        figure.add_scatter(
            x=[x, x],
            y=[0, 100 * share],
            mode="lines+markers",
            name="α·sign(W)",
            showlegend=index == 0,
            line={"color": binary.colour(dark), "width": 3},
            marker={"symbol": ["line-ew", binary.symbol], "size": [0, 12], "color": binary.colour(dark)},
            hovertemplate=f"{units.percent(share)} of the weights become {units.significant(x)}<extra></extra>",
        )
    style.finish(figure, height=290, dark=dark, legend=True)
    figure.update_xaxes(title="value of a weight")
    figure.update_yaxes(title="% of the weights", rangemode="tozero")
    return figure
