"""Where the bytes of the packed files are: one bar per network, made of its parts."""

from collections.abc import Mapping, Sequence

import streamlit as st
from shared import address, charts, theme

from xnorlab import units
from xnorlab.figures.axes import CostAxis
from xnorlab.figures.stacked import stacked_bars
from xnorlab.zoo.cost import PARTS, NetworkCost

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
            **{part: [units.memory(row[part]) for row in rows.values()] for part in parts},
        },
        key="memory",
    )
    st.caption(
        "Read from the packed files themselves. Real weights are stored as float16 here, binary ones as bits; a binary "
        "layer's bytes include its α, its thresholds and its biases. What stays real soon dominates a packed network."
    )
