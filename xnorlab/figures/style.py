"""The common look of all figures: one colour and mark per scheme, colour scales, transparent backgrounds.

Colours are for marks, not for text: each keeps a contrast of at least 3 : 1 with the background of its theme.
Red and green are reserved for errors. Figures take `dark=True` for the dark theme.
"""

from dataclasses import dataclass

import plotly.graph_objects as go

from xnorlab.suggestions import unknown


@dataclass(frozen=True)
class Mark:
    """The look of the marks for one thing in all figures.

    Attributes:
        label: Its name in legends.
        light: Colour in the light theme, "#RRGGBB".
        dark: Colour in the dark theme, "#RRGGBB".
        symbol: Plotly's marker symbol.
    """

    label: str
    light: str
    dark: str
    symbol: str

    def colour(self, dark: bool) -> str:
        """Return the colour in the dark or the light theme."""
        return self.dark if dark else self.light


@dataclass(frozen=True)
class SchemeStyle(Mark):
    """The look of one scheme.

    Attributes:
        short: A short name.
        glyph: The marker symbol as a character.
    """

    short: str
    glyph: str


SCHEMES = {
    "float": SchemeStyle("Full precision", "#454545", "#737373", "circle", "float", "●"),
    "binaryconnect": SchemeStyle("BinaryConnect", "#0A63BD", "#1282F3", "square", "BC", "■"),
    "bnn": SchemeStyle("BinaryNet (BNN)", "#8A3700", "#C75000", "diamond", "BNN", "◆"),
    "bwn": SchemeStyle("Binary-Weight (BWN)", "#08A054", "#0CE97A", "triangle-up", "BWN", "▲"),
    "xnor": SchemeStyle("XNOR-Net", "#DB57A4", "#F1BCDB", "star", "XNOR", "★"),
}
"""The paper's five systems, in the order in which they are always drawn."""

VARIANTS = {
    "binaryconnect-stochastic": SchemeStyle(
        "BinaryConnect, stochastic", "#0A63BD", "#1282F3", "square-open", "BC stochastic", "□"
    ),
    "xnor-k": SchemeStyle("XNOR-Net with K", "#DB57A4", "#F1BCDB", "star-open", "XNOR + K", "☆"),
    "bireal": SchemeStyle("Bi-Real Net", "#00808A", "#2BC4D2", "pentagon", "Bi-Real", "⬟"),
    "reactnet": SchemeStyle("ReActNet", "#6A3FC8", "#A98BF7", "hexagon", "ReActNet", "⬢"),
    "ternary": SchemeStyle("Ternary weights (b1.58)", "#7A6A00", "#D8BE3C", "triangle-down", "Ternary", "▼"),
    "ternary-twn": SchemeStyle("Ternary weights (TWN)", "#7A6A00", "#D8BE3C", "triangle-down-open", "TWN", "▽"),
}
"""Variants of the five, in their colour with an open mark, and later systems; drawn after the five."""

INT8 = SchemeStyle("int8", "#3D5A80", "#9FB8D9", "cross", "int8", "✚")
"""Networks rounded to eight bits, which other engines run."""

HOLLOW_INT8 = "✛"
"""The glyph of INT8's open symbol."""

YOURS = {"yours": SchemeStyle("Yours", "#3F5A73", "#8FB3D4", "x", "yours", "✖")}
"""A reader's own network, whose scheme nobody has told."""


def look(scheme: str) -> SchemeStyle:
    """Return the look of a scheme.

    Raises:
        ValueError: `scheme` is unknown.
    """
    for known in (SCHEMES, VARIANTS, YOURS):
        if scheme in known:
            return known[scheme]
    raise ValueError(unknown("scheme", scheme, [*SCHEMES, *VARIANTS]))


_POSITIVE, _NEGATIVE = "#C75000", "#0A63BD"
_MIDDLE = {False: "#F6F6F7", True: "#1B1D23"}
_NEGATIVE_DARK, _POSITIVE_DARK = "#4BA3FF", "#FF9A4D"

FONT_PX = 13
"""Size of all text in pixels."""


def signed_scale(dark: bool) -> list[list]:
    """Diverging colour scale for real values, to be centred on zero: blue below, orange above."""
    low, high = (_NEGATIVE_DARK, _POSITIVE_DARK) if dark else (_NEGATIVE, _POSITIVE)
    return [[0.0, low], [0.5, _MIDDLE[dark]], [1.0, high]]


def two_tone(dark: bool) -> list[list]:
    """Colour scale of two flat colours for signs: −1 in the blue and +1 in the orange of `signed_scale`."""
    low, high = (_NEGATIVE_DARK, _POSITIVE_DARK) if dark else (_NEGATIVE, _POSITIVE)
    return [[0.0, low], [0.5, low], [0.5, high], [1.0, high]]


def sequential_scale(dark: bool) -> list[list]:
    """Colour scale for magnitudes from zero up: from near the background to a strong violet, or a light one on dark."""
    low, middle, high = ("#1B1D23", "#6A5FE0", "#E4E1FF") if dark else ("#F6F6F7", "#9289E2", "#2C2386")
    return [[0.0, low], [0.5, middle], [1.0, high]]


def paper(dark: bool) -> str:
    """Colour of the page's background, for labels that are drawn over marks."""
    return "#0F1218" if dark else "#FFFFFF"


def ink(dark: bool) -> str:
    """Colour of lines and outlines that belong to no scheme."""
    return "#D5D7DD" if dark else "#2B2F3A"


def muted(dark: bool) -> str:
    """Colour of guides: grid lines, ceilings, reference marks."""
    return "#8B8F9A" if dark else "#6B707C"


BELOW = {"yref": "container", "y": 0, "yanchor": "bottom"}
"""The position of a legend below the axis' title, also if it takes several lines on a narrow screen."""


def hatched(shape: str, colour: str | list[str]) -> dict:
    """The pattern of a bar: plotly's `shape` in `colour` without background; a solid bar for an empty shape."""
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
