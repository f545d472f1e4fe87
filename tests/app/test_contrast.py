"""Colours keep WCAG's contrast in both themes: 4.5 : 1 for text, 3 : 1 for the marks of charts.

What a browser makes of them, text by text, is checked in tests/e2e/test_every_page.py.
"""

import re
import tomllib

import pytest
from app_pages import APP

from xnorlab.figures import performance, style

THEMES = tomllib.loads((APP / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
BOTH = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def luminance(colour: str) -> float:
    """Relative luminance of "#RRGGBB", 0..1 (WCAG 2.2)."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def theme(dark: bool) -> dict[str, str]:
    return THEMES["dark" if dark else "light"]


def test_the_ratio_is_that_of_the_standard():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@BOTH
def test_text_on_every_background(dark):
    colours = theme(dark)
    for background in (colours["backgroundColor"], colours["secondaryBackgroundColor"]):
        for text in (colours["textColor"], style.ink(dark), style.muted(dark), colours["primaryColor"]):
            assert contrast(text, background) >= 4.5, (text, background)


@BOTH
def test_marks_of_schemes_and_contenders(dark):
    looks = [*style.SCHEMES.values(), *style.VARIANTS.values(), *performance.CONTENDERS.values()]
    low, high = style.two_tone(dark)[0][1], style.two_tone(dark)[-1][1]
    for mark in (*(look.colour(dark) for look in looks), low, high):
        assert contrast(mark, theme(dark)["backgroundColor"]) >= 3, mark


@BOTH
def test_text_colours_of_the_style_sheets(dark):
    sheets = "".join((APP / "shared" / name).read_text("utf-8") for name in ("style.css", "cards.css"))
    pairs = re.findall(r"(?:color|fill): light-dark\((#\w{6}), (#\w{6})\)", sheets)
    assert len(pairs) >= 5
    for pair in pairs:
        text = pair[dark]
        on_button = text in ("#FFFFFF", "#0F1218")
        assert contrast(text, theme(dark)["primaryColor" if on_button else "backgroundColor"]) >= 4.5, text


@BOTH
def test_neighbouring_schemes_are_told_apart_by_more_than_colour(dark):
    looks = list(style.SCHEMES.values())
    assert len({look.symbol for look in looks}) == len({look.glyph for look in looks}) == len(looks)
    assert len({look.colour(dark) for look in looks}) == len(looks)
