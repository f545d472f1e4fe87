"""Figures of the training of binary networks: curves of loss and accuracy, sign flips, latent weights."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from xnorlab import units
from xnorlab.figures import style

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Dashes of the layers of one network, which share its scheme's colour."""

MARKS_ON_A_LINE = 6
"""Marks of its scheme on a curve, by which it is known without its colour."""

MOST_IN_LEGEND = 6
"""Most layers that a legend names; those of a deeper network are named when the pointer is over them."""


@dataclass(frozen=True)
class Run:
    """The curves of one training run; each of the two may be empty.

    Attributes:
        scheme: Scheme, which sets the colour.
        label: Its name in the legend.
        x: Epochs or steps of `train`, (n,).
        train: Values on the training pictures, (n,).
        held_out_x: Epochs or steps of `held_out`, (m,).
        held_out: Values on held-out pictures, (m,).
        final: A value that was measured after the run, drawn at the last `x`; None if there is none.
        faint: Whether it is an earlier run, drawn faintly.
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
    """Draw loss or accuracy over training: solid lines for training pictures, dotted lines for held-out ones.

    Each line has the colour of its scheme and a few of its marks, so that variants, which share a colour, are told
    apart. Further runs of a scheme have a dot in their marks, or open marks.

    Args:
        runs: The runs.
        of: "loss", or "accuracy" for shares that are drawn in %.
        along: Title of the x axis, "epoch" or "step".
        at: An x that is marked; None for none.
        end: End of the x axis while a run is under way; None for finished runs.
        dark: For the dark theme.
    """
    percent = 100.0 if of == "accuracy" else 1.0
    unit = " %" if of == "accuracy" else ""
    figure, drawn = go.Figure(), Counter[str]()
    for run in runs:
        look, thin = style.look(run.scheme), run.faint
        symbol = _symbol_of_run(look.symbol, drawn[run.scheme])
        drawn[run.scheme] += 1
        colour, opacity = look.colour(dark), 0.5 if thin else 1.0
        for kind, x, y, dash in (
            ("training", run.x, run.train, "solid"),
            ("held-out", run.held_out_x, run.held_out, "dot"),
        ):
            if len(x):
                # Values that are recorded now and then get marks; a single value would be no line at all.
                sparse = len(x) == 1 or (kind == "held-out" and x[-1] - x[0] >= len(x))
                figure.add_scatter(
                    x=list(x),
                    y=[percent * v for v in y],
                    mode="lines+markers",
                    name=run.label,
                    legendgroup=run.label,
                    showlegend=kind == "training" or not len(run.x),
                    opacity=opacity,
                    line={"color": colour, "dash": dash, "width": 1.5 if thin else 2.5},
                    marker={
                        "color": colour,
                        "symbol": symbol,
                        "size": 7,
                        "maxdisplayed": 0 if sparse else MARKS_ON_A_LINE,
                        "line": {"width": 1.5, "color": colour},
                    },
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
    many = len(runs) > 3  # whose legend takes several lines
    style.finish(figure, height=340 if many else 300, dark=dark, legend=True)
    _mark_place(figure, at, dark)
    figure.update_layout(margin_t=58 if many else 36)
    figure.update_xaxes(title=along, range=None if end is None else [0, end])
    if of == "accuracy":
        # The axis is fixed while a run is under way; finished runs lie close together and fill it.
        figure.update_yaxes(title="accuracy, %", range=None if end is None else [0, 103])
    else:
        figure.update_yaxes(title="loss", rangemode="tozero")
    return figure


def _symbol_of_run(symbol: str, index: int) -> str:
    """The mark of run number `index`, from 0, of the scheme whose mark is `symbol`."""
    kinds = ("", "-dot") if symbol.endswith("-open") else ("", "-dot", "-open-dot", "-open")
    return symbol + kinds[index % len(kinds)]


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
    """Draw the share of each layer's signs that changed, in % per epoch or per window of steps.

    Args:
        x: Epochs or steps, (n,).
        flips: By layer, the shares from 0 to 1 at each x, (n,).
        scheme: Scheme, which sets the colour.
        chosen: The layer that is emphasised.
        along: Title of the x axis, "epoch" or "step".
        at: An x that is marked; None for none.
        end: End of the x axis while a run is under way; None for a finished run.
        dark: For the dark theme.
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
    """Draw the histogram of latent weights in the two colours of their signs, and the values ±scale that replace them.

    Args:
        edges: Edges of the bins, (bins + 1,).
        counts: Weights in each bin, (bins,).
        scheme: Scheme, which sets the colour of ±scale.
        scale: Factor of the signs; None for real weights.
        limit: End of the x axis on both sides; the outermost edge if None. A common limit makes epochs comparable.
        peak: Density (share of the weights over width of a bin) that sets the height of the y axis; the largest one of
            this histogram if None. A common peak makes epochs comparable.
        dark: For the dark theme.
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
    """Return the largest density of several histograms (edges, counts), for the `peak` of `latent_weights`."""
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


def _mark_place(figure: go.Figure, at: float | None, dark: bool) -> None:
    if at is not None:
        figure.add_vline(x=at, line={"color": style.muted(dark), "width": 1.5, "dash": "dash"})
