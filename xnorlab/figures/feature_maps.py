"""What scaling factors do to feature maps: α of every filter, K over a photo, true and approximate maps, agreement."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xnorlab import units
from xnorlab.figures import style


def filter_scales(scales: np.ndarray, *, chosen: int, dark: bool = False) -> go.Figure:
    """α of every filter of a layer, (N,), a mark each in the filters' order; the chosen one is outlined and named.

    A mark's customdata is its filter's number. The axis need not begin at zero: what matters is how α differs.
    """
    look = style.SCHEMES["bwn"]
    scales = np.asarray(scales, dtype=np.float64)
    index = np.arange(scales.size)
    figure = go.Figure()
    figure.add_scatter(
        x=index,
        y=scales,
        customdata=index,
        mode="markers",
        name="α",
        marker={"symbol": look.symbol, "size": 9, "color": look.colour(dark), "opacity": 0.8},
        hovertemplate="filter %{x}: α = %{y:.3g}<extra>click: binarize it</extra>",
    )
    figure.add_scatter(
        x=[chosen],
        y=[scales[chosen]],
        mode="markers",
        hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 18, "color": style.ink(dark), "line": {"width": 2}},
    )
    mean = float(scales.mean())
    figure.add_hline(y=mean, line={"color": style.muted(dark), "dash": "dot", "width": 1.5}, layer="below")
    label = {"bgcolor": style.paper(dark), "borderpad": 1, "font": {"size": style.FONT_PX}}
    figure.add_annotation(
        x=1, xref="paper", xanchor="right", y=mean, text=f"mean {units.significant(mean)}", showarrow=False, **label
    )
    figure.add_annotation(
        x=chosen,
        y=scales[chosen],
        text=f"filter {chosen}: {units.significant(scales[chosen])}",
        arrowhead=0,
        arrowcolor=style.ink(dark),
        standoff=9,
        ay=34,
        ax=0,
        xanchor="left" if chosen < scales.size / 2 else "right",
        **label,
    )
    style.finish(figure, height=260, dark=dark)
    figure.update_layout(margin_t=12)
    figure.update_xaxes(title="filter", showgrid=False, zeroline=False, range=[-2, scales.size + 1], fixedrange=True)
    figure.update_yaxes(title="α", fixedrange=True)
    return figure


def input_scale_over_photo(photo: np.ndarray, k: np.ndarray, *, dark: bool = False) -> go.Figure:
    """The photo as the network saw it, uint8 (H, W, 3), and beside it K, (OH, OW) ≥ 0, stretched over it in grey."""
    height, width = photo.shape[:2]
    grey = np.rint(photo @ [0.299, 0.587, 0.114]).astype(np.uint8)
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=("what the network saw", "K over it"), horizontal_spacing=0.03
    )
    figure.add_trace(go.Image(z=photo, hoverinfo="skip"), row=1, col=1)
    figure.add_trace(go.Image(z=np.repeat(grey[..., None], 3, axis=2), hoverinfo="skip"), row=1, col=2)
    rows, columns = k.shape
    figure.add_heatmap(
        z=k,
        x0=width / columns / 2 - 0.5,
        dx=width / columns,
        y0=height / rows / 2 - 0.5,
        dy=height / rows,
        opacity=0.72,
        coloraxis="coloraxis",
        customdata=np.moveaxis(np.indices(k.shape), 0, -1),
        row=1,
        col=2,
        hovertemplate="row %{customdata[0]}, column %{customdata[1]}: K = %{z:.3g}<extra></extra>",
    )
    figure.update_layout(
        coloraxis={
            "colorscale": style.sequential_scale(dark),
            "cmin": 0,
            "cmax": float(k.max()) or 1.0,
            "colorbar": {"orientation": "h", "thickness": 8, "len": 0.9, "y": -0.02, "yanchor": "top", "nticks": 5},
        }
    )
    style.finish(figure, height=310, dark=dark)
    figure.update_annotations(font_size=style.FONT_PX)
    figure.update_xaxes(visible=False, range=[-0.5, width - 0.5], constrain="domain")
    figure.update_yaxes(visible=False, range=[height - 0.5, -0.5], constrain="domain", constraintoward="top")
    for axis in ("", "2"):
        figure.layout[f"yaxis{axis}"].scaleanchor = f"x{axis}"
    return figure


def response_maps(
    real: np.ndarray, approximate: np.ndarray, *, one_scale: bool = True, dark: bool = False
) -> go.Figure:
    """A filter's true map, its approximation and their difference, each (OH, OW), blue below zero, orange above.

    one_scale: all three on one scale, so that a wrong size shows; else each on its own, so that only shape counts. The
    titles say how far each map reaches.
    """
    panels = {"true": real, "approximate": approximate, "difference": np.asarray(real) - approximate}
    reach = {name: float(np.abs(values).max()) or 1.0 for name, values in panels.items()}
    titles = [f"{name}<br>±{units.significant(reach[name])}" for name in panels]
    figure = make_subplots(rows=1, cols=3, subplot_titles=titles, horizontal_spacing=0.03)
    for index, (name, values) in enumerate(panels.items(), start=1):
        limit = max(reach.values()) if one_scale else reach[name]
        figure.add_heatmap(
            z=values,
            zmin=-limit,
            zmax=limit,
            colorscale=style.signed_scale(dark),
            showscale=False,
            row=1,
            col=index,
            name=name,
            hovertemplate="row %{y}, column %{x}: %{z:.3g}<extra>" + name + "</extra>",
        )
    style.finish(figure, height=230, dark=dark)
    figure.update_layout(margin_t=44)
    figure.update_annotations(font_size=style.FONT_PX)
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, constrain="domain", constraintoward="top", autorange="reversed")
    for axis in ("", "2", "3"):
        figure.layout[f"yaxis{axis}"].scaleanchor = f"x{axis}"
    return figure


@dataclass(frozen=True)
class Spread:
    """How one way to approximate does over the filters of a layer, (N,) each: cosines, and relative errors > 0."""

    cosines: np.ndarray
    errors: np.ndarray


def agreement_spread(ways: Mapping[str, Spread], *, chosen: str, index: int, dark: bool = False) -> go.Figure:
    """Relative errors (log axis) and cosines of all filters of a layer: a box a way, filter `index` as a mark.

    ways: label → Spread, in the order from top to bottom; `chosen` wears XNOR's colour, the others are grey.
    """
    look = style.SCHEMES["xnor"]
    figure = make_subplots(
        rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06, subplot_titles=("relative error", "cosine")
    )
    for column, part in enumerate(("errors", "cosines"), start=1):
        for label, spread in ways.items():
            values = np.asarray(getattr(spread, part), dtype=np.float64)
            colour = look.colour(dark) if label == chosen else style.muted(dark)
            figure.add_box(
                x=values,
                y=[label] * values.size,
                name=label,
                orientation="h",
                boxpoints=False,
                fillcolor="rgba(0,0,0,0)",
                line={"color": colour, "width": 2},
                hoverinfo="x",
                row=1,
                col=column,
            )
            figure.add_scatter(
                x=values[[index]],
                y=[label],
                mode="markers",
                name=f"filter {index}",
                row=1,
                col=column,
                marker={"symbol": look.symbol, "size": 11, "color": colour},
                hovertemplate=f"filter {index}: %{{x:.3g}}<extra>{label}</extra>",
            )
    style.finish(figure, height=70 + 44 * len(ways), dark=dark)
    figure.update_annotations(font_size=style.FONT_PX)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    ticks = [10.0**d for d in range(-4, 5)]
    figure.update_xaxes(
        type="log", tickvals=ticks, ticktext=[f"{100 * t:,.4g} %" for t in ticks], tickangle=0, row=1, col=1
    )
    return figure
