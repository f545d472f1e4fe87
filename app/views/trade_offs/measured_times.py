"""The times of the shipped networks on this machine, where the visitor had them measured; kept in the session."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from shared import cached, photos, timing_choice, turns
from streamlit.delta_generator import DeltaGenerator

from xnorlab.benchmark import Machine, Timing, describe, interleaved
from xnorlab.images.preprocessing import Preprocessing

TIMES = "trade-offs: times"
RUNS = 21


@dataclass(frozen=True)
class Times:
    """The times of networks that were measured together.

    Attributes:
        timings: Network → its runs; the networks took turns.
        machine: The machine that they ran on, and when.
    """

    timings: dict[str, Timing]
    machine: Machine

    def to_dict(self) -> dict[str, Any]:
        """JSON values: the settings, the machine and every run."""
        return {
            "threads": 1,
            "batch": 1,
            "repeats": min(len(timing.samples_s) for timing in self.timings.values()),
            "photo": timing_choice.SAMPLE,
            "machine": self.machine.to_dict(),
            "timings": {name: timing.to_dict() for name, timing in self.timings.items()},
        }


def newest(names: Collection[str]) -> Times | None:
    """This visitor's newest measurement in which all of `names` took turns; None where there is none."""
    every: list[Times] = st.session_state.get(TIMES, [])
    return next((times for times in reversed(every) if times.timings.keys() >= set(names)), None)


def measure(names: Sequence[str], place: DeltaGenerator) -> None:
    """Wait for a turn, then time networks in turns on one photo's crop, one picture at a time, on one thread.

    The times are kept in the session and replace earlier ones of the same networks.

    Args:
        names: The networks.
        place: Where the progress is shown.

    Raises:
        ValueError: A network cannot be loaded or timed.
    """
    calls = {}
    for name in names:
        network = cached.network(name)
        crop = (network.preprocessing or Preprocessing())([photos.sample(timing_choice.SAMPLE).pixels])
        calls[name] = partial(network.run, crop)

    def report(share: float, text: str) -> None:
        place.progress(share, text)

    with turns.turn(place):
        timings = interleaved(calls, repeats=RUNS, progress=report)
    place.empty()
    others = [times for times in st.session_state.get(TIMES, []) if times.timings.keys() != timings.keys()]
    st.session_state[TIMES] = [*others, Times(timings, describe())]
