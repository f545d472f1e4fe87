"""Speed lab: what XNOR and popcount are worth on this machine, layer by layer."""

import streamlit as st
from shared import address, charts, conv_timing, layout, notices, number_field, speed_up_origins, theme, timing_choice

from views.speed_lab import convolution_choice, roofline, sweep
from xnorlab import units
from xnorlab.figures import comparisons, performance
from xnorlab.paper.cost_model import PUBLISHED_SPEEDUP

RESULT = "lab: result"
MOST_MACS = 5 * 10**9  # beyond this nothing is timed

st.title("Speed lab")
notes = st.container()
st.markdown(
    "One convolution, computed by naive loops, by a good float library and by XNOR and popcount, in turns, on the same "
    "data. Thresholding and packing count; nothing is measured until you say so."
)

with st.container(border=True):
    convolution, problems = convolution_choice.choose()
    threads_place, runs_place, button_place = st.columns([3, 3, 4], vertical_alignment="bottom")
    with threads_place:
        threads = timing_choice.threads()
    with runs_place:
        repeats = timing_choice.runs("repeats")
    problems += [threads.problem] if threads.problem else []
    if convolution is not None:
        shape = convolution.shape
        too_slow = shape.macs > conv_timing.NAIVE_MACS
        st.caption(
            f"{shape}: {units.count(shape.macs)} multiply-adds (1 multiply-add = 2 operations). "
            f"Formula of the paper: {units.times(shape.predicted_speedup)}, computed."
            + (" The naive loops would take seconds per call and are left out." if too_slow else "")
        )
        if shape.macs > MOST_MACS:
            problems.append(
                f"{units.count(shape.macs)} multiply-adds are more than this page times, {units.count(MOST_MACS)}: "
                "make the layer smaller."
            )
    number_field.say(problems)
    pressed = button_place.button(
        "Run", type="primary", icon=":material/play_arrow:", key="run", width="stretch", disabled=bool(problems)
    )
    progress = st.empty()

address.show_notes(notes)
settings = None
if convolution is not None and not problems:
    settings = conv_timing.Settings(convolution.shape, int(threads.number), repeats, convolution.data)
    if pressed:
        try:
            st.session_state[RESULT] = settings, conv_timing.measure(settings, progress, convolution.inputs)
        except ValueError as error:
            notices.no_time(progress, error)
            address.end_page()
if RESULT not in st.session_state:
    if settings is not None:
        st.info("Press **Run** for a measurement.", icon=":material/timer:")
    address.end_page()

timed, bench = st.session_state[RESULT]
# Always there, so that the parts below keep their place: a click in one that has moved meanwhile would be lost.
stale = st.empty()
if timed != settings:
    stale.warning(
        f"Settings changed, run again. Below: {timed.shape}, {timed.data}, {timing_choice.on_threads(timed.threads)}.",
        icon=":material/sync_problem:",
    )
labels = {name: look.label for name, look in performance.CONTENDERS.items()}
timings = {name: bench.timings[name] for name in labels if name in bench.timings}
left_out = {labels[name]: why for name, why in bench.left_out.items()}
ours, best = timings["binary"], None if bench.best_float is None else timings[bench.best_float]

st.subheader(f"{timed.shape}, measured here at {bench.machine.taken[11:19]} UTC")
figures = layout.pairs(4)
figures[0].metric("XNOR + popcount, median", units.duration(ours.median_s))
figures[1].metric("best oneDNN, median", "–" if best is None else units.duration(best.median_s))
figures[2].metric(
    "measured speed-up",
    "–" if best is None else units.times(best.median_s / ours.median_s),
    help="Best oneDNN over ours.",
)
figures[3].metric("formula, computed", units.times(timed.shape.predicted_speedup))
notices.not_timed(left_out)
notices.noisy({labels[name]: timing.spread for name, timing in timings.items()})

left, right = st.columns(2, gap="large")
with left:
    st.markdown("**Every run**, with median and quartiles")
    none = ["–"] * len(left_out)
    charts.show(
        performance.timing_spread({name: t.samples_s for name, t in timings.items()}, dark=theme.dark()),
        alt="Times of every run. Medians: "
        + "; ".join(f"{labels[name]} {units.duration(t.median_s)}" for name, t in timings.items()),
        table={
            "contender": [labels[name] for name in timings] + list(left_out),
            "median": [units.duration(t.median_s) for t in timings.values()] + none,
            "quartiles": [" – ".join(units.duration(q) for q in t.quartiles_s[::2]) for t in timings.values()] + none,
            "runs": [str(len(t.samples_s)) for t in timings.values()] + none,
            "first call, with compiling or loading": [units.duration(t.first_call_s) for t in timings.values()] + none,
            **({"not timed, because": [""] * len(timings) + list(left_out.values())} if left_out else {}),
        },
        key="spread",
    )
    packing_s = bench.timings["pack"].median_s
    st.caption(
        f"Ours spends {units.duration(packing_s)} ({units.percent(packing_s / ours.median_s)}) on thresholding and "
        f"packing. First call, compiling or loading included, never in the runs: {units.duration(ours.first_call_s)}. "
        f"{bench.machine.cpu}, {bench.machine.instructions}, {timing_choice.on_threads(bench.threads)}; naive loops "
        "always on one."
    )
with right:
    st.markdown("**Against the formula**")
    rivals = {"the best oneDNN": bench.best_float, "naive loops": "naive"}
    measured = {f"against {words}": bench.speedup(name) for words, name in rivals.items() if name in timings}
    computed = {"formula for these channels": timed.shape.predicted_speedup}
    published = {"the authors, 256 channels": PUBLISHED_SPEEDUP}
    every = {**measured, **computed, **published}
    charts.show(
        comparisons.speed_up_bars(measured, computed, published, dark=theme.dark()),
        alt="Speed-ups: " + "; ".join(f"{what} {units.times(ratio)}" for what, ratio in every.items()),
        table={
            "what": list(every),
            "times faster": [units.times(ratio) for ratio in every.values()],
            "from": ["measured here"] * len(measured) + ["computed", "published: XNOR-Net, section 4.1"],
        },
        key="speed-up",
    )

st.markdown("**Where these come from**")
st.markdown(speed_up_origins.as_list([*speed_up_origins.in_print(timed.shape), *speed_up_origins.measured(bench)]))

st.subheader("Roofline")
roofline.show(bench)
st.subheader("Figure 4 of the paper, on this machine")
sweep.show()
