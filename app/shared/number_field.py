"""A field to type a number into, with its range beside it and checked here.

A browser that is told the range keeps a number beyond it to itself: the field turns red, and the script goes on with
the number before. So the field takes any number, and the script says what is wrong with it.
"""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


@dataclass(frozen=True)
class Typed:
    """What stands in a field.

    Attributes:
        number: The number; meaningless where there is a problem.
        problem: Why it cannot be used, a sentence; "" where it can.
    """

    number: float
    problem: str = ""


def draw(
    place: DeltaGenerator,
    label: str,
    low: float,
    high: float,
    *,
    key: str,
    step: float = 1.0,
    whole: bool = True,
    shown: bool = True,
    help: str | None = None,
) -> Typed:
    """Draw the field; `address.take_number` or `take_numbers` comes before it, with typed=True.

    Args:
        place: Where it is drawn.
        label: Its name.
        low: The smallest number that can be used.
        high: The largest.
        key: Of the field.
        step: What a press of its buttons adds.
        whole: Whether only whole numbers can be used.
        shown: Whether the name and the range stand above it; else the page says the range.
        help: What else there is to know.
    """
    number = place.number_input(
        f"{label}, {_written(low)} to {_written(high)}",
        step=step,
        format="%g",
        key=key,
        persist_state="session",
        label_visibility="visible" if shown else "collapsed",
        help=help,
    )
    number += 0.0  # −0.0 is 0.0
    return Typed(number, problem(label, number, low, high, whole=whole))


def problem(label: str, number: float, low: float, high: float, *, whole: bool = True) -> str:
    """Why `number` cannot be used, a sentence; "" where it can. Arguments as of `draw`."""
    if low <= number <= high and (not whole or number == int(number)):
        return ""
    kind = "a whole number" if whole else "a number"
    return f"{label} is {_written(number)}; it must be {kind} from {_written(low)} to {_written(high)}."


def say(problems: list[str]) -> None:
    """Say why nothing is done until other numbers are typed."""
    if problems:
        st.error("\n\n".join(problems), icon=":material/rule:")


def _written(number: float) -> str:
    return f"{number:,.10g}".replace("-", "−")
