"""Parts that the pages share: the style sheet, a chart with its description and data, cards of the schemes."""

import base64
import html
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator
from views.classify.classifications import Answer

from xnorlab import units
from xnorlab.figures import pictures, style

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

NOISY = 0.10  # quartile range over median
MAX_TABLE_ROWS = 24
"""Longer tables scroll in a grid of their own; shorter ones are plain HTML tables."""

_FOLDER = Path(__file__).parent
_CSS, _CARDS_CSS = (f"<style>{(_FOLDER / name).read_text('utf-8')}</style>" for name in ("style.css", "cards.css"))


def dark() -> bool:
    """Whether the visitor's theme is dark."""
    return st.context.theme.type == "dark"


def style_sheet() -> None:
    """The few rules that Streamlit's own theme does not cover; once a run. They take no room, and may come late."""
    st.html(_CSS)


def plain(text: str) -> str:
    """`text` (a file name, a message) so that Markdown shows it letter for letter."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~$<>:&^=])", r"\\\1", text)


def sentence(text: str) -> str:
    """The same, but for commands in backticks, which stay code."""
    return "".join(part if part.startswith("`") else plain(part) for part in re.split("(`[^`]+`)", text))


def with_code(text: str) -> str:
    """`text` as HTML, commands in backticks set as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def cannot_use(problem: Exception, advice: str = "") -> None:
    """Say why a network cannot be used, and what to do."""
    st.warning("\n\n".join(filter(None, (sentence(str(problem)), advice))), icon=":material/inventory_2:")


def no_time(place: DeltaGenerator, problem: Exception) -> None:
    """Say in `place`, instead of the progress shown there, why a measurement gave no time."""
    place.error(f"No time is shown: {sentence(str(problem))}", icon=":material/report:")


def not_timed(reasons: Mapping[str, str]) -> None:
    """Name who took part in a measurement and got no time; reasons: what should have run → why it has none."""
    for who, why in reasons.items():
        st.warning(f"{plain(who)} was not timed: {sentence(why)}.", icon=":material/report:")


def noisy(spreads: Mapping[str, float]) -> None:
    """Warn where the runs of a measurement lie far apart; spreads: what ran → its quartile range over its median."""
    worst = max(spreads, key=lambda name: spreads[name])
    if spreads[worst] > NOISY:
        st.warning(
            f"A noisy machine: the middle half of the runs of {worst} spans {units.percent(spreads[worst])} of their "
            f"median, more than {units.percent(NOISY)}. Close other programs and run again.",
            icon=":material/graphic_eq:",
        )


def label(text: str, longest: int = 28) -> str:
    """`text` for a button: its middle left out where it is long, and shown letter for letter."""
    return plain(text if len(text) <= longest else f"{text[: longest // 2]}…{text[-longest // 2 + 1 :]}")


def png(pixels: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3), pixel for pixel, as a data address."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def pairs(count: int, *, border: bool = False) -> list[DeltaGenerator]:
    """Columns that stand two by two on a phone and all in a row on a desk; `count` is even."""
    return [half for whole in st.columns(count // 2) for half in whole.columns(2, wrap=False, border=border)]


def chart(figure: "Figure", *, alt: str, table: Mapping[str, Iterable], key: str, clickable: bool = False) -> list[Any]:
    """`figure` with a description for those who do not see it, and its numbers as a table below.

    Returns the customdata of the marks that were clicked, where it is clickable; else nothing.
    """
    options: dict[str, Any] = {"on_select": "rerun", "selection_mode": "points"} if clickable else {}
    event = st.plotly_chart(figure, width="stretch", alt=alt, key=key, config={"displayModeBar": False}, **options)
    numbers(table, key=key)
    return [point["customdata"] for point in event["selection"]["points"]] if clickable else []


def legend(schemes: Iterable[str], notes: Iterable[str] = ()) -> None:
    """The marks of `schemes` in a line that wraps, where a chart's own legend would leave no room on a phone."""
    marks = [
        f"<span><span style='color:{_mark_colour(s)}' aria-hidden='true'>{style.look(s).glyph}</span> "
        f"{style.look(s).label}</span>"
        for s in schemes
    ]
    words = [f"<span class='xl-dim'>{html.escape(note)}</span>" for note in notes]
    st.html(f"<div class='xl-legend'>{''.join([*marks, *words])}</div>")


def newly_clicked(key: str) -> Any | None:
    """The customdata of the mark of the clickable chart `key` that was clicked since the last run; None without one.

    It is known before the chart is drawn. A mark stays clicked for as long as the chart is on show, so that the click
    must be told from the one that the last run saw.
    """
    event = st.session_state.get(key)
    marks = [] if event is None else [point["customdata"] for point in event["selection"]["points"]]
    before = st.session_state.get(f"clicked: {key}")
    st.session_state[f"clicked: {key}"] = marks
    return marks[0] if marks and marks != before else None


def numbers(table: Mapping[str, Iterable], *, key: str) -> None:
    """A table, folded away, for what stands above it as a picture."""
    columns = {name: list(values) for name, values in table.items()}
    with st.expander("The numbers", key=f"{key}-numbers", type="compact"):
        if len(next(iter(columns.values()))) <= MAX_TABLE_ROWS:
            st.table(columns, border="horizontal", hide_index=True)
        else:
            st.dataframe(columns, hide_index=True, height=320)


def listed(title: str, names: Iterable[str]) -> None:
    """A button that opens a list of `names`, by the alphabet; `title` says of what."""
    items = "".join(f"<li>{html.escape(name)}</li>" for name in sorted(names, key=str.casefold))
    with st.popover(title, icon=":material/list:"):
        st.html(f"<div class='xl-listed' tabindex='0'><ul class='xl-names'>{items}</ul></div>")


def answer_card(scheme: str, answer: Answer, *, top: int, footnotes: Sequence[str]) -> str:
    """The card of one scheme as HTML; `footnotes` are HTML lines already."""
    colour = _mark_colour(scheme)
    bars = "".join(
        f"<li><span>{html.escape(label)}</span><span class='xl-number'>{units.percent(share)}</span>"
        f"<span class='xl-track'><span class='xl-fill' style='width:{100 * share:.2f}%;background:{colour}'></span>"
        "</span></li>"
        for label, share in zip(answer.labels[:top], answer.probabilities[:top], strict=True)
    )
    foot = "<br>".join(footnotes)
    return _card(
        scheme,
        f"<div class='xl-answer'>{html.escape(answer.labels[0])}</div><ol class='xl-bars'>{bars}</ol>"
        f"<div class='xl-foot'>{foot}</div>",
    )


def cost_card(scheme: str, headline: str, about: str, *, share: float, footnotes: Sequence[str]) -> str:
    """The card of one scheme with one large number, what it is, and a bar of `share`, 0..1, of the largest."""
    bar = f"<span class='xl-fill' style='width:{100 * share:.2f}%;background:{_mark_colour(scheme)}'></span>"
    return _card(
        scheme,
        f"<div class='xl-said xl-dim'>{html.escape(about)}</div>"
        f"<div><div class='xl-figure'>{html.escape(headline)}</div>"
        f"<div class='xl-bars'><span class='xl-track' style='display:block'>{bar}</span></div></div>"
        f"<div class='xl-foot'>{'<br>'.join(footnotes)}</div>",
    )


def filter_card(
    scheme: str, weights: np.ndarray, response: np.ndarray, *, said: Sequence[str], footnotes: Sequence[str]
) -> str:
    """The card of one scheme with a filter (kh, kw) as the scheme keeps it and its response (H, W) to a photo."""
    label = style.look(scheme).label
    images = "".join(
        f"<img class='{kind}' width='{values.shape[1]}' height='{values.shape[0]}' alt='{alt} under {label}' "
        f"src='{png(pictures.signed_picture(values, dark=dark()))}'>"
        for kind, values, alt in (("xl-pixelated", weights, "The filter"), ("", response, "Its response to the photo"))
    )
    lines = "<br>".join(map(html.escape, said))
    return _card(
        scheme,
        f"<div class='xl-said'>{lines}</div><div class='xl-pictures'>{images}</div>"
        f"<div class='xl-foot'>{'<br>'.join(footnotes)}</div>",
    )


def verdict(place: DeltaGenerator, text: str, *, unanimous: bool) -> None:
    """One line about how the networks voted; their disagreement stands out."""
    kind = "xl-agree" if unanimous else "xl-differ"
    place.html(f"<div class='xl-verdict {kind}'>{html.escape(text)}</div>")


def line(number: str, text: str) -> str:
    """A footnote: the number in bold, what it is and where it comes from in a lighter tone."""
    return f"<b class='xl-number'>{html.escape(number)}</b> <span class='xl-dim'>{html.escape(text)}</span>"


def advice_card(scheme: str, problem: str, advice: str) -> str:
    """The card of a scheme whose network cannot be used: what is wrong, what to do."""
    return _card(
        scheme,
        f"<div class='xl-answer xl-dim'>not available</div><div>{with_code(problem)}</div>"
        f"<div class='xl-foot'>{with_code(advice)}</div>",
    )


def waiting_card(scheme: str) -> str:
    """The card of a scheme whose network is being loaded."""
    text = "Loading; the first time on a machine its kernels are compiled, too."
    return _card(scheme, f"<div class='xl-answer xl-dim'>…</div><div class='xl-dim'>{text}</div>")


def cards(parts: Iterable[str]) -> None:
    """Show cards side by side, aligned, in as many columns as fit."""
    st.html(f"<div class='xl-cards'>{_CARDS_CSS}{''.join(parts)}</div>")


def _card(scheme: str, body: str) -> str:
    look = style.look(scheme)
    return (
        f"<article class='xl-card' data-scheme='{scheme}'><h3><span class='xl-glyph' aria-hidden='true' "
        f"style='color:{_mark_colour(scheme)}'>{look.glyph}</span>{look.label}</h3>{body}</article>"
    )


def _mark_colour(scheme: str) -> str:
    """The scheme's colour as CSS that follows a change of theme at once; charts follow at the next run."""
    look = style.look(scheme)
    return f"light-dark({look.light},{look.dark})"
