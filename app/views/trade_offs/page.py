"""Trade-offs: what a bit costs, and what it buys."""

import streamlit as st
from shared import address, markup, networks, notices

from views.trade_offs import (
    ablations,
    accuracy_against_cost,
    beside_the_paper,
    billion_images,
    bytes_by_part,
    literature,
    measured_times,
    shipped_costs,
    which_network,
)

SCALES = {"log": "Logarithmic", "linear": "Linear"}

st.title("Trade-offs")
notes = st.container()
st.markdown(
    "What does a bit cost? Every network of this repository, with the accuracy that it keeps and what it takes: bytes "
    "of its real file, operations by the paper's count, or milliseconds on this machine. Say what you need, and see "
    "which one to take."
)
data_sets = shipped_costs.data_sets()
if not data_sets:
    st.warning(
        "There is no network here: `pretrained/manifest.json` is missing or empty. Bring it back with "
        "`git checkout -- pretrained` in a checkout, or by installing xnorlab again.",
        icon=":material/inventory_2:",
    )
    address.show_notes(notes)
    address.end_page()

titles = {data: networks.data_title(data) for data in data_sets}
data_set = address.pills("Data set", titles, key="data_set", default=data_sets[0])
with st.spinner("Reading the networks, once…"):
    all_costs, problems = shipped_costs.read(data_set)
if all_costs:
    st.subheader("Which should I use?")
    which_network.show(all_costs, networks.data_title(data_set))

with st.container(border=True):
    left, right = st.columns([4, 6])
    with left:
        models = {m: shipped_costs.model_title(m) for m in sorted({cost.model for cost in all_costs})}
        model = address.pills(
            "Networks",
            {"all": "All", **models},
            key="zoo_model",
            default=next(iter(models)) if len(models) == 1 else "all",
        )
    with right:
        against = address.pills("Accuracy against", accuracy_against_cost.TITLES, key="against", default="file")
        scale = address.segments("Scale", SCALES, key="scale", default="log")
    address.publish(data_set=data_set, zoo_model=model, against=against, scale=scale)
    costs = [cost for cost in all_costs if model in ("all", cost.model)]
    labels = shipped_costs.labels(costs, with_model=model == "all")
    row = st.container(horizontal=True, vertical_alignment="center")
    pressed = row.button("Measure on this machine", icon=":material/timer:", key="measure-zoo", disabled=not costs)
    row.caption(f"One picture, one thread, {measured_times.RUNS} runs of the networks below in turns.", width="content")
    progress = st.empty()
    if pressed:
        try:
            measured_times.measure(list(labels), progress)
        except ValueError as error:
            notices.no_time(progress, error)

for name, problem in problems.items():
    st.warning(f"**{markup.plain(name)}** is left out. {markup.with_code(problem)}", icon=":material/inventory_2:")
if not costs:
    st.info("No network of this data set can be read.")
    address.show_notes(notes)
    address.end_page()

times = measured_times.newest(labels.keys())

st.subheader("Accuracy against cost")
timings = None if times is None else times.timings
accuracy_against_cost.show(costs, labels, timings, against=against, scale=scale)

st.subheader("Where the bytes are")
bytes_by_part.show(costs, labels)

if any(cost.binary_times_smaller for cost in costs):
    st.subheader("32 times smaller?")
    beside_the_paper.show_memory(costs)

st.subheader("Beside the paper")
beside_the_paper.show_accuracy(all_costs, data_set)
with st.expander("Every published figure", key="published", icon=":material/menu_book:", type="compact"):
    beside_the_paper.show_published()

st.subheader("What else could one take?")
literature.show()

st.subheader("One thing changed at a time")
ablations.show()

st.subheader("A billion images")
billion_images.show(costs, labels, times)

st.subheader("The paper's claims, and what became of them here")
st.page_link("views/claims/page.py", label="They have a page of their own: The paper's claims", icon=":material/gavel:")
address.show_notes(notes)
