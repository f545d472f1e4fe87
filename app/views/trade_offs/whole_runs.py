"""A whole run over a billion pictures: its command, and what reading the pictures adds to the network's time."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st
from shared import address, markup, notices, turns
from streamlit.delta_generator import DeltaGenerator

from xnorlab import pretrained, units
from xnorlab.classify import bench_records
from xnorlab.classify.bench_records import Record
from xnorlab.zoo.cost import core_hours

IMAGES = 500
"""Pictures that the button classifies: some seconds."""


@dataclass(frozen=True)
class NetworkTime:
    """The time of one picture in a network, as the cards above have it.

    Attributes:
        seconds: The time.
        origin: "measured here" or "computed".
    """

    seconds: float
    origin: str


def show(labels: Mapping[str, str], times: Mapping[str, NetworkTime]) -> None:
    """Draw the command for one of the networks, its figures, and the button that measures them.

    Args:
        labels: Name → how each network on show is written.
        times: Name → its time without reading pictures.
    """
    st.markdown(
        "**A whole run** reads and decodes every picture, too. This command classifies any number of them, on all "
        "cores or on a Ray cluster, and goes on where it was if it is stopped:"
    )
    records = bench_records.of_this_machine()
    measured = [record.network for record in records if record.network in labels]
    chosen = address.menu("Network of the run", labels, key="run", default=next(iter([*measured, *labels])))
    address.publish(run=chosen)
    st.code(f"xnorlab classify PHOTOS --network {chosen} --out LABELS", language=None, wrap_lines=True)
    row = st.container(horizontal=True, vertical_alignment="center")
    pressed = row.button("Measure a run on this machine", icon=":material/timer:", key="measure-run")
    row.caption(f"{IMAGES} drawn photos, one process: `xnorlab bench classify {chosen}`.", width="content")
    progress = st.empty()
    if pressed:
        try:
            _measure(chosen, progress)
        except (ValueError, OSError) as error:
            notices.no_time(progress, error)
    st.markdown(_figures(chosen, times[chosen], bench_records.of_this_machine()))


def _figures(name: str, network: NetworkTime, records: list[Record]) -> str:
    """What a billion pictures take, in Markdown, and what that rests on."""
    digest = pretrained.entry(name).sha256
    own = next((record for record in records if record.sha256 == digest), None)
    if own is not None:
        return (
            f"**{units.significant(core_hours(own.seconds))} core-hours** for a billion pictures, {_taken(own)}: "
            f"{units.duration(own.decode_s)} to read, decode and crop one, {units.duration(own.network_s)} in the "
            f"network. Reading and decoding are {units.percent(own.decode_s / own.seconds)} of it."
        )
    if records and network.origin == "computed":
        other = records[0]
        return (
            f"**{units.significant(core_hours(other.decode_s))} core-hours** to read, decode and crop a billion "
            f"pictures, {units.duration(other.decode_s)} each, {_taken(other)} with {markup.plain(other.network)}. "
            f"This network's own {units.significant(core_hours(network.seconds))} core-hours are computed, and not "
            "added to what was measured: press one of the buttons."
        )
    if records:
        other = records[0]
        both = other.decode_s + network.seconds
        return (
            f"**{units.significant(core_hours(both))} core-hours** for a billion pictures: "
            f"{units.duration(other.decode_s)} to read, decode and crop one, {_taken(other)} with "
            f"{markup.plain(other.network)}, and {units.duration(network.seconds)} in this network, {network.origin}. "
            f"Reading and decoding are {units.percent(other.decode_s / both)} of it."
        )
    return (
        f"**{units.significant(core_hours(network.seconds))} core-hours** for a billion pictures in the network alone, "
        f"{network.origin}. No run was measured on this machine yet: the time to read and decode the pictures is taken "
        "to be nothing, which it never is."
    )


def _taken(record: Record) -> str:
    when = record.taken[:16].replace("T", " ")
    return f"measured here on {markup.plain(when)} UTC ({markup.plain(record.pictures)})"


def _measure(name: str, place: DeltaGenerator) -> None:
    """Wait for a turn, then run the bench in a process of its own, which keeps its record.

    Its workers are new interpreters, which would run this page's script if they were started from here.

    Raises:
        ValueError: The bench failed.
        OSError: It could not be started.
    """
    command = [sys.executable, "-m", "xnorlab", "bench", "classify", name]
    options = ["--engine", "local", "--workers", "1", "--images", str(IMAGES)]
    with turns.turn(place):
        place.info("Classifying, on one core…", icon=":material/hourglass_top:")
        done = subprocess.run([*command, *options], capture_output=True, text=True)
    place.empty()
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"the bench ended with status {done.returncode}"]
        raise ValueError(said[-1].removeprefix("xnorlab: "))
