"""What else one could take: published accuracy against measured time, binary networks beside small float ones."""

from collections.abc import Sequence

import streamlit as st
from shared import address, charts, markup, notices, theme

from xnorlab import units
from xnorlab.figures import literature as figure
from xnorlab.figures import style
from xnorlab.figures.literature import TimedNetwork
from xnorlab.kernels.cpu import describe_cpu
from xnorlab.paper.published import INT8
from xnorlab.zoo import benchmarks, literature
from xnorlab.zoo.literature import LiteratureRecord, Placed

ENGINES = {"xnorlab": "this runtime", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "torch": "torch"}


def show() -> None:
    """Chart, table and a sentence of the record of one processor; how to make one where there is none."""
    st.markdown(
        "A binary network is one answer among others. Here the literature's binary networks, in this runtime, stand "
        "beside small networks that one would take today, in the fastest engine that was installed. Accuracies are "
        "**published**, by those who trained the networks on ImageNet; times are **measured**, with random weights, "
        "since a time does not depend on the training."
    )
    records = {record.place: record for record in literature.read()}
    if not records:
        st.info(
            f"No times are recorded yet: `{literature.COMMAND}` measures them here and keeps them for this page.",
            icon=":material/timer:",
        )
        return
    cpu = describe_cpu()
    here = benchmarks.place({"cpu": cpu["cpu"], "instructions": cpu["path"]})
    default = here if here in records else next(iter(records))
    chosen = default
    if len(records) > 1:
        chosen = address.menu("Measured on", {name: name for name in records}, key="measured_on", default=default)
        address.publish(measured_on=chosen)
    record = records[chosen]
    placed = literature.placed(record)
    points = [_point(one) for one in placed]
    _chart(points, placed, record)
    st.markdown(_in_words(figure.unbeaten(points)))
    st.caption(_origin(record, chosen == here, placed))


def _point(one: Placed) -> TimedNetwork:
    look = style.INT8 if one.scheme == INT8 else style.look(one.scheme)
    time = one.time
    engine = ENGINES[time.engine.partition("-")[0]]
    name = f"{one.network}, {look.short}"
    return TimedNetwork(
        name, look, time.median_s, time.low_s, time.high_s, one.published.top1, one.own_accuracy, engine
    )


def _chart(points: Sequence[TimedNetwork], placed: Sequence[Placed], record: LiteratureRecord) -> None:
    schemes = dict.fromkeys(one.scheme for one in placed if one.scheme != INT8)
    notes = ["bars: quartiles of the time", "dotted: nothing faster is better"]
    if any(one.scheme == INT8 for one in placed):
        notes.insert(
            0, f"{style.INT8.glyph} int8; {style.HOLLOW_INT8} no int8 accuracy is published, float32's is drawn"
        )
    charts.legend(schemes, notes)
    accuracies = [
        f"{point.accuracy:.1f}" if point.own_accuracy else f"– (float32: {point.accuracy:.1f})" for point in points
    ]
    charts.show(
        figure.accuracy_against_time(points, dark=theme.dark()),
        alt="Published ImageNet top-1 accuracy against the measured time of one picture. "
        + "; ".join(f"{p.name} {p.accuracy:.1f} % at {units.duration(p.seconds)}" for p in points),
        table={
            "no.": [str(i) for i in range(1, len(points) + 1)],
            "network": [f"{p.look.glyph if p.own_accuracy else style.HOLLOW_INT8} {p.name}" for p in points],
            "top-1 %, published": accuracies,
            "one picture, measured": [units.duration(p.seconds) for p in points],
            "quartiles": [f"{units.duration(p.low)} … {units.duration(p.high)}" for p in points],
            "engine": [p.engine for p in points],
            "accuracy from": [one.published.source for one in placed],
        },
        key="literature",
    )
    st.caption(" · ".join(f"{i} {markup.plain(point.name)}" for i, point in enumerate(points, 1)))


def _in_words(front: Sequence[TimedNetwork]) -> str:
    """The networks than which nothing is both faster and more accurate, in a sentence of Markdown."""
    named = [f"{markup.plain(p.name)} ({p.accuracy:.1f} %, {units.duration(p.seconds)})" for p in front]
    listed = named[0] if len(named) == 1 else ", ".join(named[:-1]) + f" and {named[-1]}"
    binary = sum(p.engine == ENGINES["xnorlab"] for p in front)
    return (
        f"**Nothing measured here is both faster and more accurate than** {listed}: {binary} of these {len(front)} "
        f"{'is a binary network' if binary == 1 else 'are binary networks'}."
    )


def _origin(record: LiteratureRecord, is_here: bool, placed: Sequence[Placed]) -> str:
    versions = record.machine["versions"]
    named = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "torch": "torch", "numba": "numba"}
    engines = ", ".join(f"{title} {versions[name]}" for name, title in named.items() if name in versions)
    threads = "one thread" if record.threads == 1 else f"{record.threads} threads"
    busy = max(one.time.spread for one in placed) > notices.NOISY
    return (
        f"Measured {'on this machine' if is_here else 'on another machine than this one'}, "
        f"{markup.plain(record.place)}, on {str(record.machine['taken'])[:10]}: one picture of {record.pixels} pixels, "
        f"{threads}, all networks in turns; {markup.plain(engines)}. Command: `{literature.COMMAND}`. An int8 accuracy "
        "is torchvision's, of its own rounding; the int8 time is OpenVINO's."
        + (" The machine was busy then: take the times with care." if busy else "")
    )
