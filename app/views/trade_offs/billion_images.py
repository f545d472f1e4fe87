"""A billion images: core-hours, memory and relative speed of every scheme, measured where it was, else computed."""

from collections.abc import Callable, Sequence

import streamlit as st
from shared import widgets

from views.trade_offs import shipped_costs
from xnorlab import units
from xnorlab.zoo.cost import ASSUMED_OPERATIONS_PER_S, NetworkCost, core_hours


def show(costs: Sequence[NetworkCost], label: Callable[[NetworkCost], str]) -> None:
    """A card a network and their numbers as a table; label: how a network is named."""
    times = shipped_costs.measured([c.name for c in costs])
    if times is not None:
        seconds = {c.name: times.timings[c.name].median_s for c in costs}
        origin = "measured here"
    else:
        seconds = {c.name: c.predicted_seconds for c in costs}
        origin = "computed"
    slowest = max(seconds.values())
    bases = {c.model: c for c in costs if c.scheme == "float"}
    faster = {c.name: seconds[bases[c.model].name] / seconds[c.name] for c in costs if c.model in bases}
    said = {name: units.times(ratio) for name, ratio in faster.items()}
    widgets.cards(
        widgets.cost_card(
            c.scheme,
            units.significant(core_hours(seconds[c.name])),
            f"{shipped_costs.architecture(c.name)}: core-hours, {origin}",
            share=seconds[c.name] / slowest,
            footnotes=[
                widgets.line(said.get(c.name, "–"), f"as fast as full precision, {origin}"),
                widgets.line(units.memory(c.resident_bytes), "of weights in memory, real"),
                widgets.line(f"{100 * c.top1:.1f} %", f"right among {c.classes} classes, at training"),
            ],
        )
        for c in costs
    )
    widgets.numbers(
        {
            "network": [label(c) for c in costs],
            f"one picture, {origin}": [units.duration(seconds[c.name]) for c in costs],
            f"core-hours for 10⁹, {origin}": [units.significant(core_hours(seconds[c.name])) for c in costs],
            f"times full precision, {origin}": [said.get(c.name, "–") for c in costs],
            "weights in memory, real": [units.memory(c.resident_bytes) for c in costs],
        },
        key="billion",
    )
    if times is not None:
        machine = times.machine
        st.caption(
            f"Measured here at {machine.taken[11:19]} UTC on one thread of {widgets.plain(machine.cpu)}, "
            f"{machine.instructions}: median of {shipped_costs.RUNS} runs of one picture in turns; "
            "reading and cropping left out."
        )
    else:
        st.caption(
            f"Computed, not measured: the paper's operations at an assumed {ASSUMED_OPERATIONS_PER_S / 1e9:g} billion "
            "a second. The ratios do not depend on that assumption, but a real CPU multiplies many floats in one "
            "instruction: press **Measure on this machine** above for what is true here."
        )
