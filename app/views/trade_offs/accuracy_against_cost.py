"""Accuracy against cost: a chart and a table of the networks on show, in which a click on one marks it in both."""

from collections.abc import Mapping, Sequence

import streamlit as st
from shared import address, binary_weights, charts, into_view, markup, theme

from views.trade_offs import shipped_costs
from xnorlab import units
from xnorlab.benchmark import Timing
from xnorlab.figures import trade_offs
from xnorlab.figures.axes import CostAxis
from xnorlab.figures.style import look
from xnorlab.zoo.cost import TERNARY, NetworkCost

_TABLE_BEGAN_WITH = "trade-offs: pick that the table began with"
_ROWS_CHOSEN = "trade-offs: how often a row was chosen"

TITLES = {"file": "Packed file", "resident": "Memory", "operations": "Operations", "time": "Measured time"}
AXES = {
    "file": CostAxis("packed file, bytes (the real file)", units.memory, powers_of_two=True),
    "resident": CostAxis("weights in memory, bytes (the real arrays)", units.memory, powers_of_two=True),
    "operations": CostAxis("the paper's operations per picture (computed)", units.count),
    "time": CostAxis("one picture, one thread (measured here)", units.duration),
}
BYTES_NOTE = (
    "Bytes: real weights are float16 in the file where that is exact, and float32 in memory; a sign is one bit in "
    "both, a ternary weight two. “Times smaller” is everywhere the file's numbers in float32 over the file."
)


def show(
    costs: Sequence[NetworkCost],
    labels: Mapping[str, str],
    timings: Mapping[str, Timing] | None,
    *,
    against: str,
    scale: str,
) -> None:
    """Chart, table and a sentence on the network that is picked in one of them; the address holds the pick.

    Args:
        costs: The networks on show.
        labels: Name → how each is written.
        timings: Name → the times of each, where all were timed together; else None.
        against: The cost on the axis, one of AXES.
        scale: "log" or "linear".
    """
    names = [cost.name for cost in costs]
    address.take("pick", ["", *names], "")
    if (clicked := charts.newly_clicked("pareto")) is not None:
        st.session_state["pick"] = st.session_state[_TABLE_BEGAN_WITH] = clicked
    picked: str = st.session_state["pick"]
    if against == "time" and timings is None:
        st.info(
            "These networks were not timed together on this machine yet: press **Measure on this machine**.",
            icon=":material/timer:",
        )
    else:
        values = {cost.name: _cost(cost, against, timings) for cost in costs}
        left, right = st.columns([6, 5], gap="large")
        with left:
            _chart(costs, labels, timings, values, against=against, scale=scale, picked=picked)
        with right:
            in_words = {name: AXES[against].text(value) for name, value in values.items()}
            _table(costs, labels, TITLES[against].lower(), in_words, picked)
            chosen = next((cost for cost in costs if cost.name == picked), None)
            with st.container(key="picked"):
                if chosen is None:
                    st.caption("Choose a point or a row: the other follows.")
                else:
                    st.markdown(_in_full(chosen))
            into_view.bring("picked", st.session_state.get(_ROWS_CHOSEN, 0))
            pictures = " and ".join(dict.fromkeys(f"{c.images:,} pictures of {c.classes} classes" for c in costs))
            st.caption(
                "Up and to the left is better. Bars: one standard error, from the number of pictures alone. Accuracy "
                f"was measured at training, on the whole validation set: {pictures}. Operations: a real multiply-add "
                f"is one, and so are 64 binary ones (XNOR-Net, section 4.1). {BYTES_NOTE} {_training_note(labels)}"
            )
            if timings is not None:
                for sentence in _packed_weights_in_words(costs, labels, timings):
                    st.markdown(sentence)
    address.publish(pick=picked or None)


def _packed_weights_in_words(
    costs: Sequence[NetworkCost], labels: Mapping[str, str], timings: Mapping[str, Timing]
) -> list[str]:
    """What packed weights with real inputs do for the time of each network that has them and a float twin here."""
    twins = {cost.model: timings[cost.name] for cost in costs if cost.scheme == "float"}
    sentences = []
    for cost in costs:
        if (cost.scheme == "bwn" or TERNARY in cost.parts) and cost.model in twins:
            twin, own = twins[cost.model], timings[cost.name]
            speed_up, spread = twin.median_s / own.median_s, max(twin.spread, own.spread)
            label = markup.plain(labels[cost.name])
            bits = 2 if TERNARY in cost.parts else 1
            sentences.append(binary_weights.only_weights_are_packed(label, bits, speed_up, spread))
    return sentences


def _cost(cost: NetworkCost, against: str, timings: Mapping[str, Timing] | None) -> float:
    """A network's place on the axis `against`: bytes, operations or seconds."""
    if against == "time":
        assert timings is not None
        return timings[cost.name].median_s
    return {"file": cost.file_bytes, "resident": cost.resident_bytes, "operations": cost.predicted_operations}[against]


def _chart(
    costs: Sequence[NetworkCost],
    labels: Mapping[str, str],
    timings: Mapping[str, Timing] | None,
    values: Mapping[str, float],
    *,
    against: str,
    scale: str,
    picked: str,
) -> None:
    axis = AXES[against]
    points = [
        trade_offs.Point(
            cost.name,
            cost.scheme,
            shipped_costs.model_title(cost.model),
            values[cost.name],
            100 * cost.top1,
            100 * cost.standard_error,
        )
        for cost in costs
    ]
    models = [shipped_costs.model_title(model) for model in sorted({cost.model for cost in costs})]
    rings = [f"ringed: {', '.join(models[1:])}"] if len(models) > 1 else []
    charts.legend(dict.fromkeys(cost.scheme for cost in costs), ["dotted: nothing cheaper is better", *rings])
    charts.show(
        trade_offs.pareto(points, axis, log=scale == "log", picked=picked, legend=False, dark=theme.dark()),
        alt=f"Top-1 accuracy against {axis.title}: "
        + "; ".join(f"{labels[c.name]} {100 * c.top1:.1f} % at {axis.text(values[c.name])}" for c in costs),
        table={
            "network": list(labels.values()),
            "architecture": [shipped_costs.architecture(name) for name in labels],
            "epochs": [shipped_costs.epochs(name) for name in labels],
            "with the help of": [shipped_costs.helped_by(name) or "–" for name in labels],
            "top-1, measured at training": [f"{100 * c.top1:.1f} ± {100 * c.standard_error:.1f} %" for c in costs],
            "packed file": [units.memory(c.file_bytes) for c in costs],
            "× smaller than float32": [units.times(c.times_smaller) for c in costs],
            "weights in memory": [units.memory(c.resident_bytes) for c in costs],
            "real multiply-adds": [units.count(c.real_macs) for c in costs],
            "binary multiply-adds": [units.count(c.binary_macs) for c in costs],
            "operations, computed": [units.count(c.predicted_operations) for c in costs],
            "one picture, measured here": [
                "–" if timings is None else units.duration(timings[name].median_s) for name in labels
            ],
        },
        key="pareto",
        clickable=True,
    )


def _table(
    costs: Sequence[NetworkCost], labels: Mapping[str, str], title: str, in_words: Mapping[str, str], picked: str
) -> None:
    """The table beside the chart, whose column `title` holds the cost of each network as `in_words` writes it."""
    names = list(labels)
    # A table takes a selection over only when it is new: where the pick came from elsewhere. A table in which the
    # visitor clicks stays, and the focus with it.
    began_with = st.session_state.setdefault(_TABLE_BEGAN_WITH, picked)
    key = f"zoo-{began_with}-{len(names)}-{names[0]}"

    def follow_row() -> None:
        selection = st.session_state[key]["selection"]
        places = [*selection["rows"], *(row for row, _ in selection["cells"])]
        chosen = [names[place] for place in places if names[place] != st.session_state["pick"]]
        if chosen or not places:
            st.session_state["pick"] = chosen[0] if chosen else ""
        st.session_state[_ROWS_CHOSEN] = st.session_state.get(_ROWS_CHOSEN, 0) + bool(chosen)

    st.dataframe(
        {
            "network": [f"{look(cost.scheme).glyph} {labels[cost.name]}" for cost in costs],
            "top-1 %": [100 * cost.top1 for cost in costs],
            title: list(in_words.values()),
        },
        hide_index=True,
        height="content",
        on_select=follow_row,
        selection_mode=["single-row", "single-cell"],  # a click on a row's text selects a cell
        key=key,
        selection_default={"selection": {"rows": [names.index(began_with)]}} if began_with in names else None,
        column_config={"top-1 %": st.column_config.NumberColumn(format="%.1f")},
        alt="The networks of the chart; choose a row to mark its point.",
    )


def _in_full(cost: NetworkCost) -> str:
    """All figures of a network in a sentence of Markdown."""
    seeds = " and ".join(f"{100 * top1:.1f}" for top1 in cost.repeats)
    others = f" (other seeds: {seeds} %)" if seeds else ""
    training = ", ".join(
        filter(None, (f"{shipped_costs.epochs(cost.name)} epochs", shipped_costs.helped_by(cost.name)))
    )
    return (
        f"**{look(cost.scheme).glyph} {markup.plain(cost.name)}** ({shipped_costs.architecture(cost.name)}; "
        f"{markup.plain(training)}): {100 * cost.top1:.1f} ± "
        f"{100 * cost.standard_error:.1f} % of {cost.images:,} pictures of {cost.classes} classes right"
        f"{others}; {units.memory(cost.file_bytes)} on disk, {units.times(cost.times_smaller)} smaller than its "
        f"numbers in float32 ({units.memory(cost.float32_bytes)}); {units.memory(cost.resident_bytes)} in memory; "
        f"{units.count(cost.real_macs)} real and {units.count(cost.binary_macs)} binary multiply-adds."
    )


def _training_note(labels: Mapping[str, str]) -> str:
    """What to know of the trainings before two accuracies are compared."""
    lengths = sorted({shipped_costs.epochs(name) for name in labels})
    equal = len(lengths) == 1
    first = (
        f"Each was trained for {lengths[0]} epochs" if equal else "Not all were trained equally long: see The numbers"
    )
    helped = {label: helpers for name, label in labels.items() if (helpers := shipped_costs.helped_by(name))}
    return ". ".join([first, *(markup.plain(f"{label}: {helpers}") for label, helpers in helped.items())]) + "."
