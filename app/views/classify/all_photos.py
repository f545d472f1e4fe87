"""The table of all photos: what each network classifies each of them as, for the page and as a file."""

import functools
import math
import statistics
from collections.abc import Mapping, Sequence

import streamlit as st
from shared import csv_file, into_view, networks
from shared.photos import Photo

from views.classify import classifications
from views.classify.classifications import Classification
from xnorlab import units
from xnorlab.figures.style import look

TABLE = "photo-table"
LETTER_PX, CELL_PX = 6.5, 26  # mean width of a letter in a cell, and the margins of a cell
_ROWS_CHOSEN = "classify: how often a row was chosen"


def show(photos: Sequence[Photo], family: str, schemes: Sequence[str], *, answers_at: str) -> None:
    """Draw the table, a download of it, and how long a photo took; a click on a row opens its photo's answers.

    Args:
        photos: The photos, at least one.
        family: Of the networks.
        schemes: Schemes whose networks can be used, at least one.
        answers_at: Key of the container with the answers, which a click scrolls to.
    """
    answers = classifications.classify_all(photos, family, schemes)
    columns = {look(scheme).short: [_cell(answer) for answer in column] for scheme, column in answers.items()}
    st.dataframe(
        {
            "picture": [photo.thumbnail for photo in photos],
            "photo": [photo.title for photo in photos],
            **({"answers": _agreements(answers)} if len(answers) > 1 else {}),
            **columns,
        },
        key=TABLE,
        on_select=functools.partial(_choose_photo, [photo.key for photo in photos]),
        selection_mode=["single-row", "single-cell"],  # a click on a row's text selects a cell
        hide_index=True,
        row_height=56,
        column_config={
            "picture": st.column_config.ImageColumn("", width="small"),
            **{name: st.column_config.TextColumn(width=_width(name, cells)) for name, cells in columns.items()},
        },
        alt="Every photo with the best answer of every scheme; choose a row to open its photo above.",
    )
    into_view.bring(answers_at, st.session_state.get(_ROWS_CHOSEN, 0))
    st.download_button(
        "Download as CSV",
        csv_file.encoded(rows(photos, {networks.name(family, scheme): column for scheme, column in answers.items()})),
        "answers.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="csv",
    )
    read_s = statistics.median(photo.read_s for photo in photos)
    asked_s = statistics.median(sum(a.seconds for a in row) for row in zip(*answers.values(), strict=True))
    st.caption(
        f"What you waited for each photo: {units.duration(read_s)} until it was read and upright, "
        f"{units.duration(asked_s)} for {len(answers)} answer{'s' if len(answers) > 1 else ''}, cropping included "
        "(medians over these photos, taken while they were answered)."
        + (" A “?” stands where a network perhaps does not know the photo." if _doubts(answers) else "")
    )


def rows(photos: Sequence[Photo], answers: Mapping[str, Sequence[Classification]]) -> list[dict[str, str]]:
    """One row per photo, with the likeliest class and its probability for each network.

    Args:
        photos: The photos.
        answers: Network's name → one classification per photo.
    """
    table = []
    for index, photo in enumerate(photos):
        row = {"photo": photo.title}
        for name, column in answers.items():
            best = column[index].best
            row |= {f"{name} label": best.label, f"{name} probability": f"{best.probability:.4f}"}
            if column[index].is_unknown is not None:
                row[f"{name} unknown"] = "yes" if column[index].is_unknown else "no"
        table.append(row)
    return table


def _doubts(answers: Mapping[str, Sequence[Classification]]) -> bool:
    return any(answer.is_unknown for column in answers.values() for answer in column)


def _cell(answer: Classification) -> str:
    doubt = "? " if answer.is_unknown else ""
    return f"{doubt}{answer.best.label}, {units.percent(answer.best.probability)}"


def _width(name: str, cells: Sequence[str]) -> int:
    """Pixels that a column needs for its name and its longest cell; the grid moves sideways where all are too many."""
    return math.ceil(CELL_PX + LETTER_PX * max(map(len, [name, *cells])))


def _agreements(answers: Mapping[str, Sequence[Classification]]) -> list[str]:
    """Per photo, whether all networks agree on the likeliest class."""
    return [
        "agree" if len({answer.best.label for answer in row}) == 1 else "differ"
        for row in zip(*answers.values(), strict=True)
    ]


def _choose_photo(keys: Sequence[str]) -> None:
    selection = st.session_state[TABLE]["selection"]
    places = [*selection["rows"], *(row for row, _ in selection["cells"])]
    chosen = [keys[place] for place in places if keys[place] != st.session_state["photo"]]
    if chosen:
        st.session_state["photo"] = chosen[0]
    st.session_state[_ROWS_CHOSEN] = st.session_state.get(_ROWS_CHOSEN, 0) + bool(places)
