"""Speed lab: what XNOR and popcount are worth on this machine, layer by layer."""

from collections.abc import Iterable

import streamlit as st
from shared import address, conv_timing, widgets

from views.speed_lab import settings
from xnorlab import units
from xnorlab.benchmark import SWEEP_SHAPE
from xnorlab.benchmark.sweeps import SWEEP_REPEATS
from xnorlab.figures import comparisons, performance
from xnorlab.kernels.threads import available_threads
from xnorlab.paper.cost_model import PUBLISHED_SPEEDUP

REPEATS = {n: n for n in ("5", "21", "51", "101")}
AXES = ("channels", "kernel")  # what the paper's figure 4 varies
DATA = {"random": "Random", "photo": "A photo's feature maps"}

RESULT, CEILINGS = "lab: result", "lab: ceilings"


st.title("Speed lab")
notes = st.container()
st.markdown(
    "One convolution, computed by naive loops, by a good float library and by XNOR and popcount, in turns, on the same "
    "data. Thresholding and packing count; nothing is measured until you say so."
)

with st.container(border=True):
    data = address.segments("Data", DATA, key="data", default="random")
    x, source = None, "random"
    try:
        if data == "photo":
            shape, x, source = settings.shape_of_photo()
        else:
            shape = settings.shape_by_hand()
    except ValueError as error:
        st.error(widgets.plain(str(error)))
        st.stop()
    cores = available_threads()
    address.take_number("threads", 1, cores, 1)
    t, r, go = st.columns([3, 3, 4], vertical_alignment="bottom")
    threads = t.number_input("Threads", 1, cores, key="threads", persist_state="session")
    with r:
        repeats = address.segments("Runs each", REPEATS, key="repeats", default="21")
    address.publish(data=data, threads=threads, repeats=repeats)
    settings = conv_timing.Settings(shape, threads, int(repeats), source)
    too_much = shape.macs > conv_timing.MOST_MACS
    # Never disabled: a number that is being typed would enable it too late for the click that follows.
    pressed = go.button("Run", type="primary", icon=":material/play_arrow:", key="run", width="stretch")
    naive = (
        "" if shape.macs <= conv_timing.NAIVE_MACS else " The naive loops would take seconds a call and are left out."
    )
    st.caption(
        f"{shape}: {shape.macs / 1e6:,.3g} million multiply-adds (1 multiply-add = 2 operations). "
        f"Formula of the paper: {units.times(shape.predicted_speedup)}, computed.{naive}"
        + (" That is more than this page times: make it smaller." if too_much else "")
    )
    place = st.empty()

address.show_notes(notes)
if pressed and not too_much:
    try:
        st.session_state[RESULT] = settings, conv_timing.measure(settings, place, x)
    except ValueError as error:
        widgets.no_time(place, error)
        st.stop()

if RESULT not in st.session_state:
    st.info("Press **Run** for a measurement: about two seconds at these settings.", icon=":material/timer:")
    st.stop()
timed, bench = st.session_state[RESULT]
if timed != settings:
    st.warning(
        f"Settings changed, run again. Below: {timed.shape}, {timed.data}, {timed.threads} thread(s).",
        icon=":material/sync_problem:",
    )

timings = {name: bench.timings[name] for name in performance.CONTENDERS if name in bench.timings}
left_out = {performance.CONTENDERS[name].label: why for name, why in bench.left_out.items()}
ours, best = timings["binary"], None if bench.best_float is None else timings[bench.best_float]
rivals = {"the best oneDNN": bench.best_float, "naive loops": "naive"}
ratios = {f"against {text}": bench.speedup(name) for text, name in rivals.items() if name in timings}

st.subheader(f"{timed.shape}, measured here at {bench.machine.taken[11:19]} UTC")
figures = widgets.pairs(4)
figures[0].metric("XNOR + popcount, median", units.duration(ours.median_s))
figures[1].metric("best oneDNN, median", "–" if best is None else units.duration(best.median_s))
figures[2].metric(
    "measured speed-up",
    "–" if best is None else units.times(best.median_s / ours.median_s),
    help="Best oneDNN over ours.",
)
figures[3].metric("formula, computed", units.times(timed.shape.predicted_speedup))
widgets.not_timed(left_out)
widgets.noisy({performance.CONTENDERS[name].label: timing.spread for name, timing in timings.items()})
none = ["–"] * len(left_out)
left, right = st.columns(2, gap="large")
with left:
    st.markdown("**Every run**, with median and quartiles")
    widgets.chart(
        performance.timing_spread({n: t.samples_s for n, t in timings.items()}, dark=widgets.dark()),
        alt="Times of every run. Medians: "
        + "; ".join(f"{performance.CONTENDERS[n].label} {units.duration(t.median_s)}" for n, t in timings.items()),
        table={
            "contender": [performance.CONTENDERS[n].label for n in timings] + list(left_out),
            "median": [units.duration(t.median_s) for t in timings.values()] + none,
            "quartiles": [" – ".join(units.duration(q) for q in t.quartiles_s[::2]) for t in timings.values()] + none,
            "runs": [str(len(t.samples_s)) for t in timings.values()] + none,
            "first call, with compiling or loading": [units.duration(t.first_call_s) for t in timings.values()] + none,
            **({"not timed, because": [""] * len(timings) + list(left_out.values())} if left_out else {}),
        },
        key="spread",
    )
    pack = bench.timings["pack"].median_s
    st.caption(
        f"Ours spends {units.duration(pack)} ({units.percent(pack / ours.median_s)}) on thresholding and packing. "
        f"First call, compiling or loading included, never in the runs: {units.duration(ours.first_call_s)}. "
        f"{bench.machine.cpu}, {bench.machine.instructions}, {bench.threads} thread(s); naive loops always on one."
    )
with right:
    st.markdown("**Against the formula**")
    computed = {"formula for these channels": timed.shape.predicted_speedup}
    published = {"the authors, 256 channels": PUBLISHED_SPEEDUP}
    widgets.chart(
        comparisons.speed_up_bars(ratios, computed, published, dark=widgets.dark()),
        alt="Speed-ups: " + "; ".join(f"{n} {units.times(v)}" for n, v in {**ratios, **computed, **published}.items()),
        table={
            "what": [*ratios, *computed, *published],
            "times faster": [units.times(v) for v in (*ratios.values(), *computed.values(), *published.values())],
            "from": ["measured here"] * len(ratios) + ["computed", "published: XNOR-Net, section 4.1"],
        },
        key="speed-up",
    )
    st.caption(
        "The formula counts a real multiply-add as one operation and 64 binary ones as one. A float library also does "
        "16 at a time in one instruction, and memory, packing and scaling are not free: so the two differ."
    )


@st.fragment
def ceilings() -> None:
    """Roofline: how much of what the machine can do at best is reached."""
    place = st.empty()
    if st.button("Measure the ceilings", key="ceilings", icon=":material/roofing:"):
        st.session_state[CEILINGS] = conv_timing.ceilings(place)
        st.rerun()  # the whole page: a number typed just before came with this click, and only this part ran
    found = st.session_state.get(CEILINGS)
    if found is None:
        st.caption("Not measured yet; it takes about two seconds.")
        return
    points = conv_timing.roofline_points(bench)
    roofs = {"binary": found.binary_macs_per_s, "best-float": found.float_macs_per_s}
    widgets.chart(
        performance.roofline(points, roofs, found.bytes_per_s, dark=widgets.dark()),
        alt="Multiply-adds a second against multiply-adds a byte, under the measured ceilings: "
        + "; ".join(f"{performance.CONTENDERS[name].label} {units.rate(rate)}" for name, _, rate in points),
        table={
            "what": [performance.CONTENDERS[name].label for name, _, _ in points],
            "multiply-adds a byte, computed": [units.significant(intensity) for _, intensity, _ in points],
            "rate, measured": [units.rate(rate) for _, _, rate in points],
            "ceiling, measured": [units.rate(roofs.get(n, roofs["best-float"])) for n, _, _ in points],
        },
        key="roofline",
    )
    st.caption(
        "Ceilings of one thread. Binary: XOR, popcount and add on registers, nothing else; a kernel that adds words up "
        "before it counts may pass it. Float: multiply-adds on registers, nothing else. Slope: copying "
        f"memory at {found.bytes_per_s / 1e9:.3g} GB/s. A point's bytes: float32 maps in and out, and the weights."
    )


def _times(ratios: Iterable[float | None]) -> list[str]:
    return ["–" if ratio is None else units.times(ratio) for ratio in ratios]


@st.fragment
def sweeps() -> None:
    """Figure 4 of the paper, with points measured here."""
    axis = st.segmented_control("Along", list(AXES), default="channels", key="axis", required=True)
    place = st.empty()
    if st.button("Measure the sweep", key="sweep", icon=":material/show_chart:"):
        try:
            # Not the page's `threads`: that is older than a number that came with this click.
            st.session_state[f"lab: {axis}"] = conv_timing.sweep(axis, st.session_state["threads"], place)
        except ValueError as error:
            widgets.no_time(place, error)
            return
        st.rerun()
    found = st.session_state.get(f"lab: {axis}")
    if found is None:
        st.caption("Not measured yet; it takes some twenty seconds.")
        return
    widgets.not_timed(
        {
            f"{performance.CONTENDERS[name].label}, {axis} {', '.join(map(str, values))},": why
            for name, (values, why) in found.left_out.items()
        }
    )
    widgets.chart(
        performance.sweeps(
            [performance.Panel(axis, found.values, found.rivals, found.computed, found.computed_in_words)],
            dark=widgets.dark(),
        ),
        alt=f"Speed-up against {axis}: measured against oneDNN and naive loops, and the paper's formula.",
        table={
            axis: list(found.values),
            "ours, median": [units.duration(b.timings["binary"].median_s) for b in found.results],
            "against the best oneDNN, measured": _times(found.measured("best-float")),
            "against naive loops, measured": _times(found.measured("naive")),
            "formula, computed": [units.times(v) for v in found.computed],
            "formula in whole words, computed": [units.times(v) for v in found.computed_in_words],
        },
        key=f"sweep-{axis}",
    )
    st.caption(
        f"{SWEEP_SHAPE} with one number changed, {found.results[0].threads} thread(s), medians of {SWEEP_REPEATS} runs."
    )


st.subheader("Under the roof")
ceilings()
st.subheader("Figure 4 of the paper, on this machine")
sweeps()
