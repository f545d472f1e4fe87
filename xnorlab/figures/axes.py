"""Axes whose ticks have units: bytes at 128 KiB and 256 KiB, times at 1 ms and 2 ms."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnorlab import units


@dataclass(frozen=True)
class CostAxis:
    """An axis of costs.

    Attributes:
        title: Its title.
        text: Writes a cost with its unit.
        powers_of_two: Whether ticks are powers of two (128 KiB, 256 KiB) instead of 1, 2 and 5 times powers of ten.
    """

    title: str
    text: Callable[[float], str]
    powers_of_two: bool = False


def cost_ticks(low: float, high: float, axis: CostAxis, *, log: bool) -> dict:
    """Plotly's type, range and ticks of an axis of costs; a linear axis begins at 0.

    Args:
        low: Smallest cost; above 0 if `log`.
        high: Largest cost, above 0.
        axis: The axis.
        log: Whether it is logarithmic.
    """
    if log:
        low, high = low / 1.35, high * 1.35
        if axis.powers_of_two:
            ticks = [2.0**k for k in range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)]
        else:
            decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            steps = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
            ticks = [t for d in decades for s in steps if low <= (t := s * 10.0**d) <= high]
        limits = [math.log10(low), math.log10(high)]
    else:
        low, high = 0.0, high * 1.08
        base = 2.0 if axis.powers_of_two else 10.0
        step = base ** math.floor(math.log(high / 2, base))
        if axis.powers_of_two:
            step /= 2
        while high / step > 6:
            step *= 2
        ticks, limits = list(np.arange(0, high, step)), [low, high]
    every = 1 + len(ticks) // 8
    ticks = ticks[::every]
    return {
        "type": "log" if log else "linear",
        "range": limits,
        "tickvals": ticks,
        "ticktext": ["0" if t == 0 else _short(axis.text(t)) for t in ticks],
    }


def time_ticks(low: float, high: float) -> dict:
    """Plotly's type, range and ticks of a logarithmic axis of times.

    The ticks read 10 µs, 100 µs, 1 ms.

    Args:
        low: Smallest time on the axis, in seconds.
        high: Largest time on the axis, in seconds.
    """
    decades = np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 3 else (1,)
    ticks = [step * 10.0**d for d in decades for step in steps]
    return {
        "type": "log",
        "range": [math.log10(low) - 0.12, math.log10(high) + 0.12],
        "tickvals": ticks,
        "ticktext": [_short(units.duration(tick)) for tick in ticks],
    }


def _short(text: str) -> str:
    """Drop trailing zeros: 1.00 MiB becomes 1 MiB, 256 KiB stays."""
    number, space, unit = text.partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number}{space}{unit}"
