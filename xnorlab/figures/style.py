"""One look for every figure: a colour and a mark a scheme, scales for weights and signs, transparent backgrounds.

Colours are for marks, not for text: each keeps a contrast of at least 3 : 1 with the background of its theme.
Red and green are left to errors. Figures take `dark=True` for the dark theme.
"""

from dataclasses import dataclass

import plotly.graph_objects as go


@dataclass(frozen=True)
class SchemeStyle:
    """How one scheme looks everywhere. `symbol` is plotly's marker, `glyph` the same mark as a character."""

    label: str
    short: str
    light: str
    dark: str
    symbol: str
    glyph: str

    def colour(self, dark: bool) -> str:
        """The mark's colour in the theme."""
        return self.dark if dark else self.light


SCHEMES = {
    "float": SchemeStyle("Full precision", "float", "#454545", "#737373", "circle", "●"),
    "binaryconnect": SchemeStyle("BinaryConnect", "BC", "#0A63BD", "#1282F3", "square", "■"),
    "bnn": SchemeStyle("BinaryNet (BNN)", "BNN", "#8A3700", "#C75000", "diamond", "◆"),
    "bwn": SchemeStyle("Binary-Weight (BWN)", "BWN", "#08A054", "#0CE97A", "triangle-up", "▲"),
    "xnor": SchemeStyle("XNOR-Net", "XNOR", "#DB57A4", "#F1BCDB", "star", "★"),
}
"""The paper's five systems, in the order in which they are always shown."""

VARIANTS = {
    "binaryconnect-stochastic": SchemeStyle(
        "BinaryConnect, stochastic", "BC stochastic", "#0A63BD", "#1282F3", "square-open", "□"
    ),
    "xnor-k": SchemeStyle("XNOR-Net with K", "XNOR + K", "#DB57A4", "#F1BCDB", "star-open", "☆"),
    "bireal": SchemeStyle("Bi-Real Net", "Bi-Real", "#00808A", "#2BC4D2", "pentagon", "⬟"),
    "reactnet": SchemeStyle("ReActNet", "ReActNet", "#6A3FC8", "#A98BF7", "hexagon", "⬢"),
}
"""Variants of the five, in their colour with an open mark, and later systems; shown behind the five."""


def look(scheme: str) -> SchemeStyle:
    """How any scheme looks; raises ValueError for an unknown one."""
    for known in (SCHEMES, VARIANTS):
        if scheme in known:
            return known[scheme]
    raise ValueError(f"scheme={scheme!r} is not one of {', '.join([*SCHEMES, *VARIANTS])}")


_POSITIVE, _NEGATIVE = "#C75000", "#0A63BD"
_MIDDLE = {False: "#F6F6F7", True: "#1B1D23"}
_NEGATIVE_DARK, _POSITIVE_DARK = "#4BA3FF", "#FF9A4D"

FONT_PX = 13


def signed_scale(dark: bool) -> list[list]:
    """Diverging colour scale for real weights, to be centred on zero: blue below, orange above."""
    low, high = (_NEGATIVE_DARK, _POSITIVE_DARK) if dark else (_NEGATIVE, _POSITIVE)
    return [[0.0, low], [0.5, _MIDDLE[dark]], [1.0, high]]


def two_tone(dark: bool) -> list[list]:
    """Two flat colours for signs: −1 in the blue and +1 in the orange of `signed_scale`."""
    low, high = (_NEGATIVE_DARK, _POSITIVE_DARK) if dark else (_NEGATIVE, _POSITIVE)
    return [[0.0, low], [0.5, low], [0.5, high], [1.0, high]]


def sequential_scale(dark: bool) -> list[list]:
    """Colour scale for magnitudes from zero up: from near the background to a strong violet, or a light one on dark."""
    low, middle, high = ("#1B1D23", "#6A5FE0", "#E4E1FF") if dark else ("#F6F6F7", "#9289E2", "#2C2386")
    return [[0.0, low], [0.5, middle], [1.0, high]]


def paper(dark: bool) -> str:
    """The page's background, for the labels that lie over marks."""
    return "#0F1218" if dark else "#FFFFFF"


def ink(dark: bool) -> str:
    """Lines and outlines that belong to no scheme."""
    return "#D5D7DD" if dark else "#2B2F3A"


def muted(dark: bool) -> str:
    """Guides: grid lines, ceilings, reference marks."""
    return "#8B8F9A" if dark else "#6B707C"


BELOW = {"yref": "container", "y": 0, "yanchor": "bottom"}
"""A legend under the axis' title, however many lines it takes on a narrow screen."""


def hatched(shape: str, colour: str | list[str]) -> dict:
    """The pattern of a bar: plotly's `shape` in `colour` on nothing, or a full bar for an empty shape."""
    return {"shape": shape, "fgcolor": colour, "bgcolor": "rgba(0,0,0,0)", "size": 6, "solidity": 0.35} if shape else {}


def finish(figure: go.Figure, *, height: int, dark: bool, legend: bool = False) -> go.Figure:
    """Apply the common layout to `figure` in place and return it: transparent, no title bar, even margins."""
    grid = "rgba(255,255,255,0.12)" if dark else "rgba(0,0,0,0.10)"
    figure.update_layout(
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
        font={"size": FONT_PX, "color": ink(dark)},
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None},
        hoverlabel={"font": {"size": FONT_PX}},
        bargap=0.35,
        dragmode=False,
    )
    figure.update_xaxes(gridcolor=grid, zerolinecolor=grid, linecolor=grid, automargin=True)
    figure.update_yaxes(gridcolor=grid, zerolinecolor=grid, linecolor=grid, automargin=True)
    return figure
