"""What a visitor chooses before a measurement, threads and runs, and the photo on which whole networks are timed."""

import streamlit as st

from shared import address, number_field
from shared.number_field import Typed
from xnorlab.kernels import threads as kernel_threads

RUNS = {n: n for n in ("5", "21", "51", "101")}
SAMPLE = "golf-ball"  # a time does not depend on what the photo shows


def threads() -> Typed:
    """The number of threads that was typed, `threads` in the address; it can be as many as the machine has."""
    cores = kernel_threads.available_threads()
    address.take_number("threads", 1, cores, 1, typed=True)
    typed = number_field.draw(st.container(), "Threads", 1, cores, key="threads")
    address.publish(threads=None if typed.problem else int(typed.number))
    return typed


def on_threads(count: int) -> str:
    """A number of threads in words: "1 thread", "2 threads"."""
    return f"{count} thread{'' if count == 1 else 's'}"


def runs(key: str) -> int:
    """The chosen number of runs of each contender, `key` in the address."""
    chosen = address.segments("Runs each", RUNS, key=key, default="21")
    address.publish(**{key: chosen})
    return int(chosen)
