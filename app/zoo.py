"""The shipped networks of one data set with their figures, and their times where the visitor had them measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cached
import photos
import streamlit as st
import turns
from streamlit.delta_generator import DeltaGenerator

from xnorlab import pretrained
from xnorlab.benchmark import Machine, Timing, describe, interleaved
from xnorlab.figures.style import SCHEMES, VARIANTS, look
from xnorlab.network_cost import NetworkCost
from xnorlab.preprocessing import Preprocessing

TIMES = "trade-offs: times"
RUNS = 21
SAMPLE = "golf-ball"  # a time does not depend on what the photo shows
MODEL_TITLES = {"alexnet": "AlexNet", "resnet18": "ResNet-18", "nin": "Network in Network"}
DATA_TITLES = {"imagenette": "Imagenette", "tiny-imagenet": "Tiny ImageNet", "cifar10": "CIFAR-10"}


@dataclass(frozen=True)
class Times:
    """By network: all its runs. machine: what they were measured on, and when."""

    timings: dict[str, Timing]
    machine: Machine


def data_sets() -> list[str]:
    """Those that a shipped network was trained on; none where there is no manifest."""
    try:
        entries = pretrained.manifest()
    except pretrained.PretrainedError:
        return []
    return sorted({entry["dataset"] for entry in entries.values()})


def read(data_set: str) -> tuple[list[NetworkCost], dict[str, str]]:
    """The figures of every network of `data_set`, and by name what is wrong with those that cannot be read.

    By model, then in the order in which the schemes are always shown.
    """
    found, problems = [], {}
    for name, entry in pretrained.manifest().items():
        if entry["dataset"] == data_set:
            try:
                look(entry["scheme"])  # refuses a scheme that no chart knows how to draw
                found.append(cached.cost(name))
            except ValueError as error:
                problems[name] = str(error)
    order = [*SCHEMES, *VARIANTS]
    return sorted(found, key=lambda cost: (cost.model, order.index(cost.scheme), cost.name)), problems


def title(model: str) -> str:
    """How a model is written."""
    return MODEL_TITLES.get(model, model)


def measured() -> dict[str, Timing]:
    """The times that this visitor had measured, by network."""
    kept: Times | None = st.session_state.get(TIMES)
    return {} if kept is None else kept.timings


def measure(names: Sequence[str], place: DeltaGenerator) -> None:
    """Wait for a turn, then time `names` in turns on one photo's crop, batch 1, one thread; kept in the session."""
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
    st.session_state[TIMES] = Times({**measured(), **timings}, describe())
