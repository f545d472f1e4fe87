"""Network timing: where the milliseconds of a whole network go, and why the real first layer caps the speed-up."""

import re
from collections.abc import Mapping, Sequence

import streamlit as st
from shared import (
    address,
    cached,
    charts,
    layout,
    markup,
    network_choice,
    networks,
    notices,
    speed_lab_link,
    theme,
    timing_choice,
)
from streamlit.delta_generator import DeltaGenerator

from views.network_timing import measurement
from views.network_timing.layers import Layer
from views.network_timing.measurement import STAGES, PairTimings, Settings
from xnorlab import units
from xnorlab.benchmark import BenchmarkError
from xnorlab.figures.axes import CostAxis
from xnorlab.figures.stacked import paired_bars, stacked_bars
from xnorlab.figures.style import look
from xnorlab.zoo.cost import amdahl_limit

RESULT = "network timing: result"
LAYER = re.compile(r"|(conv|shortcut|fc) ?\d{1,3}|classifier")
AXIS = CostAxis("one picture (measured here)", units.duration)


def time_pair(settings: Settings, place: DeltaGenerator) -> None:
    """Time both networks with progress, a Cancel button and a growing table in `place`; the result is kept."""
    with place.container():
        progress, cancel = st.columns([5, 1], vertical_alignment="center")
        bar = progress.empty()
        cancel.button("Cancel", icon=":material/cancel:", key="cancel", width="stretch")
        table = st.empty()

    def show(pair: PairTimings) -> None:
        st.session_state[RESULT] = pair
        table.table(layer_table(pair), border="horizontal", hide_index=True)

    scheme = settings.schemes[0]
    try:
        for scheme in settings.schemes:
            cached.network(networks.name(settings.family, scheme))
        measurement.measure(settings, bar, show)
    except BenchmarkError as error:
        notices.no_time(place, error)
        st.stop()
    except ValueError as error:
        place.empty()
        notices.cannot_use(error, networks.advice(settings.family, scheme))
        st.stop()
    place.empty()


def layer_table(pair: PairTimings) -> dict[str, list[str]]:
    """Column → one entry per layer: its name, its shape, its time under both schemes, and their ratio."""
    totals = {
        scheme: [sum(times) for times in zip(*pair.layer_medians_s(scheme).values(), strict=True)]
        for scheme in pair.settings.schemes
    }
    first, second = pair.settings.schemes
    ratios = [units.times(a / b) if b else "–" for a, b in zip(totals[first], totals[second], strict=True)]
    return {
        "layer": [layer.key for layer in pair.layers],
        "shape": [layer.shape for layer in pair.layers],
        **{look(scheme).label: [units.duration(t) for t in times] for scheme, times in totals.items()},
        f"{look(first).short} / {look(second).short}": ratios,
    }


def every_stage(pair: PairTimings) -> dict[str, dict[str, list[float]]]:
    """Scheme → stage → median seconds of each layer; the stages that take time under either scheme."""
    taken = {scheme: pair.layer_medians_s(scheme) for scheme in pair.settings.schemes}
    stages = [stage for stage in STAGES if any(stage in times for times in taken.values())]
    nothing = [0.0] * len(pair.layers)
    return {scheme: {stage: times.get(stage, nothing) for stage in stages} for scheme, times in taken.items()}


def show_whole(pair: PairTimings, stages: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """The whole networks: medians, the limit that the first layer sets, and bars of the stages.

    Args:
        pair: The times of both networks.
        stages: See `every_stage`.
    """
    base, other = pair.settings.schemes
    medians = {scheme: timing.median_s for scheme, timing in pair.timings.items()}
    first_layers = {scheme: pair.first_layer_s(scheme) for scheme in pair.settings.schemes}
    limit, measured = amdahl_limit(medians[base], first_layers[other]), medians[base] / medians[other]
    figures = {
        f"{look(base).short}, median": units.duration(medians[base]),
        f"{look(other).short}, median": units.duration(medians[other]),
        "measured speed-up": units.times(measured),
        "limit by the first layer, computed": units.times(limit),
    }
    for column, (title, text) in zip(layout.pairs(4), figures.items(), strict=True):
        column.metric(title, text)
    notices.noisy({look(scheme).label: timing.spread for scheme, timing in pair.timings.items()})

    st.markdown(
        f"**The first layer** is real under both schemes. It takes {units.duration(first_layers[other])} of "
        f"{look(other).label}'s {units.duration(medians[other])} "
        f"({units.percent(first_layers[other] / medians[other])}), and {units.duration(first_layers[base])} of "
        f"{look(base).label}'s {units.duration(medians[base])} "
        f"({units.percent(first_layers[base] / medians[base])}). If everything behind it took no time at all, the "
        f"whole would be {units.duration(medians[base])} / {units.duration(first_layers[other])} = "
        f"**{units.times(limit)}** as fast as {look(base).label}: Amdahl's law. Measured: **{units.times(measured)}**."
    )
    split = {look(scheme).label: {stage: sum(t) for stage, t in own.items()} for scheme, own in stages.items()}
    charts.show(
        stacked_bars(split, {look(scheme).label: scheme for scheme in stages}, AXIS, dark=theme.dark()),
        alt="Where the time of each network goes. "
        + "; ".join(
            f"{label}: " + ", ".join(f"{stage} {units.duration(t)}" for stage, t in row.items())
            for label, row in split.items()
        ),
        table={
            "scheme": list(split),
            "whole network": [units.duration(timing.median_s) for timing in pair.timings.values()],
            "quartiles": [
                " – ".join(units.duration(q) for q in timing.quartiles_s[::2]) for timing in pair.timings.values()
            ],
            **{stage: [units.duration(row[stage]) for row in split.values()] for stage in stages[base]},
            "first call, with compiling": [units.duration(timing.first_call_s) for timing in pair.timings.values()],
        },
        key="whole",
    )


def show_layers(pair: PairTimings, stages: Mapping[str, Mapping[str, Sequence[float]]], picked: str) -> None:
    """Bars of every layer under both schemes; a click on one picks its layer at the next run.

    Args:
        pair: The times of both networks.
        stages: See `every_stage`.
        picked: Key of the layer to be marked, or "".
    """
    keys = [layer.key for layer in pair.layers]
    table = layer_table(pair)
    columns = list(table.values())[:4]
    charts.show(
        paired_bars(keys, stages, AXIS, picked=picked, dark=theme.dark()),
        alt="Time of every layer under both schemes: "
        + "; ".join(f"{key}, {shape}: {a} and {b}" for key, shape, a, b in zip(*columns, strict=True)),
        table={
            **table,
            **{
                f"{look(scheme).short}: {stage}": [units.duration(t) for t in times]
                for scheme, own in stages.items()
                for stage, times in own.items()
            },
        },
        key="layers",
        clickable=True,
    )


def show_link(layer: Layer) -> None:
    """A link to the Speed lab at the geometry of `layer`, or that it has no such shape."""
    if layer.speed_lab_query is None:
        st.caption(f"{layer.key}, {layer.shape}: the Speed lab has no such shape.")
        return
    border = "" if layer.speed_lab_padding is None else f", with a border of {layer.speed_lab_padding}"
    st.page_link(
        speed_lab_link.PAGE,
        label=f"Time {layer.key}, {layer.shape}, in the Speed lab{border}",
        icon=":material/speed:",
        query_params=layer.speed_lab_query,
    )


st.title("Network timing")
notes = st.container()
st.markdown(
    "A whole network under two schemes, in turns, layer by layer. Binary layers can be many times faster; the first "
    "layer stays real in all of them, and that sets a limit."
)

with st.container(border=True):
    family = network_choice.family(key="timed_network", control=address.pills)
    offered = networks.schemes(family)
    left, right, threads_place, runs_place = st.columns([3, 3, 2, 3], vertical_alignment="bottom")
    with left:
        first = network_choice.scheme(offered, default=offered[0], key="first", label="Compare")
    with right:
        default = "xnor" if "xnor" in offered else offered[-1]
        second = network_choice.scheme(offered, default=default, key="second", label="with")
    with threads_place:
        threads = timing_choice.threads()
    with runs_place:
        repeats = timing_choice.runs("runs")
    settings = Settings(family, (first, second), threads, repeats)
    row = st.container(horizontal=True, vertical_alignment="center")
    # Never disabled: a scheme that is being chosen would enable it too late for the click that follows.
    pressed = row.button("Run", type="primary", icon=":material/play_arrow:", key="run-network")
    row.caption("One picture, batch 1; reading and cropping left out. Nothing is timed unasked.", width="content")
    place = st.empty()
    if len(offered) == 1:
        st.info(
            f"{networks.title(family)} has no second network yet to compare with.", icon=":material/compare_arrows:"
        )
    elif first == second:
        st.info("Choose two different schemes.", icon=":material/compare_arrows:")

address.take_text("timed_layer", "", valid=lambda key: bool(LAYER.fullmatch(key)), rule="a layer such as conv2")
st.session_state["timed_layer"] = st.session_state["timed_layer"].replace(" ", "")  # addresses once wrote conv 2
address.publish(timed_layer=st.session_state["timed_layer"] or None)
address.show_notes(notes)
if pressed and first != second:
    time_pair(settings, place)
if RESULT not in st.session_state:
    st.info("Press **Run** for a measurement: one to ten seconds at these settings.", icon=":material/timer:")
    st.stop()

result: PairTimings = st.session_state[RESULT]
timed = result.settings
if timed != settings:
    st.warning(
        f"Settings changed, run again. Below: {networks.title(timed.family)}, {look(timed.schemes[0]).label} and "
        f"{look(timed.schemes[1]).label}, {timed.threads} thread(s).",
        icon=":material/sync_problem:",
    )
elif result.runs < timed.repeats:
    st.warning(
        f"Stopped after {result.runs} of {timed.repeats} runs; below is what there is.", icon=":material/cancel:"
    )

machine = result.machine
st.subheader(f"{networks.title(timed.family)}, measured here at {machine.taken[11:19]} UTC")
stages = every_stage(result)
show_whole(result, stages)

st.subheader("Layer by layer")
keys = [layer.key for layer in result.layers]
if (clicked := charts.newly_clicked("layers")) is not None:
    st.session_state["timed_layer"] = clicked
if st.session_state["timed_layer"] not in keys:  # of another network
    st.session_state["timed_layer"] = ""
show_layers(result, stages, st.session_state["timed_layer"])
choice, link = st.columns([4, 6], vertical_alignment="bottom")
picked = choice.selectbox(
    "A layer, or click its bars",
    ["", *keys],
    key="timed_layer",
    persist_state="session",
    format_func=lambda key: key if key else "none",
)
address.publish(timed_layer=picked or None)
if picked:
    with link:
        show_link(next(layer for layer in result.layers if layer.key == picked))
st.caption(
    f"Medians of {result.runs} runs, {timed.threads} thread(s), {markup.plain(machine.cpu)}, {machine.instructions}. "
    "Norms, activations, sums and the next layer's signs are done within a layer where that is possible; what else "
    "follows a layer counts to it. Taken inside runs of the whole network; the clock between two steps costs a little."
)
