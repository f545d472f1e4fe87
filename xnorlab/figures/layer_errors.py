"""The error of approximate convolutions, layer by layer of a network."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from xnorlab import units
from xnorlab.figures import style

_SYMBOLS = ("circle-open", "triangle-up-open", "diamond-open", "square-open", "x-open", "cross-open")


def layer_errors(
    layers: Sequence[str], errors: Mapping[str, Sequence[float]], *, chosen: str, title: str, dark: bool = False
) -> go.Figure:
    """Draw the errors of several approximations, one row per layer and one kind of mark per approximation.

    Args:
        layers: Names, from top to bottom.
        errors: By label of an approximation, at most six: the error of each layer as a share, (layers,).
        chosen: Label of the approximation that is drawn full and in XNOR's colour; the others are open and grey.
        title: Title of the axis of errors.
        dark: For the dark theme.

    Raises:
        ValueError: There are more than six approximations, or one has another number of errors than there are layers.
    """
    if len(errors) > len(_SYMBOLS):
        raise ValueError(f"errors has {len(errors)} approximations; the most are {len(_SYMBOLS)}")
    figure = go.Figure()
    for symbol, (label, shares) in zip(_SYMBOLS, errors.items(), strict=False):
        if len(shares) != len(layers):
            raise ValueError(f"errors[{label!r}] has {len(shares)} values; layers has {len(layers)}")
        own, look = label == chosen, style.SCHEMES["xnor"]
        colour = look.colour(dark) if own else style.muted(dark)
        figure.add_scatter(
            x=[100 * share for share in shares],
            y=list(layers),
            customdata=[units.percent(share) for share in shares],
            mode="markers",
            name=label,
            marker={
                "symbol": look.symbol if own else symbol,
                "size": 13 if own else 10,
                "color": colour,
                "line": {"width": 2, "color": colour},
            },
            hovertemplate="%{y}: %{customdata}<extra>" + label + "</extra>",
        )
    style.finish(figure, height=120 + 44 * len(layers), dark=dark, legend=True)
    figure.update_layout(margin_t=48)
    figure.update_xaxes(title=title, rangemode="tozero", ticksuffix=" %")
    figure.update_yaxes(autorange="reversed")
    return figure
