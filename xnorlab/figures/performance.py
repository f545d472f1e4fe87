"""Figures of timings: the spread of the runs, the roofline, speed-ups against one setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xnorlab import units
from xnorlab.figures import style
from xnorlab.figures.axes import time_ticks

_FLOAT, _XNOR = style.SCHEMES["float"], style.SCHEMES["xnor"]

CONTENDERS = {
    "naive": style.Mark("naive float32 loops", "#8C8C8C", "#9A9A9A", "circle-open"),
    "torch-nchw": style.Mark("oneDNN float32, NCHW", _FLOAT.light, _FLOAT.dark, "circle"),
    "torch-channels-last": style.Mark("oneDNN float32, channels last", _FLOAT.light, _FLOAT.dark, "circle-cross"),
    "best-float": style.Mark("oneDNN float32, best layout", _FLOAT.light, _FLOAT.dark, "circle"),
    "binary": style.Mark("packed XNOR + popcount", _XNOR.light, _XNOR.dark, "star"),
}
"""The marks of the contestants that compute a convolution, by their names in `xnorlab.benchmark`.

Float engines have the grey of the float scheme, the packed code has XNOR's colour. "best-float" is the faster of
torch's layouts.
"""


def timing_spread(samples_seconds: Mapping[str, np.ndarray], *, dark: bool = False) -> go.Figure:
    """Draw all runs as dots and their quartiles as boxes, one row per contestant, on a logarithmic axis of time.

    Args:
        samples_seconds: By name in CONTENDERS, positive seconds, (runs,).
        dark: For the dark theme.
    """
    figure = go.Figure()
    for name, values in samples_seconds.items():
        look, samples = CONTENDERS[name], np.asarray(values, dtype=np.float64)
        figure.add_box(
            x=samples,
            y=[look.label] * samples.size,
            name=look.label,
            orientation="h",
            boxpoints="all",
            jitter=0.6,
            pointpos=0,
            whiskerwidth=0,
            fillcolor="rgba(0,0,0,0)",
            line={"color": style.ink(dark), "width": 1.5},
            marker={"color": look.colour(dark), "symbol": look.symbol, "size": 6, "opacity": 0.65},
            hovertemplate="%{x:.3s}s<extra></extra>",
        )
    style.finish(figure, height=110 + 62 * len(samples_seconds), dark=dark)
    values = np.concatenate([np.asarray(v, dtype=np.float64) for v in samples_seconds.values()])
    figure.update_xaxes(time_ticks(values.min(), values.max()))
    figure.update_layout(margin_t=8, boxgap=0.35)
    figure.update_yaxes(showgrid=False, autorange="reversed")
    return figure


def roofline(
    points: Sequence[tuple[str, float, float]],
    ceilings: Mapping[str, float],
    bandwidth_bytes_per_second: float,
    *,
    dark: bool = False,
) -> go.Figure:
    """Draw the roofline: multiply-adds per second against multiply-adds per byte, both axes logarithmic.

    The slanted part of a roof is memory: intensity × bandwidth.

    Args:
        points: (name in CONTENDERS, MACs per byte of memory that is read or written, MACs per second).
        ceilings: By name in CONTENDERS, the MACs per second of a loop of nothing but its arithmetic.
        bandwidth_bytes_per_second: Bandwidth of the memory.
        dark: For the dark theme.
    """
    intensities = [p[1] for p in points]
    knees = [rate / bandwidth_bytes_per_second for rate in ceilings.values()]
    low, high = min([*intensities, *knees]) / 4, max([*intensities, *knees]) * 4
    figure = go.Figure()
    for name, rate in ceilings.items():
        look, knee = CONTENDERS[name], rate / bandwidth_bytes_per_second
        figure.add_scatter(
            x=[low, knee, high],
            y=[low * bandwidth_bytes_per_second, rate, rate],
            mode="lines",
            name=f"ceiling, {look.label}: {units.rate(rate)}",
            line={"color": look.colour(dark), "dash": "dash", "width": 1.5},
            hoverinfo="name",
        )
    for name, intensity, rate in points:
        look = CONTENDERS[name]
        figure.add_scatter(
            x=[intensity],
            y=[rate],
            mode="markers",
            name=f"{look.label}: {units.rate(rate)}",
            marker={"symbol": look.symbol, "size": 13, "color": look.colour(dark), "line": {"width": 2}},
            hovertemplate=f"{units.significant(intensity)} MAC per byte<br>{units.rate(rate)}"
            f"<extra>{look.label}</extra>",
        )
    style.finish(figure, height=420, dark=dark, legend=True)
    figure.update_layout(legend={"orientation": "v", "x": 0, "y": -0.22, "yanchor": "top"}, margin_t=12)
    figure.update_xaxes(type="log", title="multiply-adds per byte of memory", dtick=1)
    figure.update_yaxes(type="log", title="multiply-adds per second", tickformat=".0s", dtick=1)
    return figure


@dataclass(frozen=True)
class Panel:
    """Speed-ups against one setting.

    Attributes:
        axis_label: Name of the setting, such as "channels".
        values: Its values, drawn at equal distances, so that 64 and 65 are distinct.
        measured: By name in CONTENDERS, the speed-up over it at each value; None where it was not timed.
        computed: The paper's formula at each value.
        in_words: The formula for channels that fill whole words, drawn if it differs; None if unknown.
    """

    axis_label: str
    values: Sequence[float]
    measured: Mapping[str, Sequence[float | None]]
    computed: Sequence[float]
    in_words: Sequence[float] | None = None


def sweeps(panels: Sequence[Panel], *, dark: bool = False) -> go.Figure:
    """Draw panels side by side on one logarithmic axis of speed-ups: marks for measured ones, lines for the formula.

    With channels and kernel it is figure 4 of the paper, which draws the formula alone.
    """
    figure = make_subplots(1, len(panels), shared_yaxes=True, horizontal_spacing=0.04)
    told = set()
    for column, panel in enumerate(panels, start=1):
        for trace in _panel_traces(panel, dark):
            trace.update(legendgroup=trace.name, showlegend=trace.name not in told)
            told.add(trace.name)
            figure.add_trace(trace, row=1, col=column)
        figure.update_xaxes(title=panel.axis_label, type="category", tickangle=0, row=1, col=column)
    style.finish(figure, height=400, dark=dark, legend=True)
    figure.update_layout(legend={"orientation": "v", "x": 0, "y": -0.22, "yanchor": "top"}, margin_t=12)
    figure.update_yaxes(type="log", tickvals=[0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000])
    figure.update_yaxes(title="times faster", col=1)
    return figure


def _panel_traces(panel: Panel, dark: bool) -> list[go.Scatter]:
    places = [f"{value:g}" for value in panel.values]
    traces = []
    formulas = [("formula (computed)", "dash", panel.computed)]
    if panel.in_words is not None and list(panel.in_words) != list(panel.computed):
        formulas.append(("formula in whole words (computed)", "dot", panel.in_words))
    for name, dash, curve in formulas:
        traces.append(
            go.Scatter(
                x=places,
                y=list(curve),
                mode="lines",
                name=name,
                line={"color": style.muted(dark), "dash": dash, "width": 2},
                hovertemplate=panel.axis_label + " %{x}: %{y:.3g}×<extra>computed</extra>",
            )
        )
    for name, ratios in panel.measured.items():
        open_mark = name == "naive"
        traces.append(
            go.Scatter(
                x=places,
                y=list(ratios),
                mode="lines+markers",
                name=f"against {CONTENDERS[name].label} (measured)",
                line={"color": _XNOR.colour(dark), "width": 2, "dash": "dot" if open_mark else "solid"},
                marker={"symbol": "star-open" if open_mark else "star", "size": 10},
                hovertemplate=panel.axis_label + " %{x}: %{y:.3g}×<extra>measured here</extra>",
            )
        )
    return traces
