"""How binary networks learn: an estimator's two faces, curves over training, sign flips, latent weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xnorlab import units
from xnorlab.figures import style

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Layers of one network share its scheme's colour and differ by dash."""

MOST_IN_LEGEND = 6
"""Layers that a legend names; of a deeper network only the chosen one is told apart, the others by pointing at them."""


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
    """Above what the forward pass returns, below the slope that the backward pass uses; all (n,) over x.

    smooth: the function whose true slope this is, drawn dotted. clip_range: where the slope ends, None where it never
    does. scattered: draw forward values as dots, for a sign that is drawn at random.
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
        name="what the backward pass believes",
        row=1,
        col=1,
        line={"color": mark, "dash": "dot", "width": 2},
        hovertemplate="x = %{x:.3g}: %{y:.3g}<extra>believed</extra>",
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


@dataclass(frozen=True)
class Run:
    """The curve of one training run: x (n,) epochs or steps; train (n,) and held_out (m,) at held_out_x (m,).

    Either may be empty; `final` needs x.

    scheme: whose colour it wears. label: its name in the legend. final: a value measured after the run, at its end, or
    None. faint: an earlier run, behind the others.
    """

    scheme: str
    label: str
    x: Sequence[float]
    train: Sequence[float]
    held_out_x: Sequence[float]
    held_out: Sequence[float]
    final: float | None = None
    faint: bool = False


def training_curves(
    runs: Sequence[Run], *, of: str, along: str, at: float | None = None, end: float | None = None, dark: bool = False
) -> go.Figure:
    """Loss or accuracy over training: solid on the training pictures, dotted on held-out ones, marked where few.

    of: "loss", or "accuracy" with shares that are shown in %. along: the x axis' title, "epoch" or "step". at: an x to
    mark, end: where the x axis of runs under way ends.
    """
    percent = 100.0 if of == "accuracy" else 1.0
    unit = " %" if of == "accuracy" else ""
    figure = go.Figure()
    for run in runs:
        look, thin = style.look(run.scheme), run.faint
        colour, opacity = look.colour(dark), 0.5 if thin else 1.0
        for kind, x, y, dash in (
            ("training", run.x, run.train, "solid"),
            ("held-out", run.held_out_x, run.held_out, "dot"),
        ):
            if len(x):
                # What is recorded now and then is marked where it was; a single value would be no line at all.
                sparse = len(x) == 1 or (kind == "held-out" and x[-1] - x[0] >= len(x))
                figure.add_scatter(
                    x=list(x),
                    y=[percent * v for v in y],
                    mode="lines+markers" if sparse else "lines",
                    name=f"{look.glyph} {run.label}",
                    legendgroup=run.label,
                    showlegend=kind == "training" or not len(run.x),
                    opacity=opacity,
                    line={"color": colour, "dash": dash, "width": 1.5 if thin else 2.5},
                    marker={"color": colour, "size": 5},
                    hovertemplate=f"{along} %{{x}}: %{{y:.3g}}{unit}<extra>{run.label}, {kind}</extra>",
                )
        if run.final is not None:
            figure.add_scatter(
                x=[run.x[-1]],
                y=[percent * run.final],
                mode="markers",
                showlegend=False,
                legendgroup=run.label,
                marker={"symbol": look.symbol, "size": 11, "color": colour},
                cliponaxis=False,
                opacity=opacity,
                hovertemplate=f"%{{y:.3g}}{unit}<extra>{run.label}, whole validation set</extra>",
            )
    style.finish(figure, height=300, dark=dark, legend=True)
    _mark_place(figure, at, dark)
    figure.update_layout(margin_t=58 if len(runs) > 3 else 36)
    figure.update_xaxes(title=along, range=None if end is None else [0, end])
    if of == "accuracy":
        # While a run is watched the axis stands still; finished runs lie close together and fill it.
        figure.update_yaxes(title="accuracy, %", range=None if end is None else [0, 103])
    else:
        figure.update_yaxes(title="loss", rangemode="tozero")
    return figure


def sign_flips(
    x: Sequence[float],
    flips: Mapping[str, Sequence[float]],
    *,
    scheme: str,
    chosen: str,
    along: str,
    at: float | None = None,
    end: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Share of each layer's signs that changed, in % per epoch or per window of steps; the chosen layer stands out.

    flips: layer → (n,) shares 0 to 1 at each x.
    """
    colour = style.look(scheme).colour(dark)
    figure = go.Figure()
    for index, (layer, shares) in enumerate(flips.items()):
        figure.add_scatter(
            x=list(x),
            y=[100 * share for share in shares],
            mode="lines" if len(x) > 1 else "markers",
            name=layer,
            opacity=1.0 if layer == chosen else 0.55,
            marker={"color": colour, "size": 9 if layer == chosen else 5},
            line={"color": colour, "dash": DASHES[index % len(DASHES)], "width": 3 if layer == chosen else 1.5},
            hovertemplate=f"{along} %{{x}}: %{{y:.3g}} % of the signs flipped<extra>{layer}</extra>",
        )
    style.finish(figure, height=300, dark=dark, legend=len(flips) <= MOST_IN_LEGEND)
    _mark_place(figure, at, dark)
    figure.update_layout(margin_t=36)
    figure.update_xaxes(title=along, range=None if end is None else [0, end])
    figure.update_yaxes(title="signs flipped, %", rangemode="tozero")
    return figure


def latent_weights(
    edges: np.ndarray,
    counts: np.ndarray,
    *,
    scheme: str,
    scale: float | None,
    limit: float | None = None,
    peak: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Histogram of latent weights in the two colours of their signs, and where ±scale puts them.

    edges (bins + 1,), counts (bins,). scale: what the signs are multiplied by, None for real weights. limit: half the
    x axis, peak: the height of the y axis (as a share of the weights divided by the width of a bin), so that one
    epoch's picture compares with the next one's.
    """
    widths, total = np.diff(edges), max(1, int(counts.sum()))
    density = counts / total / widths
    middles = (edges[:-1] + edges[1:]) / 2
    tones = style.two_tone(dark)
    real = style.look(scheme).colour(dark)
    colours = [real if scale is None else tones[0][1] if middle < 0 else tones[-1][1] for middle in middles]
    figure = go.Figure()
    figure.add_bar(
        x=middles,
        y=density,
        width=widths * 0.92,
        marker={"color": colours, "line": {"width": 0}},
        customdata=100 * counts / total,
        hovertemplate="W near %{x:.3g}: %{customdata:.3g} %<extra></extra>",
    )
    limit = float(np.abs(edges).max()) if limit is None else limit
    top = 1.32 * (float(density.max()) if peak is None else peak)
    figure.add_vline(x=0, line={"color": style.muted(dark), "width": 1.5})
    if scale is not None:
        positive = float(counts[middles > 0].sum()) / total
        _spikes(figure, scale, positive, limit=limit, top=top, colour=real, dark=dark)
    style.finish(figure, height=300, dark=dark)
    figure.update_layout(margin_t=14)
    figure.update_xaxes(title="latent weight W", range=[-1.08 * limit, 1.08 * limit], zeroline=False)
    figure.update_yaxes(title="share of the weights", showticklabels=False, range=[0, top])
    return figure


def density_peak(histograms: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The tallest bar of several histograms (edges, counts), as `latent_weights` draws them: its `peak`."""
    return max(float((counts / max(1, counts.sum()) / np.diff(edges)).max()) for edges, counts in histograms)


def _spikes(
    figure: go.Figure, scale: float, positive: float, *, limit: float, top: float, colour: str, dark: bool
) -> None:
    for side, share in ((-1, 1 - positive), (1, positive)):
        value = f"{'−' if side < 0 else '+'}{units.significant(scale)}"
        beyond = scale > limit
        place = side * (limit if beyond else scale)
        if not beyond:
            figure.add_scatter(
                x=[place, place],
                y=[0, 0.86 * top],
                mode="lines",
                line={"color": colour, "width": 3},
                hovertemplate=f"{units.percent(share)} become {value}<extra></extra>",
                showlegend=False,
            )
        arrow = ("← " if side < 0 else "") if beyond else ""
        end = " →" if beyond and side > 0 else ""
        figure.add_annotation(
            x=place,
            y=0.99 * top,
            text=f"{arrow}{units.percent(share)}<br>become {value}{end}",
            showarrow=False,
            yanchor="top",
            xanchor="left" if (side > 0) != beyond else "right",
            xshift=0 if beyond else 6 * side,
            font={"size": style.FONT_PX - 1, "color": style.ink(dark)},
        )


def _faint(colour: str) -> str:
    """A colour #RRGGBB, nearly transparent."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def _mark_place(figure: go.Figure, at: float | None, dark: bool) -> None:
    if at is not None:
        figure.add_vline(x=at, line={"color": style.muted(dark), "width": 1.5, "dash": "dash"})
