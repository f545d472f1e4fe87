"""What was timed: spread of the runs, speed-up against the formula, the roofline, sweeps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from xnorlab import units
from xnorlab.figures import style


@dataclass(frozen=True)
class Contender:
    """How a timed piece of code looks: its label, its colours in both themes, plotly's marker symbol."""

    label: str
    light: str
    dark: str
    symbol: str

    def colour(self, dark: bool) -> str:
        """The mark's colour in the theme."""
        return self.dark if dark else self.light


_FLOAT, _XNOR = style.SCHEMES["float"], style.SCHEMES["xnor"]

CONTENDERS = {
    "naive": Contender("naive float32 loops", "#8C8C8C", "#9A9A9A", "circle-open"),
    "torch-nchw": Contender("oneDNN float32, NCHW", _FLOAT.light, _FLOAT.dark, "circle"),
    "torch-channels-last": Contender("oneDNN float32, channels last", _FLOAT.light, _FLOAT.dark, "circle-cross"),
    "torch-onednn": Contender("oneDNN float32, its own layout", _FLOAT.light, _FLOAT.dark, "circle-dot"),
    "best-float": Contender("oneDNN float32, best layout", _FLOAT.light, _FLOAT.dark, "circle"),
    "binary": Contender("packed XNOR + popcount", _XNOR.light, _XNOR.dark, "star"),
}
"""Who computes a convolution, by the names of `xnorlab.benchmark`: the float ones wear the float scheme's grey, ours
XNOR's colour."""


def _time_axis(figure: go.Figure, low: float, high: float, axis: str = "x") -> None:
    """A logarithmic axis of seconds whose ticks read 10 µs, 100 µs, 1 ms."""
    decades = np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 3 else (1,)
    ticks = [step * 10.0**d for d in decades for step in steps]
    settings = {
        "type": "log",
        "tickvals": ticks,
        "ticktext": [_short(units.duration(t)) for t in ticks],
        "range": [math.log10(low) - 0.12, math.log10(high) + 0.12],
    }
    figure.update_layout({f"{axis}axis": settings})


def _short(text: str) -> str:
    """1.00 ms → 1 ms, for ticks."""
    number, _, unit = text.partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def timing_spread(samples_seconds: Mapping[str, np.ndarray], *, dark: bool = False) -> go.Figure:
    """Every run as a dot, the quartiles as a box and the median as its line, one row a contender; log time axis.

    samples_seconds: name in CONTENDERS → (runs,) positive seconds.
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
    _time_axis(figure, values.min(), values.max())
    figure.update_layout(margin_t=8, boxgap=0.35)
    figure.update_yaxes(showgrid=False, autorange="reversed")
    return figure


def speed_up_bars(
    measured: Mapping[str, float], computed: Mapping[str, float], published: Mapping[str, float], *, dark: bool = False
) -> go.Figure:
    """Speed-ups (×) on a logarithmic axis, bars from 1×: measured solid, computed hatched, published outlined."""
    mark = _XNOR.colour(dark)
    groups = (
        ("measured here", measured, {"color": mark, "line": {"width": 0}}),
        (
            "computed",
            computed,
            {
                "color": mark,
                "pattern": {"shape": "/", "fgcolor": mark, "bgcolor": "rgba(0,0,0,0)", "size": 6},
                "line": {"color": mark, "width": 1},
            },
        ),
        ("published", published, {"color": "rgba(0,0,0,0)", "line": {"color": mark, "width": 2}}),
    )
    figure = go.Figure()
    for origin, values, marker in groups:
        figure.add_bar(
            y=list(values),
            base=1,
            x=[v - 1 for v in values.values()],
            orientation="h",
            name=origin,
            marker=marker,
            text=[units.times(v) for v in values.values()],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra>" + origin + "</extra>",
        )
    everything = [*measured.values(), *computed.values(), *published.values(), 1.0]
    style.finish(figure, height=110 + 44 * (len(everything) - 1), dark=dark, legend=True)
    low, high = math.log10(min(everything)), math.log10(max(everything))
    figure.update_xaxes(
        title="times faster",
        type="log",
        range=[low - 0.05, high + 0.18 * (high - low) + 0.1],
        tickvals=[0.1, 1, 10, 100, 1000, 10000],
        ticktext=["0.1×", "1×", "10×", "100×", "1,000×", "10,000×"],
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def roofline(
    points: Sequence[tuple[str, float, float]],
    ceilings: Mapping[str, float],
    bandwidth_bytes_per_second: float,
    *,
    dark: bool = False,
) -> go.Figure:
    """Multiply-adds a second against multiply-adds a byte, under the measured ceilings; both axes logarithmic.

    points: (name in CONTENDERS, MACs a byte of memory touched, MACs a second). ceilings: contender → the rate of a
    loop of nothing but its arithmetic. The slanted line is memory: intensity × bandwidth.
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
            hovertemplate=f"{units.significant(intensity)} MAC a byte<br>{units.rate(rate)}<extra>{look.label}</extra>",
        )
    style.finish(figure, height=420, dark=dark, legend=True)
    figure.update_layout(legend={"orientation": "v", "x": 0, "y": -0.22, "yanchor": "top"}, margin_t=12)
    figure.update_xaxes(type="log", title="multiply-adds a byte of memory", dtick=1)
    figure.update_yaxes(type="log", title="multiply-adds a second", tickformat=".0s", dtick=1)
    return figure


@dataclass(frozen=True)
class Panel:
    """Speed-ups against one setting.

    measured: name in CONTENDERS of what the binary code is compared with → a value at each of `values`, None where it
    was not timed; computed: the paper's formula; in_words: the formula where channels fill whole words, drawn where it
    differs.
    """

    axis_label: str
    values: Sequence[float]
    measured: Mapping[str, Sequence[float | None]]
    computed: Sequence[float]
    in_words: Sequence[float] | None = None


def sweep(
    axis_label: str,
    values: Sequence[float],
    measured: Mapping[str, Sequence[float | None]],
    computed: Sequence[float],
    *,
    in_words: Sequence[float] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Speed-up against one setting (channels or kernel): measured points per rival, the paper's formula as a line.

    The arguments are those of Panel. The values stand at equal distances, to tell 64 from 65; speed-ups are on a
    logarithmic axis. Like figure 4 of the paper, which draws the formula alone.
    """
    return sweeps([Panel(axis_label, values, measured, computed, in_words)], dark=dark)


def sweeps(panels: Sequence[Panel], *, dark: bool = False) -> go.Figure:
    """Several panels side by side on one axis of speed-ups; channels and kernel are the paper's figure 4, redone."""
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
