"""The shipped networks of one data set with their figures, and their times where the visitor had them measured."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from shared import cached, networks, photos, turns
from streamlit.delta_generator import DeltaGenerator

from xnorlab import pretrained
from xnorlab.benchmark import Machine, Timing, describe, interleaved
from xnorlab.figures.style import SCHEMES, VARIANTS, look
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.zoo import cost
from xnorlab.zoo.cost import NetworkCost

TIMES = "trade-offs: times"
RUNS = 21
SAMPLE = "golf-ball"  # a time does not depend on what the photo shows


@dataclass(frozen=True)
class Times:
    """What was timed together: all runs by network, which took turns. machine: what it was measured on, and when."""

    timings: dict[str, Timing]
    machine: Machine

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it, with what was set."""
        return {
            "threads": 1,
            "batch": 1,
            "repeats": min(len(timing.samples_s) for timing in self.timings.values()),
            "photo": SAMPLE,
            "machine": self.machine.to_dict(),
            "timings": {name: timing.to_dict() for name, timing in self.timings.items()},
        }


def data_sets() -> list[str]:
    """Those that a shipped network was trained on, that of the default network first; none without a manifest."""
    try:
        entries = pretrained.entries()
    except pretrained.PretrainedError:
        return []
    default = networks.DEFAULT_FAMILY.partition("/")[0]
    return sorted({shipped.dataset for shipped in entries.values()}, key=lambda data: (data != default, data))


def read(data_set: str) -> tuple[list[NetworkCost], dict[str, str]]:
    """The figures of every network of `data_set`, and by name what is wrong with those that cannot be read.

    By model, then in the order in which the schemes are always shown.
    """
    found, problems = [], {}
    for name, shipped in pretrained.entries().items():
        if shipped.dataset == data_set:
            try:
                look(shipped.scheme)  # refuses a scheme that no chart knows how to draw
                found.append(cached.cost(name))
            except ValueError as error:
                problems[name] = str(error)
    order = [*SCHEMES, *VARIANTS]
    return sorted(found, key=lambda cost: (cost.model, order.index(cost.scheme), cost.name)), problems


def title(model: str) -> str:
    """How a model is written."""
    return cost.MODEL_TITLES.get(model, model)


def architecture(name: str) -> str:
    """A network in words, with what tells it from its paper's."""
    return cost.architecture(pretrained.entry(name).recipe)


def epochs(name: str) -> int:
    """How often a network saw its training set, without what came before where it started from another one."""
    return pretrained.entry(name).recipe.epochs


def helped_by(name: str) -> str:
    """The networks that a network's recipe names: its teacher, and the one whose weights it began with; "" for none."""
    recipe = pretrained.entry(name).recipe
    said = (("taught by", recipe.teacher), ("began as", recipe.start))
    return ", ".join(f"{how} {other.rpartition('/')[2]}" for how, other in said if other)


def measured(names: Collection[str]) -> Times | None:
    """This visitor's newest measurement in which all of `names` took turns; None where there is none."""
    kept: list[Times] = st.session_state.get(TIMES, [])
    return next((times for times in reversed(kept) if times.timings.keys() >= set(names)), None)


def measure(names: Sequence[str], place: DeltaGenerator) -> None:
    """Wait for a turn, then time `names` in turns on one photo's crop, batch 1, one thread; kept in the session.

    An earlier measurement of the same networks is replaced. Raises ValueError where one cannot be loaded or timed.
    """
    calls = {}
    for name in names:
        network = cached.network(name)
        crop = (network.preprocessing or Preprocessing())([photos.sample(SAMPLE).pixels])
        calls[name] = partial(network.run, crop)

    def report(share: float, text: str) -> None:
        place.progress(share, text)

    with turns.turn(place):
        timings = interleaved(calls, repeats=RUNS, progress=report)
    place.empty()
    others = [times for times in st.session_state.get(TIMES, []) if times.timings.keys() != timings.keys()]
    st.session_state[TIMES] = [*others, Times(timings, describe())]
