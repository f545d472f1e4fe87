"""Cards of the schemes side by side, as HTML."""

import html
from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from shared import theme
from xnorlab.figures import style

_CSS = f"<style>{Path(__file__).with_name('cards.css').read_text('utf-8')}</style>"


def show(cards: Iterable[str]) -> None:
    """Draw cards side by side, aligned, in as many columns as fit.

    Args:
        cards: HTML, each by `card`.
    """
    st.html(deck(cards))


def deck(cards: Iterable[str]) -> str:
    """The HTML of cards side by side, with their style sheet; cards: each by `card`."""
    return f"<div class='xl-cards'>{_CSS}<div class='xl-deck'>{''.join(cards)}</div></div>"


def card(scheme: str, body: str, footnotes: Iterable[str] | None = None) -> str:
    """The HTML of one card.

    Args:
        scheme: Whose card it is; its mark and name are the heading.
        body: HTML.
        footnotes: HTML lines, such as those by `footnote`; None leaves the foot of the card out.
    """
    look = style.look(scheme)
    foot = "" if footnotes is None else f"<div class='xl-foot'>{'<br>'.join(footnotes)}</div>"
    return (
        f"<article class='xl-card' data-scheme='{scheme}'><h3><span class='xl-glyph' aria-hidden='true' "
        f"style='color:{theme.scheme_colour(scheme)}'>{look.glyph}</span>{look.label}</h3>{body}{foot}</article>"
    )


def footnote(number: str, text: str) -> str:
    """The HTML of a footnote: `number` in bold, `text`, what it is and where it comes from, in a lighter tone."""
    return f"<b class='xl-number'>{html.escape(number)}</b> <span class='xl-dim'>{html.escape(text)}</span>"


def bar(scheme: str, share: float) -> str:
    """The HTML of a bar in the scheme's colour that fills `share`, 0 to 1, of its element."""
    return f"<span class='xl-fill' style='width:{100 * share:.2f}%;background:{theme.scheme_colour(scheme)}'></span>"
