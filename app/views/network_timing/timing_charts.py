"""The charts and the table of two networks' times: the whole networks, and layer by layer."""

from collections.abc import Mapping

import streamlit as st
from shared import binary_weights, charts, layout, notices, theme

from views.network_timing.measurement import STAGES, LayerTimings
from xnorlab import units
from xnorlab.figures.axes import CostAxis
from xnorlab.figures.stacked import paired_bars, stacked_bars
from xnorlab.figures.style import look
from xnorlab.zoo.cost import amdahl_limit

AXIS = CostAxis("one picture (measured here)", units.duration)


def layer_table(result: LayerTimings) -> dict[str, list[str]]:
    """Column → one entry per layer: its name, its shape, its time under each scheme, and the ratio of two."""
    totals = {
        scheme: [sum(times) for times in zip(*result.layer_medians_s(scheme).values(), strict=True)]
        for scheme in result.settings.schemes
    }
    table = {
        "layer": [layer.key for layer in result.layers],
        "shape": [layer.shape for layer in result.layers],
        **{look(scheme).label: [units.duration(t) for t in times] for scheme, times in totals.items()},
    }
    if len(totals) == 2:
        (first, slow), (second, fast) = totals.items()
        ratios = [units.times(a / b) if b else "–" for a, b in zip(slow, fast, strict=True)]
        table[f"{look(first).short} / {look(second).short}"] = ratios
    return table


def show_whole(result: LayerTimings) -> None:
    """The whole networks: times, the limit that the first layer sets, and bars of the stages, of the same runs."""
    whole = {scheme: result.whole_s(scheme) for scheme in result.settings.schemes}
    figures, sentence = _compared(result, whole) if len(whole) == 2 else _alone(result, whole)
    for column, (title, text) in zip(layout.pairs(4), figures.items(), strict=True):
        column.metric(title, text)
    notices.noisy({look(scheme).label: timing.spread for scheme, timing in result.timings.items()})
    for slower in slower_from_end_to_end(whole, {s: timing.median_s for s, timing in result.timings.items()}):
        st.markdown(slower)
    st.markdown(sentence)
    if "float" in whole:
        for scheme in whole:
            if bits := result.packed_weight_bits(scheme):
                speed_up = whole["float"] / whole[scheme]
                spread = max(result.timings[own].spread for own in ("float", scheme))
                st.markdown(binary_weights.only_weights_are_packed(look(scheme).label, bits, speed_up, spread))
    stages = _stages(result)
    split = {look(scheme).label: {stage: sum(t) for stage, t in own.items()} for scheme, own in stages.items()}
    charts.show(
        stacked_bars(split, {look(scheme).label: scheme for scheme in stages}, AXIS, dark=theme.dark()),
        alt="Where the time of each network goes. "
        + "; ".join(
            f"{label}: " + ", ".join(f"{stage} {units.duration(t)}" for stage, t in row.items())
            for label, row in split.items()
        ),
        table={
            "scheme": list(split),
            "all layers": [units.duration(seconds) for seconds in whole.values()],
            "end to end, in turns": [units.duration(timing.median_s) for timing in result.timings.values()],
            "its quartiles": [
                " – ".join(units.duration(q) for q in timing.quartiles_s[::2]) for timing in result.timings.values()
            ],
            **{stage: [units.duration(row[stage]) for row in split.values()] for stage in next(iter(stages.values()))},
            "first call, with compiling": [units.duration(timing.first_call_s) for timing in result.timings.values()],
        },
        key="whole",
    )


def _compared(result: LayerTimings, whole: Mapping[str, float]) -> tuple[dict[str, str], str]:
    """The headline figures of two networks, title → figure, and the sentence about the first layer in Markdown."""
    base, other = result.settings.schemes
    first_layers = {scheme: result.first_layer_s(scheme) for scheme in whole}
    limit, measured = amdahl_limit(whole[base], first_layers[other]), whole[base] / whole[other]
    figures = {
        f"{look(base).short}, all layers": units.duration(whole[base]),
        f"{look(other).short}, all layers": units.duration(whole[other]),
        "measured speed-up": units.times(measured),
        "limit by the first layer, computed": units.times(limit),
    }
    sentence = (
        f"**The first layer** is real under both schemes. It takes {units.duration(first_layers[other])} of "
        f"{look(other).label}'s {units.duration(whole[other])} "
        f"({units.percent(first_layers[other] / whole[other])}), and {units.duration(first_layers[base])} of "
        f"{look(base).label}'s {units.duration(whole[base])} "
        f"({units.percent(first_layers[base] / whole[base])}). If everything behind it took no time at all, the "
        f"whole would be {units.duration(whole[base])} / {units.duration(first_layers[other])} = "
        f"**{units.times(limit)}** as fast as {look(base).label}: Amdahl's law. Measured: **{units.times(measured)}**."
    )
    return figures, sentence


def _alone(result: LayerTimings, whole: Mapping[str, float]) -> tuple[dict[str, str], str]:
    """Figures and sentence, as `_compared` gives them, of a network without a twin here."""
    ((scheme, seconds),) = whole.items()
    first_layer = result.first_layer_s(scheme)
    limit = amdahl_limit(seconds, first_layer)
    figures = {
        "all layers": units.duration(seconds),
        "end to end": units.duration(result.timings[scheme].median_s),
        "the first layer": units.duration(first_layer),
        "limit by the first layer, computed": units.times(limit),
    }
    sentence = (
        f"**The first layer**, {result.layers[0].key}, takes {units.duration(first_layer)} of "
        f"{units.duration(seconds)} ({units.percent(first_layer / seconds)}). If everything behind it took no time at "
        f"all, the network would be **{units.times(limit)}** as fast as it is: Amdahl's law. How many times as fast it "
        "is as a twin with real weights is not known here: a packed file holds none."
    )
    return figures, sentence


def slower_from_end_to_end(whole: Mapping[str, float], end_to_end: Mapping[str, float]) -> list[str]:
    """A sentence of Markdown for each network whose runs from end to end were much slower than its layers.

    Args:
        whole: Scheme → seconds of all layers, the sum of their medians.
        end_to_end: Scheme → the median of the runs from end to end.
    """
    return [
        f"**From end to end** {look(scheme).label} took {units.duration(end_to_end[scheme])}, "
        f"{units.times(end_to_end[scheme] / seconds)} as long as its layers: something else ran on this machine "
        "meanwhile. The median of each layer leaves interruptions out, a whole run has all of them."
        for scheme, seconds in whole.items()
        if end_to_end[scheme] > (1 + notices.NOISY) * seconds
    ]


def show_layers(result: LayerTimings, picked: str) -> None:
    """Clickable bars of every layer under each scheme; that of the key `picked` is marked, none for ""."""
    keys = [layer.key for layer in result.layers]
    table, stages = layer_table(result), _stages(result)
    columns = list(table.values())[: 2 + len(result.settings.schemes)]
    charts.show(
        paired_bars(keys, stages, AXIS, picked=picked, dark=theme.dark()),
        alt="Time of every layer: "
        + "; ".join(f"{key}, {shape}: {' and '.join(t)}" for key, shape, *t in zip(*columns, strict=True)),
        table={
            **table,
            **{
                f"{look(scheme).short}: {stage}": [units.duration(t) for t in times]
                for scheme, own in stages.items()
                for stage, times in own.items()
            },
        },
        key="layers",
        clickable=True,
    )


def _stages(result: LayerTimings) -> dict[str, dict[str, list[float]]]:
    """Scheme → stage → median seconds of each layer; the stages that take time under either scheme."""
    taken = {scheme: result.layer_medians_s(scheme) for scheme in result.settings.schemes}
    stages = [stage for stage in STAGES if any(stage in times for times in taken.values())]
    nothing = [0.0] * len(result.layers)
    return {scheme: {stage: times.get(stage, nothing) for stage in stages} for scheme, times in taken.items()}
