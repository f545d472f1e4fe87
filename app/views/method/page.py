"""Method: every formula with its place in print, its code, and the page where it moves."""

from collections.abc import Sequence
from typing import Any

import streamlit as st
from shared import address, csv_file, markup, speed_lab_link

from views.method import code_listing, downloads, formulas
from views.method.code_listing import CodeListing
from views.method.formulas import Formula
from xnorlab import pretrained
from xnorlab.zoo import manifest

MOST_LINES = 60  # longer code scrolls
TALLEST_PX = 520


def show_formula(formula: Formula, listings: Sequence[CodeListing]) -> None:
    """A card with `formula`, its place in print, its code, which is folded away, and where else to find it."""
    with st.container(border=True, key=f"formula-{formula.key}"):
        left, right = st.columns([7, 5], gap="medium")
        with left:
            st.subheader(formula.title, anchor=formula.key)
            for line in formula.latex:
                st.latex(line)
            st.markdown(formula.words)
        with right:
            st.markdown(f":material/menu_book: {formula.printed_in}")
            for code in listings:
                st.markdown(f":material/code: **{markup.plain(code.name)}** in `{code.path}`, line {code.line}")
            for notebook in formula.notebooks:
                st.markdown(f":material/description: `notebooks/{notebook}`")
            link = formula.link
            st.page_link(link.page, label=link.label, icon=":material/touch_app:", query_params=link.query)
        names = " and ".join(markup.plain(code.name) for code in listings)
        with st.expander(f"The code of {names}", key=f"code-{formula.key}", type="compact"):
            for code in listings:
                st.caption(f"{code.path}, line {code.line}")
                long = code.text.count("\n") > MOST_LINES
                st.code(code.text, language="python", height=TALLEST_PX if long else "content")


def show_downloads(title: str, about: str, stem: str, *, rows: list[dict[str, Any]], document: object) -> None:
    """A card with a CSV and a JSON button.

    Args:
        title: What is downloaded.
        about: A sentence on it.
        stem: Of both files' names.
        rows: The CSV file's.
        document: The JSON file's value.
    """
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.caption(about)
        with st.container(horizontal=True):
            for kind, content, mime in (
                ("CSV", csv_file.encoded(rows), "text/csv"),
                ("JSON", downloads.as_json(document), "application/json"),
            ):
                st.download_button(
                    kind,
                    content,
                    f"{stem}.{kind.lower()}",
                    mime,
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"{stem}-{kind.lower()}",
                )


st.title("Method")
notes = st.container()
st.markdown(
    "Every formula that this project rests on: where it stands in print, the code that computes it here, and the page "
    "on which it moves. XNOR-Net is Rastegari, Ordonez, Redmon and Farhadi, ECCV 2016, arXiv 1603.05279. Where a "
    "notebook derives or measures a formula, its file is named; `jupyter lab notebooks` opens them, and they can be "
    "read without running."
)
topic = address.pills("Formulas about", {"all": "All", **formulas.TOPICS}, key="topic", default="all")
address.publish(topic=topic)
shown = [f for f in formulas.FORMULAS if topic in ("all", f.topic)]

with st.spinner("Loading torch, once…"):
    listings = {formula.key: [code_listing.read(reference) for reference in formula.code] for formula in shown}
for formula in shown:
    show_formula(formula, listings[formula.key])

st.subheader("Downloads")
first, second, third = st.columns(3)
with first:
    try:
        show_downloads(
            "The networks",
            "Accuracy, sizes, recipes and hashes of every shipped network, as measured at training.",
            "networks",
            rows=downloads.manifest_rows(),
            document=manifest.to_dict(pretrained.entries()),
        )
    except pretrained.PretrainedError as error:
        st.warning(markup.plain(str(error)), icon=":material/inventory_2:")
with second:
    machine = downloads.machine()
    show_downloads(
        "This machine",
        f"{markup.plain(machine['cpu'])}, {machine['instructions']}, {machine['cores']} threads; "
        "features and versions.",
        "machine",
        rows=downloads.machine_rows(machine),
        document=machine,
    )
with third:
    measurements = downloads.measurements(st.session_state.items())
    if measurements:
        show_downloads(
            "What you measured",
            f"{len(measurements)} measurements of this session, each with its settings, every run, and the machine.",
            "measurements",
            rows=downloads.measurement_rows(measurements),
            document=measurements,
        )
    else:
        with st.container(border=True):
            st.markdown("**What you measured**")
            st.caption("Nothing was measured in this session yet.")
            st.page_link(speed_lab_link.PAGE, label="To the Speed lab", icon=":material/speed:")
address.show_notes(notes)
