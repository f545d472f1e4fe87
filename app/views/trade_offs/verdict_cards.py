"""The verdict table: each claim of the paper, its printed value, ours, and what became of it."""

import html

import streamlit as st
from shared import markup

from xnorlab import verdicts

MARKS = {"holds": "●", "holds in part": "◐", "does not hold here": "○", "not measured yet": "…"}


def show() -> None:
    """One card per claim; the verdict is a word with a mark, never a colour alone."""
    try:
        loaded = verdicts.load()
    except ValueError as error:
        st.info(f"No verdicts file yet. {markup.plain(str(error))}", icon=":material/gavel:")
        return
    outcomes = {word: f"<span aria-hidden='true'>{mark}</span> {word}" for word, mark in MARKS.items()}
    cards = "".join(
        f"<article class='xl-claim'><h3>{html.escape(v.claim)}<small>{html.escape(v.source)}</small></h3>"
        f"<p><small>published</small>{html.escape(v.published)}</p>"
        f"<p><small>ours, measured</small>{html.escape(v.ours)}</p>"
        f"<p class='xl-outcome'>{outcomes[v.verdict]}</p>"
        f"<p class='xl-why'>{markup.html_with_code(v.why)}</p></article>"
        for v in loaded
    )
    st.html(f"<div class='xl-claims'>{cards}</div>")
