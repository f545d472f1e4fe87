"""Trade-offs: what a bit costs, and what it buys."""

import streamlit as st
from shared import address, networks, widgets

from views.trade_offs import ablations, beside_the_paper, billion_images, shipped_costs, verdict_cards
from xnorlab import units
from xnorlab.figures import trade_offs
from xnorlab.figures.axes import CostAxis
from xnorlab.figures.stacked import stacked_bars
from xnorlab.figures.style import look
from xnorlab.zoo.cost import PARTS, NetworkCost

AXES = {
    "file": CostAxis("packed file, bytes (the real file)", units.memory, powers_of_two=True),
    "resident": CostAxis("weights in memory, bytes (the real arrays)", units.memory, powers_of_two=True),
    "operations": CostAxis("the paper's operations a picture (computed)", units.count),
    "time": CostAxis("one picture, one thread (measured here)", units.duration),
}
FILE_PARTS = CostAxis("of the packed file", units.memory, powers_of_two=True)
AXIS_WORDS = {"file": "Packed file", "resident": "Memory", "operations": "Operations", "time": "Measured time"}
SCALES = {"log": "Logarithmic", "linear": "Linear"}
SPLITS = {"share": "Shares", "bytes": "Bytes"}
CLICKED = "trade-offs: clicked"


def label(cost: NetworkCost) -> str:
    """A network's name among the networks on show."""
    own, kind = look(cost.scheme), cost.name.rpartition("/")[2].removeprefix(f"{cost.model}-{cost.scheme}").strip("-")
    title = own.label if model != "all" else f"{shipped_costs.title(cost.model)}, {own.short}"
    return f"{title} ({kind})" if kind else title


def value(cost: NetworkCost) -> float:
    """A network's place on the chosen axis."""
    if against == "time":
        return times[cost.name].median_s
    return {"file": cost.file_bytes, "resident": cost.resident_bytes, "operations": cost.predicted_operations}[against]


def how_trained() -> str:
    """What to know of the trainings before two accuracies are compared."""
    lengths = sorted({shipped_costs.epochs(name) for name in names})
    same = len(lengths) == 1
    said = f"Each was trained for {lengths[0]} epochs" if same else "Not all were trained equally long: see The numbers"
    helped = [f"{label(cost)}: {by}" for cost in costs if (by := shipped_costs.helped_by(cost.name))]
    return ". ".join([said, *map(widgets.plain, helped)]) + "."


def shown_pictures() -> str:
    """What the accuracies of the networks on show are shares of."""
    return " and ".join(dict.fromkeys(f"{c.images:,} pictures of {c.classes} classes" for c in costs))


st.title("Trade-offs")
notes = st.container()
st.markdown(
    "What does a bit cost? Every network of this repository, with the accuracy that it keeps and what it takes: bytes "
    "of its real file, operations by the paper's count, or milliseconds on this machine."
)
data_sets = shipped_costs.data_sets()
if not data_sets:
    st.warning(
        "There is no network here: `pretrained/manifest.json` is missing or empty. Bring it back with "
        "`git checkout -- pretrained` in a checkout, or by installing xnorlab again.",
        icon=":material/inventory_2:",
    )
    address.show_notes(notes)
    st.stop()

with st.container(border=True):
    first, second = st.columns([4, 6])
    with first:
        data = address.pills(
            "Data set", {d: networks.data_title(d) for d in data_sets}, key="data_set", default=data_sets[0]
        )
        with st.spinner("Reading the networks, once…"):
            everything, problems = shipped_costs.read(data)
        models = sorted({cost.model for cost in everything})
        model = address.pills(
            "Networks",
            {"all": "All", **{m: shipped_costs.title(m) for m in models}},
            key="zoo_model",
            default=models[0] if len(models) == 1 else "all",
        )
    with second:
        against = address.pills("Accuracy against", AXIS_WORDS, key="against", default="file")
        scale = address.segments("Scale", SCALES, key="scale", default="log")
    address.publish(data_set=data, zoo_model=model, against=against, scale=scale)
    costs = [cost for cost in everything if model in ("all", cost.model)]
    names = [cost.name for cost in costs]
    row = st.container(horizontal=True, vertical_alignment="center")
    pressed = row.button("Measure on this machine", icon=":material/timer:", key="measure-zoo", disabled=not costs)
    row.caption(
        f"One picture, one thread, {shipped_costs.RUNS} runs in turns; nothing is timed unasked.", width="content"
    )
    place = st.empty()
    if pressed:
        try:
            shipped_costs.measure(names, place)
        except ValueError as error:
            widgets.no_time(place, error)

for name, problem in problems.items():
    st.warning(f"**{widgets.plain(name)}** is left out. {widgets.sentence(problem)}", icon=":material/inventory_2:")
if not costs:
    st.info("No network of this data set can be read.")
    address.show_notes(notes)
    st.stop()

together = shipped_costs.measured(names)
times = {} if together is None else together.timings
address.take("pick", ["", *names], "")
clicked = widgets.clicked("pareto")
if clicked and clicked != st.session_state.get(CLICKED):
    st.session_state["pick"] = clicked[0]
st.session_state[CLICKED] = clicked
picked: str = st.session_state["pick"]


def follow_table() -> None:
    rows = st.session_state[f"zoo-{picked}"]["selection"]["rows"]
    st.session_state["pick"] = names[rows[0]] if rows else ""


st.subheader("Accuracy against cost")
if against == "time" and together is None:
    st.info(
        "These networks were not timed together on this machine yet: press **Measure on this machine**.",
        icon=":material/timer:",
    )
else:
    axis = AXES[against]
    points = [
        trade_offs.Point(c.name, c.scheme, shipped_costs.title(c.model), value(c), 100 * c.top1, 100 * c.standard_error)
        for c in costs
    ]
    left, right = st.columns([6, 5], gap="large")
    with left:
        on_show = sorted({c.model for c in costs})
        rings = [f"ringed: {', '.join(map(shipped_costs.title, on_show[1:]))}"] if len(on_show) > 1 else []
        widgets.legend(dict.fromkeys(c.scheme for c in costs), ["dotted: nothing cheaper is better", *rings])
        widgets.chart(
            trade_offs.pareto(points, axis, log=scale == "log", picked=picked, legend=False, dark=widgets.dark()),
            alt=f"Top-1 accuracy against {axis.title}: "
            + "; ".join(f"{label(c)} {100 * c.top1:.1f} % at {axis.text(value(c))}" for c in costs),
            table={
                "network": [label(c) for c in costs],
                "architecture": [shipped_costs.architecture(name) for name in names],
                "epochs": [shipped_costs.epochs(name) for name in names],
                "with the help of": [shipped_costs.helped_by(name) or "–" for name in names],
                "top-1, measured at training": [f"{100 * c.top1:.1f} ± {100 * c.standard_error:.1f} %" for c in costs],
                "packed file": [units.memory(c.file_bytes) for c in costs],
                "weights in memory": [units.memory(c.resident_bytes) for c in costs],
                "real multiply-adds": [units.count(c.real_macs) for c in costs],
                "binary multiply-adds": [units.count(c.binary_macs) for c in costs],
                "operations, computed": [units.count(c.predicted_operations) for c in costs],
                "one picture, measured here": [
                    units.duration(times[c.name].median_s) if c.name in times else "–" for c in costs
                ],
            },
            key="pareto",
            clickable=True,
        )
    with right:
        st.dataframe(
            {
                "network": [f"{look(c.scheme).glyph} {label(c)}" for c in costs],
                "top-1 %": [100 * c.top1 for c in costs],
                AXIS_WORDS[against].lower(): [axis.text(value(c)) for c in costs],
            },
            hide_index=True,
            height="content",
            on_select=follow_table,
            selection_mode="single-row",
            key=f"zoo-{picked}",
            selection_default={"selection": {"rows": [names.index(picked)]}} if picked else None,
            column_config={"top-1 %": st.column_config.NumberColumn(format="%.1f")},
            alt="The networks of the chart; choose a row to mark its point.",
        )
        chosen = next((c for c in costs if c.name == picked), None)
        if chosen is None:
            st.caption("Choose a point or a row: the other follows.")
        else:
            seeds = " and ".join(f"{100 * top1:.1f}" for top1 in chosen.repeats)
            others = f" (other seeds: {seeds} %)" if seeds else ""
            helped = shipped_costs.helped_by(picked)
            training = f"{shipped_costs.epochs(picked)} epochs{f', {helped}' if helped else ''}"
            st.markdown(
                f"**{look(chosen.scheme).glyph} {widgets.plain(chosen.name)}** ({shipped_costs.architecture(picked)}; "
                f"{widgets.plain(training)}): {100 * chosen.top1:.1f} ± "
                f"{100 * chosen.standard_error:.1f} % of {chosen.images:,} pictures of {chosen.classes} classes right"
                f"{others}; {units.memory(chosen.file_bytes)} on disk, "
                f"{units.memory(chosen.resident_bytes)} in memory; "
                f"{units.count(chosen.real_macs)} real and {units.count(chosen.binary_macs)} binary multiply-adds."
            )
        st.caption(
            "Up and to the left is better. Bars: one standard error, from the number of pictures alone. Accuracy was "
            f"measured at training, on the whole validation set: {shown_pictures()}. Operations: a real multiply-add "
            f"is one, and so are 64 binary ones (XNOR-Net, section 4.1). {how_trained()}"
        )
address.publish(pick=picked or None)

st.subheader("Where the bytes are")
split = address.segments("Show", SPLITS, key="split", default="share")
address.publish(split=split)
kinds = [part for part in PARTS if any(part in c.parts for c in costs)]
memory = {label(c): {kind: c.parts.get(kind, 0) for kind in kinds} for c in costs}
widgets.chart(
    stacked_bars(memory, {label(c): c.scheme for c in costs}, FILE_PARTS, share=split == "share", dark=widgets.dark()),
    alt="Bytes of each packed file by part: "
    + "; ".join(
        f"{name} {units.memory(sum(row.values()))}, of which "
        + ", ".join(f"{part} {units.memory(size)}" for part, size in row.items() if size)
        for name, row in memory.items()
    ),
    table={
        "network": list(memory),
        "file": [units.memory(sum(row.values())) for row in memory.values()],
        **{kind: [units.memory(row[kind]) for row in memory.values()] for kind in kinds},
    },
    key="memory",
)
st.caption(
    "Read from the packed files themselves. Real weights are stored as float16 here, binary ones as bits; a binary "
    "layer's bytes include its α, its thresholds and its biases. What stays real soon dominates a packed network."
)

if any(c.binary_times_smaller for c in costs):
    st.subheader("32 times smaller?")
    beside_the_paper.memory(costs)

st.subheader("Beside the paper")
beside_the_paper.accuracy(everything, data)
with st.expander("Every published figure", key="published", icon=":material/menu_book:", type="compact"):
    beside_the_paper.published_tables()

st.subheader("One thing changed at a time")
ablations.show()

st.subheader("A billion images")
billion_images.show(costs, label)

st.subheader("The paper's claims, and what became of them here")
verdict_cards.show()
address.show_notes(notes)
