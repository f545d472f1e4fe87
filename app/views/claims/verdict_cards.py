"""The cards of the claims: what is claimed, the printed value, ours, what became of it, why, and on what it rests."""

import html
from collections.abc import Iterable

import streamlit as st
from shared import markup

from xnorlab.verdicts import Verdict

MARKS = {"holds": "●", "holds in part": "◐", "does not hold here": "○", "not measured yet": "…"}


def show(claims: Iterable[Verdict]) -> None:
    """One card per claim; the verdict is a word with a mark, never a colour alone."""
    st.html(f"<div class='xl-claims'>{''.join(map(_card, claims))}</div>")


def _card(verdict: Verdict) -> str:
    evidence = "; ".join(map(html.escape, verdict.based_on))
    rests_on = f"<p class='xl-why'><small>measured on: {evidence}</small></p>" if evidence else ""
    return (
        f"<article class='xl-claim'><h3>{html.escape(verdict.claim)}<small>{html.escape(verdict.source)}</small></h3>"
        f"<p><small>published</small>{html.escape(verdict.published)}</p>"
        f"<p><small>ours, measured</small>{html.escape(verdict.ours)}</p>"
        f"<p class='xl-outcome'><span aria-hidden='true'>{MARKS[verdict.verdict]}</span> {verdict.verdict}</p>"
        f"<p class='xl-why'>{markup.html_with_code(verdict.why)}</p>{rests_on}</article>"
    )
