"""Notices that several pages give: a network that cannot be used, a measurement that failed or is noisy."""

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from shared import markup
from xnorlab import units

NOISY = 0.10  # quartile range over median


def cannot_use(problem: Exception, advice: str = "") -> None:
    """Say why a network cannot be used, and what to do."""
    st.warning("\n\n".join(filter(None, (markup.with_code(str(problem)), advice))), icon=":material/inventory_2:")


def no_time(place: DeltaGenerator, problem: Exception) -> None:
    """Say in `place`, instead of the progress shown there, why a measurement gave no time."""
    place.error(f"No time is shown: {markup.with_code(str(problem))}", icon=":material/report:")


def not_timed(reasons: Mapping[str, str]) -> None:
    """Say who took part in a measurement and got no time.

    Args:
        reasons: What should have run → why it has no time.
    """
    for name, reason in reasons.items():
        st.warning(f"{markup.plain(name)} was not timed: {markup.with_code(reason)}.", icon=":material/report:")


def noisy(spreads: Mapping[str, float]) -> None:
    """Warn where the runs of a measurement lie far apart.

    Args:
        spreads: What ran → its quartile range over its median.
    """
    worst = max(spreads, key=lambda name: spreads[name])
    if spreads[worst] > NOISY:
        st.warning(
            f"A noisy machine: the middle half of the runs of {worst} spans {units.percent(spreads[worst])} of their "
            f"median, more than {units.percent(NOISY)}. Close other programs and run again.",
            icon=":material/graphic_eq:",
        )
