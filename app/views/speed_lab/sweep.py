"""Figure 4 of the paper with points measured here: the speed-up along one number of the convolution."""

from collections.abc import Iterable

import streamlit as st
from shared import charts, notices, number_field, theme, timing_choice, turns
from streamlit.delta_generator import DeltaGenerator

from xnorlab import benchmark, units
from xnorlab.benchmark import SWEEP_SHAPE, Sweep
from xnorlab.benchmark.sweeps import SWEEP_REPEATS
from xnorlab.figures import performance
from xnorlab.kernels.threads import available_threads

AXES = ("channels", "kernel")  # what the paper's figure 4 varies


@st.fragment
def show() -> None:
    """The choice of what varies and a button that measures; once it is measured, chart and table."""
    axis = st.segmented_control("Along", list(AXES), default="channels", key="axis", required=True)
    place = st.empty()
    # From the session: what the page handed over would be older than a number that came with this click.
    threads = st.session_state["threads"]
    problem = number_field.problem("Threads", threads, 1, available_threads())
    number_field.say([problem] if problem else [])
    pressed = st.button("Measure the sweep", key="sweep", icon=":material/show_chart:", disabled=bool(problem))
    if pressed and not problem:
        try:
            st.session_state[f"lab: {axis}"] = _measure(axis, int(threads), place)
        except ValueError as error:
            notices.no_time(place, error)
            return
        st.rerun()
    sweep: Sweep | None = st.session_state.get(f"lab: {axis}")
    if sweep is None:
        st.caption("Not measured yet; every value of the axis is timed, so that it takes a while.")
        return
    notices.not_timed(
        {
            f"{performance.CONTENDERS[name].label}, {axis} {', '.join(map(str, values))},": why
            for name, (values, why) in sweep.left_out.items()
        }
    )
    charts.show(
        performance.sweeps(
            [performance.Panel(axis, sweep.values, sweep.rivals, sweep.computed, sweep.computed_in_words)],
            dark=theme.dark(),
        ),
        alt=f"Speed-up against {axis}: measured against oneDNN and naive loops, and the paper's formula.",
        table={
            axis: list(sweep.values),
            "ours, median": [units.duration(b.timings["binary"].median_s) for b in sweep.results],
            "against the best oneDNN, measured": _times(sweep.measured("best-float")),
            "against naive loops, measured": _times(sweep.measured("naive")),
            "formula, computed": _times(sweep.computed),
            "formula in whole words, computed": _times(sweep.computed_in_words),
        },
        key=f"sweep-{axis}",
    )
    st.caption(
        f"{SWEEP_SHAPE} with one number changed, {timing_choice.on_threads(sweep.results[0].threads)}, medians of "
        f"{SWEEP_REPEATS} runs."
    )


def _times(ratios: Iterable[float | None]) -> list[str]:
    return ["–" if ratio is None else units.times(ratio) for ratio in ratios]


def _measure(axis: str, threads: int, place: DeltaGenerator) -> Sweep:
    """Wait for this visitor's turn, then time the paper's layer at every value of `axis`."""
    with turns.turn(place):
        from xnorlab.peers import TORCH_CONVS

        sweep = benchmark.sweep(axis, threads=threads, peers=TORCH_CONVS, progress=place.progress)
    place.empty()
    return sweep
