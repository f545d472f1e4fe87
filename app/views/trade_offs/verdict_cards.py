"""The verdict table: each claim of the paper, its printed value, ours, and what became of it."""

import html

import streamlit as st
from shared import widgets

from xnorlab import verdicts

MARKS = {"holds": "●", "holds in part": "◐", "does not hold here": "○", "not measured yet": "…"}

_CSS = """
<style>
.xl-claims { display: grid; gap: .6rem; }
.xl-claim { border: 1px solid var(--xl-line); border-radius: 8px; padding: .75rem .9rem; display: grid;
            gap: .2rem 1.4rem; align-items: start;
            grid-template-columns: minmax(0, 5fr) minmax(0, 3fr) minmax(0, 3fr) 11.5rem; }
.xl-claims .xl-claim h3 { font-size: .98rem; font-weight: 600; margin: 0; padding: 0; line-height: 1.35; }
.xl-claims .xl-claim p { margin: 0; font-size: .9rem; line-height: 1.4; }
.xl-claim .xl-why { grid-column: 1 / -1; }
.xl-claim small { display: block; font-size: .78rem; opacity: .72; }
.xl-claim .xl-ruling { font-weight: 650; }
@media (max-width: 800px) {
  .xl-claim { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
  .xl-claim h3, .xl-claim .xl-ruling { grid-column: 1 / -1; }
}
</style>
"""


def show() -> None:
    """One card a claim; the ruling is a word with a mark, never a colour alone."""
    try:
        found = verdicts.load()
    except ValueError as error:
        st.info(f"No verdicts file yet. {widgets.plain(str(error))}", icon=":material/gavel:")
        return
    shown = "".join(
        f"<article class='xl-claim'><h3>{html.escape(v.claim)}<small>{html.escape(v.source)}</small></h3>"
        f"<p><small>published</small>{html.escape(v.published)}</p>"
        f"<p><small>ours, measured</small>{html.escape(v.ours)}</p>"
        f"<p class='xl-ruling'><span aria-hidden='true'>{MARKS.get(v.verdict, '·')}</span> {html.escape(v.verdict)}</p>"
        f"<p class='xl-why'>{widgets.with_code(v.why)}</p></article>"
        for v in found
    )
    st.html(f"{_CSS}<div class='xl-claims'>{shown}</div>")
