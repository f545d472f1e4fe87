"""The roofline: how much of what the machine can do at best is reached."""

from collections.abc import Mapping, Sequence

import streamlit as st
from shared import charts, theme, turns
from streamlit.delta_generator import DeltaGenerator

from xnorlab import units
from xnorlab.benchmark import Ceilings, ConvBench, measure_ceilings
from xnorlab.benchmark.ceilings import binary_loop, looks_up
from xnorlab.figures import performance
from xnorlab.paper.cost_model import weight_memory

CEILINGS = "lab: ceilings"


@st.fragment
def show(bench: ConvBench) -> None:
    """A button that measures the ceilings; once they are measured, the contenders of `bench` under them."""
    place = st.empty()
    if st.button("Measure the ceilings", key="ceilings", icon=":material/roofing:"):
        st.session_state[CEILINGS] = _measure(place)
        st.rerun()  # the whole page: a number typed just before came with this click, and only this part ran
    ceilings: Ceilings | None = st.session_state.get(CEILINGS)
    if ceilings is None:
        st.caption("Not measured yet.")
        return
    marks = points(bench)
    rates = {"binary": ceilings.binary_macs_per_s, "best-float": ceilings.float_macs_per_s}
    charts.show(
        performance.roofline(marks, rates, ceilings.bytes_per_s, dark=theme.dark()),
        alt="Multiply-adds per second against multiply-adds per byte, under the measured ceilings: "
        + "; ".join(f"{performance.CONTENDERS[name].label} {units.rate(rate)}" for name, _, rate in marks),
        table={
            "what": [performance.CONTENDERS[name].label for name, _, _ in marks],
            "multiply-adds per byte, computed": [units.significant(intensity) for _, intensity, _ in marks],
            "rate, measured": [units.rate(rate) for _, _, rate in marks],
            "ceiling, measured": [units.rate(rates.get(name, rates["best-float"])) for name, _, _ in marks],
        },
        key="roofline",
    )
    for sentence in above_their_ceilings(marks, rates, bench.threads):
        st.markdown(sentence)
    st.caption(
        f"Ceilings of one thread. Binary: {binary_loop()}, on registers, nothing else. Float: multiply-adds on "
        f"registers, nothing else. Slope: copying memory at {units.significant(ceilings.bytes_per_s / 1e9)} GB/s. A "
        "point's bytes: float32 maps in and out, and the weights."
    )


def points(bench: ConvBench) -> list[tuple[str, float, float]]:
    """Where the contenders stand under the ceilings; inputs and outputs are float32 for all of them.

    Returns:
        One (contender, multiply-adds per byte, multiply-adds per second) each.
    """
    shape = bench.shape
    weights = weight_memory(shape.channels, shape.n_filters, shape.kernel**2)
    maps_bytes = 4 * shape.batch * (shape.size**2 * shape.channels + shape.output**2 * shape.n_filters)
    rows = [] if bench.best_float is None else [("best-float", bench.best_float, weights.float32_bytes)]
    rows.append(("binary", "binary", weights.packed_bytes))
    if "naive" in bench.timings:
        rows.append(("naive", "naive", weights.float32_bytes))
    return [
        (look, shape.macs / (maps_bytes + weight_bytes), shape.macs / bench.timings[name].median_s)
        for look, name, weight_bytes in rows
    ]


def above_their_ceilings(
    marks: Sequence[tuple[str, float, float]], rates: Mapping[str, float], threads: int
) -> list[str]:
    """Why a contender is faster than its ceiling, one sentence of Markdown for each that is.

    Args:
        marks: As `points` gives them.
        rates: Contender → the multiply-adds per second of its ceiling, of one thread.
        threads: On which the contenders ran; the naive loops always run on one.
    """
    sentences = []
    for name, _, rate in marks:
        ceiling = rates.get(name, rates["best-float"])
        if rate <= ceiling:
            continue
        why = "It was measured while the machine was less busy than when its ceiling was: measure the ceilings again."
        if threads > 1 and name != "naive":
            why = f"It ran on {threads} threads, and the ceiling is that of one."
        elif name == "binary" and not looks_up():
            why = (
                "The ceiling counts every word by itself; the kernel first adds several words' bits with carries, and "
                "counts fewer."
            )
        label = performance.CONTENDERS[name].label
        sentences.append(f"**{label} stands {units.times(rate / ceiling)} as high as its ceiling.** {why}")
    return sentences


def _measure(place: DeltaGenerator) -> Ceilings:
    """Wait for this visitor's turn, then measure what one thread of this machine can do at best."""
    with turns.turn(place):
        place.progress(0.0, "What this machine can do at best…")
        ceilings = measure_ceilings()
    place.empty()
    return ceilings
