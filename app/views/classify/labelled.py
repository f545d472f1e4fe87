"""How often each network is right about the visitor's photos, and what it takes them for."""

import collections
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st
from shared import address, networks

from views.classify.classifications import Classification
from views.classify.labels import NONE
from xnorlab.zoo.cost import standard_error

REFUSED = "refused"
"""The column of the confusion for photos that a network refuses."""


@dataclass(frozen=True)
class Score:
    """What a network makes of labelled photos.

    Attributes:
        own: How many show one of its classes.
        right: How many of those it names rightly, whether it refuses them or not.
        own_refused: How many of those it refuses; None for a network that was not calibrated.
        foreign: How many show none of its classes.
        foreign_refused: How many of those it refuses; None likewise.
    """

    own: int
    right: int
    own_refused: int | None
    foreign: int
    foreign_refused: int | None


def score(labels: Sequence[str], answers: Sequence[Classification]) -> Score:
    """The score of one network; labels: each photo's class or NONE, in the order of `answers`."""
    pairs = list(zip(labels, answers, strict=True))
    own = [(label, answer) for label, answer in pairs if label != NONE]
    foreign = [answer for label, answer in pairs if label == NONE]
    calibrated = all(answer.is_unknown is not None for answer in answers)
    return Score(
        own=len(own),
        right=sum(answer.best.label == label for label, answer in own),
        own_refused=sum(answer.is_unknown is True for _, answer in own) if calibrated else None,
        foreign=len(foreign),
        foreign_refused=sum(answer.is_unknown is True for answer in foreign) if calibrated else None,
    )


def confusion(labels: Sequence[str], answers: Sequence[Classification]) -> dict[str, list]:
    """A table with a row per label and a column per answer, the likeliest class or REFUSED, and counts in it."""
    given = [REFUSED if answer.is_unknown else answer.best.label for answer in answers]
    counts = collections.Counter(zip(labels, given, strict=True))
    rows = sorted(set(labels), key=lambda label: (label == NONE, label.casefold()))
    columns = sorted(set(given), key=lambda label: (label == REFUSED, label.casefold()))
    return {"this is a …": rows, **{f"→ {column}": [counts[row, column] for row in rows] for column in columns}}


def show(labels: Sequence[str], answers: Mapping[str, Sequence[Classification]]) -> None:
    """Draw the scores of all schemes, and the confusion of one of them.

    Args:
        labels: Each labelled photo's class or NONE, at least one.
        answers: Scheme → its network's classifications of these photos, in their order; at least one scheme.
    """
    scores = {scheme: score(labels, column) for scheme, column in answers.items()}
    st.table(
        {
            "network": [networks.with_glyph(scheme) for scheme in scores],
            "named rightly": [_share(s.right, s.own) for s in scores.values()],
            "of its own refused": [_share(s.own_refused, s.own) for s in scores.values()],
            "of the others refused": [_share(s.foreign_refused, s.foreign) for s in scores.values()],
        },
        border="horizontal",
        hide_index=True,
    )
    scheme = address.menu(
        "What they are taken for, by",
        {scheme: networks.with_glyph(scheme) for scheme in answers},
        key="confusion",
        default=next(iter(answers)),
    )
    address.publish(confusion=scheme)
    st.dataframe(confusion(labels, answers[scheme]), hide_index=True)


def _share(count: int | None, of: int) -> str:
    """A count, its share and the standard error of that share; a dash where there is none."""
    if count is None or not of:
        return "–"
    return f"{count} of {of}, {100 * count / of:.0f} ± {100 * standard_error(count / of, of):.0f} %"
