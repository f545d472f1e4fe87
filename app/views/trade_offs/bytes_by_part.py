"""Where the bytes of the packed files are: one bar per network, made of its parts."""

from collections.abc import Mapping, Sequence

import streamlit as st
from shared import address, charts, theme

from xnorlab import units
from xnorlab.figures.axes import CostAxis
from xnorlab.figures.stacked import stacked_bars
from xnorlab.zoo.cost import BINARY, PARTS, REAL_LAYERS, NetworkCost

AXIS = CostAxis("of the packed file", units.memory, powers_of_two=True)
SPLITS = {"share": "Shares", "bytes": "Bytes"}


def show(costs: Sequence[NetworkCost], labels: Mapping[str, str]) -> None:
    """The bars, as shares or in bytes.

    Args:
        costs: The networks on show.
        labels: Name → how each is written.
    """
    split = address.segments("Show", SPLITS, key="split", default="share")
    address.publish(split=split)
    parts = [part for part in PARTS if any(part in cost.parts for cost in costs)]
    rows = {labels[cost.name]: {part: cost.parts.get(part, 0) for part in parts} for cost in costs}
    schemes = {labels[cost.name]: cost.scheme for cost in costs}
    charts.show(
        stacked_bars(rows, schemes, AXIS, share=split == "share", dark=theme.dark()),
        alt="Bytes of each packed file by part: "
        + "; ".join(
            f"{label} {units.memory(sum(row.values()))}, of which "
            + ", ".join(f"{part} {units.memory(size)}" for part, size in row.items() if size)
            for label, row in rows.items()
        ),
        table={
            "network": list(rows),
            "file": [units.memory(sum(row.values())) for row in rows.values()],
            "in float32": [units.memory(cost.float32_bytes) for cost in costs],
            "× smaller than float32": [units.times(cost.times_smaller) for cost in costs],
            **{part: [units.memory(row[part]) for row in rows.values()] for part in parts},
        },
        key="memory",
    )
    st.caption(
        "Read from the packed files themselves. Real weights are float16 there where that is exact, so that a file of "
        "real weights is half of their float32; binary ones are bits, ternary ones two bits each; such a layer's bytes "
        f"include its α, its thresholds and its biases. {what_stays_real(costs)}"
    )


def what_stays_real(costs: Sequence[NetworkCost]) -> str:
    """What part of the files of binary networks is real, in a sentence; "" where there is no binary network."""
    binary = [cost for cost in costs if BINARY in cost.parts]
    if not binary:
        return ""
    shares = {
        words: [sum(cost.parts.get(part, 0) for part in parts) / cost.file_bytes for cost in binary]
        for words, parts in (("binary layers", (BINARY,)), ("real layers", REAL_LAYERS))
    }
    most = "most" if min(shares["binary layers"]) > 0.5 else "not always most"
    return (
        f"Binary layers take {_spanned(shares['binary layers'])} of a binary network's file, {most} of it; its few "
        f"real layers take {_spanned(shares['real layers'])}, which caps how small it can become."
    )


def _spanned(shares: Sequence[float]) -> str:
    low, high = units.percent(min(shares)), units.percent(max(shares))
    return low if low == high else f"{low.removesuffix(' %')} to {high}"
