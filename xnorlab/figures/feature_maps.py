"""Figures of scaling factors: α of all filters, K over a photo, true and approximate feature maps, their agreement."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xnorlab import units
from xnorlab.figures import style


def filter_scales(scales: np.ndarray, *, chosen: int, dark: bool = False) -> go.Figure:
    """Draw α of all filters of a layer, one mark per filter; its customdata is the filter's number.

    The axis need not begin at zero, since the differences matter.

    Args:
        scales: α, (N,).
        chosen: Number of the filter that is outlined and named.
        dark: For the dark theme.
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
        cliponaxis=False,
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
    """Draw a photo, and beside it K stretched over the photo in grey.

    Args:
        photo: What the network saw, uint8 (H, W, 3).
        k: Input scales K ≥ 0, (OH, OW).
        dark: For the dark theme.
    """
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
    """Draw a filter's true feature map, its approximation and their difference; titles give each map's largest value.

    Args:
        real: The true map, (OH, OW).
        approximate: The approximate map, (OH, OW).
        one_scale: Whether all maps share one colour scale, which shows a wrong size; else each has its own, which shows
            the shape alone.
        dark: For the dark theme.
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
    """The agreement of one approximation with the true maps, over the filters of a layer.

    Attributes:
        cosines: Cosine of each filter, (N,).
        errors: Relative error of each filter, above 0, (N,).
    """

    cosines: np.ndarray
    errors: np.ndarray


def agreement_spread(spreads: Mapping[str, Spread], *, chosen: str, index: int, dark: bool = False) -> go.Figure:
    """Draw relative errors (logarithmic axis) and cosines of all filters of a layer, one box per approximation.

    Args:
        spreads: By label of an approximation, its agreement, in the order from top to bottom.
        chosen: Label of the approximation that is drawn in XNOR's colour; the others are grey.
        index: Number of the filter that is drawn as a mark.
        dark: For the dark theme.
    """
    look = style.SCHEMES["xnor"]
    figure = make_subplots(
        rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06, subplot_titles=("relative error", "cosine")
    )
    for column, part in enumerate(("errors", "cosines"), start=1):
        for label, spread in spreads.items():
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
    style.finish(figure, height=70 + 44 * len(spreads), dark=dark)
    figure.update_annotations(font_size=style.FONT_PX)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    errors = np.concatenate([np.asarray(spread.errors, dtype=np.float64) for spread in spreads.values()])
    # Errors within a decade or two would have one tick, or none, at powers of ten alone.
    steps = (1, 3) if errors.max() < 300 * errors.min() else (1,)
    ticks = [step * 10.0**d for d in range(-4, 5) for step in steps]
    figure.update_xaxes(
        type="log", tickvals=ticks, ticktext=[f"{100 * t:,.4g} %" for t in ticks], tickangle=0, row=1, col=1
    )
    return figure
