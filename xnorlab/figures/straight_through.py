"""Gradient estimators of the sign: what the forward pass computes, and the slope that the backward pass uses."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xnorlab.figures import style


def estimator_curves(
    x: np.ndarray,
    forward: np.ndarray,
    smooth: np.ndarray,
    slope: np.ndarray,
    *,
    clip_range: float | None,
    scattered: bool = False,
    dark: bool = False,
) -> go.Figure:
    """Draw the values of the forward pass, and below them the slope that the backward pass uses.

    Args:
        x: Inputs, (n,).
        forward: Values of the forward pass, (n,).
        smooth: The function whose true slope is `slope`, (n,); drawn dotted.
        slope: The slope that the backward pass uses, (n,).
        clip_range: |x| beyond which the slope is 0; None if it is 0 nowhere.
        scattered: Whether forward values are drawn as dots, for a sign that is random.
        dark: For the dark theme.
    """
    mark, ink, muted = style.SCHEMES["xnor"].colour(dark), style.ink(dark), style.muted(dark)
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.13,
        subplot_titles=("forward: sign(x), flat", "backward: ∂sign/∂x, as the estimator has it"),
    )
    figure.add_scatter(
        x=x,
        y=smooth,
        mode="lines",
        name="what the backward pass differentiates",
        row=1,
        col=1,
        line={"color": mark, "dash": "dot", "width": 2},
        hovertemplate="x = %{x:.3g}: %{y:.3g}<extra>differentiated</extra>",
    )
    look = {"mode": "markers", "marker": {"color": ink, "size": 5}} if scattered else {"mode": "lines"}
    figure.add_scatter(
        x=x,
        y=forward,
        name="what the forward pass computes",
        row=1,
        col=1,
        **look,
        line={"color": ink, "width": 2.5, "shape": "hv"},
        hovertemplate="x = %{x:.3g}: %{y:+.0f}<extra>forward</extra>",
    )
    figure.add_scatter(
        x=x,
        y=slope,
        mode="lines",
        name="the slope it uses",
        row=2,
        col=1,
        fill="tozeroy",
        line={"color": mark, "width": 2.5},
        fillcolor=_faint(mark),
        hovertemplate="x = %{x:.3g}: slope %{y:.3g}<extra>backward</extra>",
    )
    if clip_range is not None:
        for edge in (-clip_range, clip_range):
            figure.add_vline(x=edge, line={"color": muted, "width": 1, "dash": "dash"})
    style.finish(figure, height=460, dark=dark, legend=True)
    figure.update_layout(legend={"y": -0.17, "yanchor": "top"}, margin_t=34)
    figure.update_annotations(font_size=style.FONT_PX, x=0, xanchor="left")
    figure.update_xaxes(range=[float(x[0]), float(x[-1])], zeroline=True)
    figure.update_xaxes(title="x", row=2, col=1)
    figure.update_yaxes(range=[-1.6, 1.6], tickvals=[-1, 0, 1], ticktext=["−1", "0", "+1"], row=1, col=1)
    figure.update_yaxes(range=[-0.06 * slope.max(), 1.2 * max(1.0, slope.max())], row=2, col=1)
    return figure


def _faint(colour: str) -> str:
    """The colour #RRGGBB, nearly transparent."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
