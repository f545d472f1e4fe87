"""Network timing: where the milliseconds of a whole network go, and why the real first layer caps the speed-up."""

import re

import streamlit as st
from shared import (
    address,
    cached,
    charts,
    markup,
    network_choice,
    networks,
    notices,
    number_field,
    own_networks,
    speed_lab_link,
    timing_choice,
)
from streamlit.delta_generator import DeltaGenerator

from views.network_timing import measurement, timing_charts
from views.network_timing.layers import Layer
from views.network_timing.measurement import LayerTimings, Settings
from xnorlab.benchmark import BenchmarkError
from xnorlab.figures.style import look

RESULT = "network timing: result"
LAYER = re.compile(r"|(conv|shortcut|fc) ?\d{1,3}|[\w.#-]{1,80}")


def time_networks(settings: Settings, place: DeltaGenerator) -> None:
    """Time the networks with progress, a Cancel button and a growing table in `place`; the result is kept."""
    with place.container():
        progress, cancel = st.columns([5, 1], vertical_alignment="center")
        bar = progress.empty()
        cancel.button("Cancel", icon=":material/cancel:", key="cancel", width="stretch")
        table = st.empty()

    def show(result: LayerTimings) -> None:
        st.session_state[RESULT] = result
        table.table(timing_charts.layer_table(result), border="horizontal", hide_index=True)

    scheme = settings.schemes[0]
    try:
        for scheme in settings.schemes:
            cached.network(networks.name(settings.family, scheme))
        measurement.measure(settings, bar, show)
    except BenchmarkError as error:
        notices.no_time(place, error)
        address.end_page()
    except ValueError as error:
        place.empty()
        notices.cannot_use(error, networks.advice(settings.family, scheme))
        address.end_page()
    place.empty()


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
    "layer stays real in all of them, and that sets a limit. A network of your own is timed alone."
)

with st.container(border=True):
    family = network_choice.family(key="timed_network", control=address.pills, own=True)
    own = own_networks.is_own(family)
    offered = networks.schemes(family)
    left, right = st.columns(2, vertical_alignment="bottom")
    threads_place, runs_place = st.columns(2, vertical_alignment="bottom")
    if own:
        schemes = tuple(offered)
        left.caption("Alone: a packed file holds no twin to compare with.")
    else:
        with left:
            first = network_choice.scheme(offered, default=offered[0], key="first", label="Compare")
        with right:
            default = "xnor" if "xnor" in offered else offered[-1]
            second = network_choice.scheme(offered, default=default, key="second", label="with")
        schemes = (first, second)
    with threads_place:
        threads = timing_choice.threads()
    with runs_place:
        repeats = timing_choice.runs("runs")
    problems = [threads.problem] if threads.problem else []
    one_twice = len(set(schemes)) < len(schemes)
    settings = None if problems or one_twice else Settings(family, schemes, int(threads.number), repeats)
    row = st.container(horizontal=True, vertical_alignment="center")
    pressed = row.button(
        "Run", type="primary", icon=":material/play_arrow:", key="run-network", disabled=settings is None
    )
    row.caption("One picture, batch 1; reading and cropping left out. Nothing is timed unasked.", width="content")
    number_field.say(problems)
    place = st.empty()
    if len(offered) == 1 and not own:
        st.info(
            f"{networks.title(family)} has no second network yet to compare with.", icon=":material/compare_arrows:"
        )
    elif one_twice:
        st.info("Choose two different schemes.", icon=":material/compare_arrows:")

address.take_text("timed_layer", "", valid=lambda key: bool(LAYER.fullmatch(key)), rule="a layer such as conv2")
st.session_state["timed_layer"] = st.session_state["timed_layer"].replace(" ", "")  # addresses once wrote conv 2
address.publish(timed_layer=st.session_state["timed_layer"] or None)
address.show_notes(notes)
if pressed and settings is not None:
    time_networks(settings, place)
if RESULT not in st.session_state:
    if settings is not None:
        st.info("Press **Run** for a measurement.", icon=":material/timer:")
    address.end_page()

result: LayerTimings = st.session_state[RESULT]
timed = result.settings
if timed != settings:
    st.warning(
        f"Settings changed, run again. Below: {networks.title(timed.family)}, "
        f"{' and '.join(look(scheme).label for scheme in timed.schemes)}, {timing_choice.on_threads(timed.threads)}.",
        icon=":material/sync_problem:",
    )
elif result.runs < timed.repeats:
    st.warning(
        f"Stopped after {result.runs} of {timed.repeats} runs; below is what there is.", icon=":material/cancel:"
    )

machine = result.machine
st.subheader(f"{networks.title(timed.family)}, measured here at {machine.taken[11:19]} UTC")
timing_charts.show_whole(result)

st.subheader("Layer by layer")
keys = [layer.key for layer in result.layers]
if (clicked := charts.newly_clicked("layers")) is not None:
    st.session_state["timed_layer"] = clicked
if st.session_state["timed_layer"] not in keys:  # of another network
    st.session_state["timed_layer"] = ""
timing_charts.show_layers(result, st.session_state["timed_layer"])
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
    f"Medians of {result.runs} runs, {timing_choice.on_threads(timed.threads)}, {markup.plain(machine.cpu)}, "
    f"{machine.instructions}. "
    "Norms, activations, sums and the next layer's signs are done within a layer where that is possible; what else "
    "follows a layer counts to it. Taken inside runs of the whole network; the clock between two steps costs a little."
)
