"""Method: every formula with its place in print, its code, and the page where it moves."""

import streamlit as st
from shared import address, widgets

from views.method import downloads, formulas
from xnorlab import pretrained
from xnorlab.zoo import manifest

CODE_LINES = 60


def downloads_of(what: str, about: str, stem: str, rows: list, document: object) -> None:
    """A CSV and a JSON button in a card of their own."""
    with st.container(border=True):
        st.markdown(f"**{what}**")
        st.caption(about)
        with st.container(horizontal=True):
            for kind, content in (("CSV", downloads.as_csv(rows)), ("JSON", downloads.as_json(document))):
                st.download_button(
                    kind,
                    content,
                    f"{stem}.{kind.lower()}",
                    f"text/{kind.lower()}" if kind == "CSV" else "application/json",
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"{stem}-{kind.lower()}",
                )


st.title("Method")
notes = st.container()
st.markdown(
    "Every formula that this project rests on: where it stands in print, the code that computes it here, and the page "
    "on which it moves. XNOR-Net is Rastegari, Ordonez, Redmon and Farhadi, ECCV 2016, arXiv 1603.05279."
)
topics = {"all": "All", **formulas.TOPICS}
topic = address.pills("Formulas about", topics, key="topic", default="all")
address.publish(topic=topic)
shown = [f for f in formulas.FORMULAS if topic in ("all", f.topic)]

with st.spinner("Loading torch, once…"):
    code = {reference: formulas.source(reference) for formula in shown for reference in formula.code}

for formula in shown:
    with st.container(border=True, key=f"formula-{formula.key}"):
        left, right = st.columns([7, 5], gap="medium")
        with left:
            st.subheader(formula.title, anchor=formula.key)
            for line in formula.latex:
                st.latex(line)
            st.markdown(formula.words)
        with right:
            st.markdown(f":material/menu_book: {formula.source}")
            for reference in formula.code:
                found = code[reference]
                st.markdown(f":material/code: **{widgets.plain(found.name)}** in `{found.path}`, line {found.line}")
            if formula.notebook is not None:
                st.markdown(f":material/description: `notebooks/{formula.notebook}`")
            page, label, query = formula.page
            st.page_link(page, label=label, icon=":material/touch_app:", query_params=query)
        names = " and ".join(widgets.plain(code[reference].name) for reference in formula.code)
        with st.expander(f"The code of {names}", key=f"code-{formula.key}", type="compact"):
            for reference in formula.code:
                found = code[reference]
                st.caption(f"{found.path}, line {found.line}")
                tall = found.text.count("\n") > CODE_LINES
                st.code(found.text, language="python", height=520 if tall else "content")

st.subheader("Downloads")
first, second, third = st.columns(3)
with first:
    try:
        downloads_of(
            "The networks",
            "Accuracy, sizes, recipes and hashes of every shipped network, as measured at training.",
            "networks",
            downloads.manifest_rows(),
            manifest.to_dict(pretrained.entries()),
        )
    except pretrained.PretrainedError as error:
        st.warning(widgets.plain(str(error)), icon=":material/inventory_2:")
with second:
    machine = downloads.machine()
    downloads_of(
        "This machine",
        f"{widgets.plain(machine['cpu'])}, {machine['instructions']}, {machine['cores']} threads; "
        "features and versions.",
        "machine",
        downloads.machine_rows(),
        machine,
    )
with third:
    results = downloads.measured(st.session_state.items())
    if results:
        downloads_of(
            "What you measured",
            f"{len(results)} measurements of this session, each with its settings, every run, and the machine.",
            "measurements",
            downloads.measured_rows(results),
            results,
        )
    else:
        with st.container(border=True):
            st.markdown("**What you measured**")
            st.caption("Nothing was measured in this session yet.")
            st.page_link("views/speed_lab/page.py", label="To the Speed lab", icon=":material/speed:")
address.show_notes(notes)
