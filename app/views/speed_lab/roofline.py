"""The roofline: how much of what the machine can do at best is reached."""

import streamlit as st
from shared import conv_timing, widgets

from xnorlab import units
from xnorlab.benchmark import Ceilings, ConvBench
from xnorlab.figures import performance

CEILINGS = "lab: ceilings"


@st.fragment
def show(bench: ConvBench) -> None:
    """A button that measures the ceilings; once they are measured, the contenders of `bench` under them."""
    place = st.empty()
    if st.button("Measure the ceilings", key="ceilings", icon=":material/roofing:"):
        st.session_state[CEILINGS] = conv_timing.ceilings(place)
        st.rerun()  # the whole page: a number typed just before came with this click, and only this part ran
    ceilings: Ceilings | None = st.session_state.get(CEILINGS)
    if ceilings is None:
        st.caption("Not measured yet; it takes about two seconds.")
        return
    points = conv_timing.roofline_points(bench)
    rates = {"binary": ceilings.binary_macs_per_s, "best-float": ceilings.float_macs_per_s}
    widgets.chart(
        performance.roofline(points, rates, ceilings.bytes_per_s, dark=widgets.dark()),
        alt="Multiply-adds per second against multiply-adds per byte, under the measured ceilings: "
        + "; ".join(f"{performance.CONTENDERS[name].label} {units.rate(rate)}" for name, _, rate in points),
        table={
            "what": [performance.CONTENDERS[name].label for name, _, _ in points],
            "multiply-adds per byte, computed": [units.significant(intensity) for _, intensity, _ in points],
            "rate, measured": [units.rate(rate) for _, _, rate in points],
            "ceiling, measured": [units.rate(rates.get(name, rates["best-float"])) for name, _, _ in points],
        },
        key="roofline",
    )
    st.caption(
        "Ceilings of one thread. Binary: XOR, popcount and add on registers, nothing else; a kernel that adds words up "
        "before it counts may pass it. Float: multiply-adds on registers, nothing else. Slope: copying "
        f"memory at {ceilings.bytes_per_s / 1e9:.3g} GB/s. A point's bytes: float32 maps in and out, and the weights."
    )
