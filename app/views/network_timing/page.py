"""Network timing: where the milliseconds of a whole network go, and why the real first layer caps the speed-up."""

import re

import streamlit as st
from shared import address, cached, networks, widgets

from views.network_timing import measurement
from views.network_timing.measurement import STAGES, Found, Settings
from xnorlab import units
from xnorlab.benchmark import BenchmarkError
from xnorlab.figures.axes import CostAxis
from xnorlab.figures.stacked import paired_bars, stacked_bars
from xnorlab.figures.style import look
from xnorlab.kernels.threads import available_threads
from xnorlab.zoo.cost import amdahl_limit

REPEATS = {n: n for n in ("5", "21", "51", "101")}
RESULT, CLICKED = "network timing: result", "network timing: clicked"
LAYER = re.compile(r"|(conv|shortcut|fc) ?\d{1,3}|classifier")
AXIS = CostAxis("one picture (measured here)", units.duration)


def rows_of(found: Found) -> dict[str, list[str]]:
    """The table of layers."""
    totals = {s: [sum(times) for times in zip(*found.stages(s).values(), strict=True)] for s in found.settings.schemes}
    first, second = found.settings.schemes
    ratios = [units.times(a / b) if b else "–" for a, b in zip(totals[first], totals[second], strict=True)]
    return {
        "layer": [layer.key for layer in found.layers],
        "shape": [layer.shape for layer in found.layers],
        **{look(s).label: [units.duration(t) for t in totals[s]] for s in found.settings.schemes},
        f"{look(first).short} / {look(second).short}": ratios,
    }


st.title("Network timing")
notes = st.container()
st.markdown(
    "A whole network under two schemes, in turns, layer by layer. Binary layers can be many times faster; the first "
    "layer stays real in all of them, and that sets a limit."
)

with st.container(border=True):
    families = networks.families()
    family = address.pills(
        "Network", {f: networks.title(f) for f in families}, key="timed_network", default=families[0]
    )
    words = {s: networks.with_glyph(s) for s in networks.schemes(family)}
    left, right, t, r = st.columns([3, 3, 2, 3], vertical_alignment="bottom")
    with left:
        first = address.menu("Compare", words, key="first", default=next(iter(words)))
    with right:
        second = address.menu("with", words, key="second", default="xnor" if "xnor" in words else list(words)[-1])
    cores = available_threads()
    address.take_number("threads", 1, cores, 1)
    threads = t.number_input("Threads", 1, cores, key="threads", persist_state="session")
    with r:
        repeats = address.segments("Runs each", REPEATS, key="runs", default="21")
    address.publish(timed_network=family, first=first, second=second, threads=threads, runs=repeats)
    settings = Settings(family, (first, second), threads, int(repeats))
    row = st.container(horizontal=True, vertical_alignment="center")
    # Never disabled: a scheme that is being chosen would enable it too late for the click that follows.
    pressed = row.button("Run", type="primary", icon=":material/play_arrow:", key="run-network")
    row.caption("One picture, batch 1; reading and cropping left out. Nothing is timed unasked.", width="content")
    place = st.empty()
    if len(words) == 1:
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
    with place.container():
        progress, stop = st.columns([5, 1], vertical_alignment="center")
        bar = progress.empty()
        stop.button("Cancel", icon=":material/cancel:", key="cancel", width="stretch")
        live = st.empty()

    def show(found: Found) -> None:
        st.session_state[RESULT] = found
        live.table(rows_of(found), border="horizontal", hide_index=True)

    scheme = first
    try:
        for scheme in settings.schemes:
            cached.network(networks.name(family, scheme))
        measurement.measure(settings, bar, show)
    except ValueError as error:
        if isinstance(error, BenchmarkError):
            widgets.no_time(place, error)
        else:
            place.empty()
            widgets.cannot_use(error, networks.advice(family, scheme))
        st.stop()
    place.empty()

if RESULT not in st.session_state:
    st.info("Press **Run** for a measurement: one to ten seconds at these settings.", icon=":material/timer:")
    st.stop()
found: Found = st.session_state[RESULT]
timed = found.settings
if timed != settings:
    st.warning(
        f"Settings changed, run again. Below: {networks.title(timed.family)}, {look(timed.schemes[0]).label} and "
        f"{look(timed.schemes[1]).label}, {timed.threads} thread(s).",
        icon=":material/sync_problem:",
    )
elif found.runs < timed.repeats:
    st.warning(f"Stopped after {found.runs} of {timed.repeats} runs; below is what there is.", icon=":material/cancel:")

base, other = timed.schemes
whole = {scheme: found.whole(scheme) for scheme in timed.schemes}
medians = {scheme: timing.median_s for scheme, timing in whole.items()}
firsts = {scheme: found.first_layer_s(scheme) for scheme in timed.schemes}
limit, measured = amdahl_limit(medians[base], firsts[other]), medians[base] / medians[other]

st.subheader(f"{networks.title(timed.family)}, measured here at {found.bench.machine.taken[11:19]} UTC")
for figure, (title, text) in zip(
    widgets.pairs(4),
    (
        (f"{look(base).short}, median", units.duration(medians[base])),
        (f"{look(other).short}, median", units.duration(medians[other])),
        ("measured speed-up", units.times(measured)),
        ("limit by the first layer, computed", units.times(limit)),
    ),
    strict=True,
):
    figure.metric(title, text)
widgets.noisy({look(scheme).label: timing.spread for scheme, timing in whole.items()})

taken = {scheme: found.stages(scheme) for scheme in timed.schemes}
kinds = [kind for kind in STAGES if any(kind in times for times in taken.values())]
nothing = [0.0] * len(found.layers)
stages = {scheme: {kind: times.get(kind, nothing) for kind in kinds} for scheme, times in taken.items()}
split = {look(s).label: {kind: sum(times) for kind, times in stages[s].items()} for s in timed.schemes}
st.markdown(
    f"**The first layer** is real under both schemes. It takes {units.duration(firsts[other])} of "
    f"{look(other).label}'s {units.duration(medians[other])} "
    f"({units.percent(firsts[other] / medians[other])}), and {units.duration(firsts[base])} of {look(base).label}'s "
    f"{units.duration(medians[base])} ({units.percent(firsts[base] / medians[base])}). If everything behind it took no "
    f"time at all, the whole would be {units.duration(medians[base])} / {units.duration(firsts[other])} = "
    f"**{units.times(limit)}** as fast as {look(base).label}: Amdahl's law. Measured: **{units.times(measured)}**."
)
widgets.chart(
    stacked_bars(split, {look(s).label: s for s in timed.schemes}, AXIS, dark=widgets.dark()),
    alt="Where the time of each network goes. "
    + "; ".join(
        f"{label}: " + ", ".join(f"{kind} {units.duration(t)}" for kind, t in row.items())
        for label, row in split.items()
    ),
    table={
        "scheme": list(split),
        "whole network": [units.duration(medians[s]) for s in timed.schemes],
        "quartiles": [" – ".join(units.duration(q) for q in whole[s].quartiles_s[::2]) for s in timed.schemes],
        **{kind: [units.duration(row[kind]) for row in split.values()] for kind in kinds},
        "first call, with compiling": [units.duration(whole[s].first_call_s) for s in timed.schemes],
    },
    key="whole",
)

st.subheader("Layer by layer")
keys = [layer.key for layer in found.layers]
clicked = widgets.clicked("layers")
if clicked and clicked != st.session_state.get(CLICKED):
    st.session_state["timed_layer"] = clicked[0]
st.session_state[CLICKED] = clicked
if st.session_state["timed_layer"] not in keys:  # of another network
    st.session_state["timed_layer"] = ""
table = rows_of(found)
widgets.chart(
    paired_bars(keys, stages, AXIS, picked=st.session_state["timed_layer"], dark=widgets.dark()),
    alt="Time of every layer under both schemes: "
    + "; ".join(f"{key}, {shape}: {a} and {b}" for key, shape, a, b in zip(*list(table.values())[:4], strict=True)),
    table={
        **table,
        **{
            f"{look(s).short}: {stage}": [units.duration(t) for t in times]
            for s in timed.schemes
            for stage, times in stages[s].items()
        },
    },
    key="layers",
    clickable=True,
)
pick, link = st.columns([4, 6], vertical_alignment="bottom")
picked = pick.selectbox(
    "A layer, or click its bars",
    ["", *keys],
    key="timed_layer",
    persist_state="session",
    format_func=lambda key: key if key else "none",
)
address.publish(timed_layer=picked or None)
chosen = next((layer for layer in found.layers if layer.key == picked), None)
with link:
    if chosen is not None and chosen.lab is not None:
        border = "" if chosen.padding is None else f", with a border of {chosen.padding}"
        st.page_link(
            "views/speed_lab/page.py",
            label=f"Time {chosen.key}, {chosen.shape}, in the Speed lab{border}",
            icon=":material/speed:",
            query_params=chosen.lab,
        )
    elif chosen is not None:
        st.caption(f"{chosen.key}, {chosen.shape}: the Speed lab has no such shape.")
machine = found.bench.machine
st.caption(
    f"Medians of {found.runs} runs, {timed.threads} thread(s), {widgets.plain(machine.cpu)}, {machine.instructions}. "
    "Norms, activations, sums and the next layer's signs are done within a layer where that is possible; what else "
    "follows a layer counts to it. Taken inside runs of the whole network; the clock between two steps costs a little."
)
