"""A billion images: core-hours, memory and relative speed of each network, and the command that classifies them."""

import html
from collections.abc import Mapping, Sequence

import streamlit as st
from shared import cards, charts, markup

from views.trade_offs import measured_times, shipped_costs, whole_runs
from views.trade_offs.measured_times import Times
from views.trade_offs.whole_runs import NetworkTime
from xnorlab import units
from xnorlab.zoo.cost import ASSUMED_OPERATIONS_PER_S, NetworkCost, core_hours


def show(costs: Sequence[NetworkCost], labels: Mapping[str, str], times: Times | None) -> None:
    """One card per network, and their numbers as a table.

    Args:
        costs: The networks on show, at least one.
        labels: Name → how each is written.
        times: Those of all these networks, where they were measured together; else None.
    """
    if times is None:
        seconds, origin = {cost.name: cost.predicted_seconds for cost in costs}, "computed"
    else:
        seconds, origin = {cost.name: times.timings[cost.name].median_s for cost in costs}, "measured here"
    slowest = max(seconds.values())
    hours = {name: units.significant(core_hours(s)) for name, s in seconds.items()}
    full_precision = {cost.model: cost.name for cost in costs if cost.scheme == "float"}
    ratios = {
        cost.name: units.times(seconds[full_precision[cost.model]] / seconds[cost.name])
        if cost.model in full_precision
        else "–"
        for cost in costs
    }
    cards.show(
        _card(
            cost.scheme,
            hours[cost.name],
            f"{shipped_costs.architecture(cost.name)}: core-hours, {origin}",
            share=seconds[cost.name] / slowest,
            footnotes=[
                cards.footnote(ratios[cost.name], f"as fast as full precision, {origin}"),
                cards.footnote(units.memory(cost.resident_bytes), "of weights in memory, as loaded"),
                cards.footnote(f"{100 * cost.top1:.1f} %", f"right among {cost.classes} classes, at training"),
            ],
        )
        for cost in costs
    )
    charts.numbers(
        {
            "network": list(labels.values()),
            f"one picture, {origin}": [units.duration(s) for s in seconds.values()],
            f"core-hours for 10⁹, {origin}": list(hours.values()),
            f"times full precision, {origin}": list(ratios.values()),
            "weights in memory, as loaded": [units.memory(cost.resident_bytes) for cost in costs],
        },
        key="billion",
    )
    if any(cost.only_weights_are_packed for cost in costs):
        st.caption(
            "Networks with binary or ternary weights and real inputs have as many real multiply-adds as full "
            "precision: they save bytes, not operations."
        )
    if times is None:
        st.caption(
            f"Computed, not measured: the paper's operations at an assumed {ASSUMED_OPERATIONS_PER_S / 1e9:g} billion "
            "a second. The ratios do not depend on that assumption, but a real CPU multiplies many floats in one "
            "instruction: press **Measure on this machine** above for what is true here."
        )
    else:
        machine = times.machine
        st.caption(
            f"Measured here at {machine.taken[11:19]} UTC on one thread of {markup.plain(machine.cpu)}, "
            f"{machine.instructions}: median of {measured_times.RUNS} runs of one picture in turns; "
            "reading and cropping left out."
        )
    whole_runs.show(labels, {name: NetworkTime(s, origin) for name, s in seconds.items()})


def _card(scheme: str, hours: str, about: str, *, share: float, footnotes: Sequence[str]) -> str:
    """The card of one network: a large number, what it is, and a bar of `share`, 0 to 1, of the largest."""
    return cards.card(
        scheme,
        f"<div class='xl-said xl-dim'>{html.escape(about)}</div>"
        f"<div><div class='xl-figure'>{html.escape(hours)}</div>"
        f"<div class='xl-bars'><span class='xl-track' style='display:block'>{cards.bar(scheme, share)}</span></div>"
        "</div>",
        footnotes,
    )
