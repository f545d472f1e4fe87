"""Which scheme for what: what binary weights give up and gain, and what binary inputs do besides."""

from collections.abc import Callable, Sequence

import streamlit as st

from views.trade_offs import shipped_costs
from xnorlab import units
from xnorlab.figures.style import look
from xnorlab.zoo.cost import BINARY, TERNARY, NetworkCost

USES: dict[str, tuple[str, Callable[[NetworkCost], bool]]] = {
    "Accuracy above all: real weights.": (
        "Everything else here is measured against it.",
        lambda cost: cost.scheme == "float",
    ),
    "Bytes: binary weights, real inputs (BinaryConnect, BWN).": (
        "A weight is a bit, but every input stays real, and so does every multiply-add.",
        lambda cost: cost.only_weights_are_packed,
    ),
    "Bytes and time: binary inputs, too (BNN, XNOR-Net and what followed).": (
        "XNOR and popcount take the place of multiply-adds, for more of the accuracy.",
        lambda cost: cost.binary_macs > 0,
    ),
    "For comparison only: signs in training, real weights afterwards.": (
        "It saves neither bytes nor time.",
        lambda cost: cost.scheme != "float" and not {BINARY, TERNARY} & set(cost.parts),
    ),
}
"""What one wants and the kind of scheme that gives it → why, and whether a network is of that kind."""


def show(costs: Sequence[NetworkCost]) -> None:
    """One line per kind of scheme, with the most accurate network of that kind.

    Args:
        costs: All networks of a data set.
    """
    lines = "\n".join(f"- {line}" for line in in_words(costs))
    st.markdown(f"**Which scheme for what**\n{lines}")


def in_words(costs: Sequence[NetworkCost]) -> list[str]:
    """What each kind of scheme is for; kinds of which there is no network are left out."""
    full_precision = {cost.model: cost for cost in costs if cost.scheme == "float"}
    lines = []
    for use, (why, is_of_kind) in USES.items():
        kind = [cost for cost in costs if is_of_kind(cost)]
        if kind:
            best = max(kind, key=lambda cost: cost.top1)
            lines.append(f"**{use}** {why} The most accurate: {_in_figures(best, full_precision.get(best.model))}.")
    return lines


def _in_figures(cost: NetworkCost, full_precision: NetworkCost | None) -> str:
    label = shipped_costs.labels([cost], with_model=True)[cost.name]
    figures = [f"{100 * cost.top1:.1f} % right", f"a file {units.times(cost.times_smaller)} smaller than float32"]
    if full_precision is not None and full_precision is not cost:
        figures[0] += f" (full precision: {100 * full_precision.top1:.1f} %)"
        fewer = full_precision.predicted_operations / cost.predicted_operations
        figures.append(f"{units.times(fewer)} fewer operations, computed" if fewer > 1 else "as many operations")
    return f"{look(cost.scheme).glyph} {label}: {', '.join(figures)}"
