"""The board of bits: two rows to click, x and w, and below them the rows that the processor computes.

A row is divided into bytes, so that it breaks between them on a narrower screen. The labels stand before every byte,
and those within a row are hidden. A bit has at least 24 pixels each way, for a finger.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from xnorlab.figures import style
from xnorlab.paper.dot_product import PackedPair

BYTE = 8
_LOW, _HIGH = ({theme: style.two_tone(theme)[end][1] for theme in (False, True)} for end in (0, -1))
_COUNTED = style.SCHEMES["xnor"]

_CSS = f"""
<style>
.st-key-board {{ container-type: inline-size; }}
.st-key-bytes {{ --cell: 24px; --gap: 2px; --row: 26px; display: grid; gap: .9rem 12px; justify-content: start;
  grid-template-columns: 74px repeat(4, max-content);
  --low: light-dark({_LOW[False]}, {_LOW[True]}); --high: light-dark({_HIGH[False]}, {_HIGH[True]});
  --on: light-dark({_COUNTED.light}, {_COUNTED.dark}); --ink-on: light-dark(#FFFFFF, #0F1218);
  --tail: repeating-linear-gradient(135deg, transparent 0 3px, var(--xl-line) 3px 5px); }}
.st-key-bytes > :nth-child(2n + 1):not(:nth-child(8n + 1)) {{ display: none; }}
@container (max-width: 949px) {{
  .st-key-bytes {{ grid-template-columns: 74px repeat(2, max-content); }}
  .st-key-bytes > :nth-child(4n + 1):nth-child(n) {{ display: block; }}
}}
@container (max-width: 509px) {{
  .st-key-bytes {{ --gap: 4px; --row: 28px; --cell: 28px; grid-template-columns: 74px max-content; }}
  .st-key-bytes > :nth-child(2n + 1):nth-child(n) {{ display: block; }}
}}
@container (max-width: 339px) {{
  .st-key-bytes {{ --gap: 2px; --cell: 24px; gap: .9rem 6px; grid-template-columns: 42px max-content; }}
  .xl-row-names i {{ display: none; }}
}}
:is(.st-key-first, .st-key-back, .st-key-next, .st-key-last) button p {{ position: absolute; width: 1px; height: 1px;
  overflow: hidden; clip-path: inset(50%); }}
.st-key-sentence {{ min-height: 1.6em; }}
@media (max-width: 640px) {{ .st-key-sentence {{ min-height: 5em; }} }}
.st-key-bytes > div {{ width: auto; min-width: 0; }}
.st-key-bytes [class*="st-key-byte-"] {{ gap: 3px; width: calc(8 * var(--cell) + 7 * var(--gap)); }}
.st-key-bytes [class*="st-key-byte-"] > div {{ width: 100%; }}
.st-key-bytes [role=toolbar] {{ gap: var(--gap); flex-wrap: nowrap; padding: 0; }}
.st-key-bytes [role=toolbar]::after {{ height: var(--row); border-radius: 4px; background: var(--tail); }}
.st-key-bytes [role=toolbar] button {{ width: var(--cell); min-width: 0; height: var(--row); min-height: 0; padding: 0;
  margin: 0; border: 0; border-radius: 4px; font-size: 0; background: var(--low) !important; flex: none;
  color: var(--ink-on) !important; }}
.st-key-bytes [role=toolbar] button > * {{ position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }}
.st-key-bytes [role=toolbar] button::before {{ content: "0"; font-size: 13px; font-weight: 600; }}
.st-key-bytes [role=toolbar] button[aria-pressed=true] {{ background: var(--high) !important; }}
.st-key-bytes [role=toolbar] button[aria-pressed=true]::before {{ content: "1"; }}
.st-key-bytes [role=toolbar] button:hover {{ box-shadow: 0 0 0 2px CanvasText; }}
.st-key-bytes [role=toolbar] button:focus-visible {{ outline: 2px solid; outline-offset: 2px; outline-color: CanvasText;
  box-shadow: none; }}
.xl-byte-head {{ font-size: .72rem; line-height: 16px; height: 16px; white-space: nowrap; opacity: .75; }}
.xl-byte-foot {{ font-size: .8rem; line-height: 18px; height: 18px; font-weight: 600; text-align: right; }}
.xl-row-names {{ display: grid; gap: 3px; font-size: .8rem; }}
.xl-row-names span {{ height: var(--row); line-height: var(--row); white-space: nowrap; }}
.xl-row-names i {{ font-style: normal; }}
.xl-row {{ display: grid; grid-template-columns: repeat(8, var(--cell)); gap: var(--gap);
  border-radius: 4px; }}
.xl-rows {{ display: grid; gap: 3px; }}
.xl-row span {{ height: var(--row); line-height: var(--row); text-align: center; border-radius: 4px; font-size: 13px;
  font-variant-numeric: tabular-nums; box-shadow: inset 0 0 0 1px var(--xl-line); }}
.xl-row .xl-1 {{ background: var(--on); color: #0F1218; font-weight: 600; box-shadow: none; }}
.xl-row .xl-mask {{ font-weight: 600; }}
.xl-row .xl-tail {{ background: var(--tail); box-shadow: none; }}
.xl-row .xl-wait {{ opacity: .35; }}
.xl-row.xl-now {{ outline: 2px solid var(--on); outline-offset: 1px; }}
</style>
"""


@dataclass(frozen=True)
class Row:
    """A row of bits that the processor computes.

    Attributes:
        stage: The stage of a step that computes it.
        name: What stands before it.
        words: Its bits, word by word.
        counts: Whether its ones are counted, and marked so.
    """

    stage: str
    name: str
    words: tuple[int, ...]
    counts: bool = True


def show(
    pair: PackedPair,
    rows: list[Row],
    *,
    done: set[tuple[int, str]],
    latest: tuple[int, str] | None,
    footers: dict[int, str],
    flip: Callable[[str, int], None],
) -> None:
    """Draw the board.

    Args:
        pair: The vectors x and w.
        rows: The rows below them, one per stage.
        done: Steps (word, stage) that are computed.
        latest: The latest of them; None before the first.
        footers: Word → what stands below it.
        flip: Called as flip(name, byte) when bits in byte `byte` of "x" or "w" were clicked; the widget `name`-`byte`
            holds them.
    """
    st.html(_CSS + _tail_css(pair))
    per_word = pair.bits // BYTE
    names = ["x<i>, inputs</i>", "w<i>, weights</i>", *(html.escape(row.name) for row in rows)]
    with st.container(key="board"), st.container(key="bytes", gap=None):
        for byte in range(len(pair.words) * per_word):
            spans = "".join(f"<span>{name}</span>" for name in names)
            st.html(f"<div class='xl-row-names'><div class='xl-byte-head'></div>{spans}</div>")
            word, part = divmod(byte, per_word)
            first = byte * BYTE
            with st.container(key=f"byte-{byte}", gap=None):
                head = f"word {word} · " if part == 0 else ""
                st.html(f"<div class='xl-byte-head'>{head}{first}–{first + BYTE - 1}</div>")
                for name, title in (("x", "Inputs"), ("w", "Weights")):
                    options = list(range(first, min(first + BYTE, pair.n)))
                    if options:
                        st.pills(
                            f"{title}, bits {first} to {options[-1]}",
                            options,
                            selection_mode="multi",
                            key=f"{name}-{byte}",
                            on_change=flip,
                            args=(name, byte),
                            label_visibility="collapsed",
                            format_func=lambda bit: f"bit {bit}",
                        )
                    else:
                        st.html(_cells([("", "xl-tail")] * BYTE, label="no channels here"))
                lines = [_line(row, word, part, (word, row.stage) in done, (word, row.stage) == latest) for row in rows]
                footer = footers.get(word, "") if part == per_word - 1 else ""
                st.html(
                    f"<div class='xl-rows'>{''.join(lines)}</div><div class='xl-byte-foot'>{html.escape(footer)}</div>"
                )


def _line(row: Row, word: int, part: int, done: bool, latest: bool) -> str:
    cells = []
    for bit in range(part * BYTE, part * BYTE + BYTE):
        one = row.words[word] >> bit & 1
        kind = "xl-1" if one and row.counts else "xl-mask" if one else ""
        if not done:
            cells.append(("·", "xl-wait"))
        else:
            cells.append((str(one), kind))
    text = "".join(c for c, _ in cells) if done else "not computed yet"
    return _cells(cells, label=f"{row.name}: {text}", latest=latest)


def _cells(cells: list[tuple[str, str]], *, label: str, latest: bool = False) -> str:
    spans = "".join(f"<span class='{kind}'>{text}</span>" for text, kind in cells)
    return (
        f"<div class='xl-row{' xl-now' if latest else ''}' role='img' aria-label='{html.escape(label)}'>{spans}</div>"
    )


def _tail_css(pair: PackedPair) -> str:
    """Hatching over the bits of the last byte that stand for no channel."""
    missing = -pair.n % BYTE
    if not missing:
        return ""
    byte = pair.n // BYTE
    where = ", ".join(f".st-key-{name}-{byte} [role=toolbar]::after" for name in "xw")
    width = f"calc({missing} * var(--cell) + {missing - 1} * var(--gap))"
    return f"<style>{where} {{ content: ''; width: {width}; flex: none; }}</style>"
