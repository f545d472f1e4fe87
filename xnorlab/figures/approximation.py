"""A real filter and its binary approximation: the maps, the parabola of α, the histogram, the five schemes."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xnorlab.figures import style, units

_CELLS_WITH_NUMBERS = 49
"""Up to this many cells (a 7×7 slice) a map prints its values."""


def mosaic(weights: np.ndarray) -> np.ndarray:
    """Lay the channels of a filter side by side: (C, kh, kw) → a picture with one empty (NaN) line between tiles.

    The grid is as wide as it is high in pixels, to within a tile; unused places of the last row are NaN.
    """
    channels, kh, kw = weights.shape
    columns = max(1, math.ceil(math.sqrt(channels * (kh + 1) / (kw + 1))))
    rows = math.ceil(channels / columns)
    picture = np.full((rows * (kh + 1) - 1, columns * (kw + 1) - 1), np.nan)
    for c in range(channels):
        y, x = (c // columns) * (kh + 1), (c % columns) * (kw + 1)
        picture[y : y + kh, x : x + kw] = weights[c]
    return picture


def _hover(weights: np.ndarray) -> np.ndarray:
    """Text of every cell of `mosaic(weights)`: which channel, row and column, and the value."""
    channels, kh, kw = weights.shape
    columns = max(1, math.ceil(math.sqrt(channels * (kh + 1) / (kw + 1))))
    rows = math.ceil(channels / columns)
    text = np.full((rows * (kh + 1) - 1, columns * (kw + 1) - 1), "", dtype=object)
    for c in range(channels):
        for i in range(kh):
            for j in range(kw):
                y, x = (c // columns) * (kh + 1) + i, (c % columns) * (kw + 1) + j
                text[y, x] = f"channel {c}, row {i}, column {j}: {units.significant(float(weights[c, i, j]))}"
    return text


def _map(weights: np.ndarray, coloraxis: str) -> go.Heatmap:
    picture = mosaic(weights)
    numbers = weights.size <= _CELLS_WITH_NUMBERS
    text = [["" if np.isnan(v) else units.significant(float(v)) for v in row] for row in picture]
    return go.Heatmap(
        z=picture,
        text=text if numbers else None,
        texttemplate="%{text}" if numbers else None,
        hovertext=_hover(weights),
        hoverinfo="text",
        coloraxis=coloraxis,
        xgap=1 if weights.size <= 400 else 0,
        ygap=1 if weights.size <= 400 else 0,
    )


def filter_maps(
    real: np.ndarray, signs: np.ndarray, scaled: np.ndarray, residual: np.ndarray, *, dark: bool = False
) -> go.Figure:
    """W, sign(W), α·sign(W) and W − α·sign(W) of one filter, each (C, kh, kw).

    W, α·sign(W) and the residual share one scale that is symmetric about zero; sign(W) is ±1 and drawn in two tones.
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
    """Make every cell of `panels` heat maps square, with no axes and row 0 on top."""
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
    """‖W − αB‖² against α, with the chosen (α, error) and the optimum (mean|W|, least error) marked."""
    mark = style.SCHEMES["bwn"].colour(dark)
    figure = go.Figure()
    figure.add_scatter(
        x=scales, y=errors, mode="lines", name="‖W − αB‖²", line={"color": style.ink(dark), "width": 2},
        hovertemplate="α = %{x:.4g}<br>‖W − αB‖² = %{y:.4g}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[optimum[0], optimum[0]], y=[0, optimum[1]], mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": style.muted(dark), "dash": "dot", "width": 1},
    )  # fmt: skip
    figure.add_scatter(
        x=[optimum[0]], y=[optimum[1]], mode="markers", name=f"optimum: α = mean|W| = {units.significant(optimum[0])}",
        marker={"symbol": "circle-open", "size": 18, "color": mark, "line": {"width": 2.5}},
        hovertemplate="optimum: α = %{x:.4g}, error %{y:.4g}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[chosen[0]], y=[chosen[1]], mode="markers", name=f"yours: α = {units.significant(chosen[0])}",
        marker={"symbol": "triangle-up", "size": 12, "color": mark},
        hovertemplate="yours: α = %{x:.4g}, error %{y:.4g}<extra></extra>",
    )  # fmt: skip
    style.finish(figure, height=330, dark=dark, legend=True)
    figure.update_layout(margin_t=64)
    figure.update_xaxes(title="α", rangemode="tozero")
    figure.update_yaxes(title="‖W − αB‖²", rangemode="tozero")
    return figure


def weight_histogram(weights: np.ndarray, scale: float, *, bins: int = 31, dark: bool = False) -> go.Figure:
    """Shares of the real weights (any shape) in `bins` equal bins, and the two spikes of α·sign(W) in their place."""
    flat = np.asarray(weights, dtype=np.float64).ravel()
    limit = float(np.abs(flat).max()) or 1.0
    counts, edges = np.histogram(flat, bins=bins, range=(-limit, limit))
    positive = float(np.mean(flat >= 0))
    real, binary = style.SCHEMES["float"], style.SCHEMES["bwn"]
    figure = go.Figure()
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2, y=100 * counts / flat.size, width=np.diff(edges) * 0.92,
        name=f"{real.glyph} W", marker={"color": real.colour(dark), "line": {"width": 0}},
        hovertemplate="W near %{x:.3g}: %{y:.3g} % of the weights<extra></extra>",
    )  # fmt: skip
    for index, (x, share) in enumerate(((-scale, 1 - positive), (scale, positive))):
        figure.add_scatter(
            x=[x, x], y=[0, 100 * share], mode="lines+markers", name=f"{binary.glyph} α·sign(W)",
            showlegend=index == 0, line={"color": binary.colour(dark), "width": 3},
            marker={"symbol": ["line-ew", binary.symbol], "size": [0, 12], "color": binary.colour(dark)},
            hovertemplate=f"{units.percent(share)} of the weights become {units.significant(x)}<extra></extra>",
        )  # fmt: skip
    style.finish(figure, height=290, dark=dark, legend=True)
    figure.update_xaxes(title="value of a weight")
    figure.update_yaxes(title="% of the weights", rangemode="tozero")
    return figure


def scheme_strip(
    filters: Mapping[str, np.ndarray],
    responses: Mapping[str, np.ndarray],
    captions: Sequence[str],
    *,
    dark: bool = False,
) -> go.Figure:
    """One filter under several schemes: its picture above, what it answers to the same photo below.

    filters: scheme → (kh, kw); responses: scheme → (H, W). Every panel has its own scale, symmetric about zero,
    so that shapes can be compared where magnitudes cannot; `captions`, one a scheme, stand under the panels.
    """
    names = list(filters)
    if list(responses) != names or len(captions) != len(names):
        raise ValueError(f"responses={list(responses)} and {len(captions)} captions must match filters={names}")
    figure = make_subplots(
        rows=2, cols=len(names), vertical_spacing=0.03, horizontal_spacing=0.02, row_heights=[0.5, 0.5]
    )
    for column, name in enumerate(names, start=1):
        for row, picture in ((1, filters[name]), (2, responses[name])):
            limit = float(np.abs(picture).max()) or 1.0
            two_valued = np.unique(np.abs(picture)).size == 1
            figure.add_trace(
                go.Heatmap(
                    z=picture, zmin=-limit, zmax=limit, showscale=False, hoverinfo="skip",
                    colorscale=style.two_tone(dark) if two_valued else style.signed_scale(dark),
                ),
                row=row, col=column,
            )  # fmt: skip
    style.finish(figure, height=420, dark=dark)
    _square_cells(figure, 2 * len(names))
    for column, (name, caption) in enumerate(zip(names, captions, strict=True)):
        x = (column + 0.5) / len(names)
        figure.add_annotation(
            x=x, y=1.0, xref="paper", yref="paper", yanchor="bottom", showarrow=False,
            text=f"<b>{style.SCHEMES[name].short}</b>",
        )  # fmt: skip
        figure.add_annotation(
            x=x, y=0.0, xref="paper", yref="paper", yanchor="top", showarrow=False, text=caption,
        )  # fmt: skip
    figure.update_layout(margin_b=56)
    return figure
