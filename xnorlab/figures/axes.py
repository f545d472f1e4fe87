"""Axes whose ticks are words with a unit: bytes at 128 KiB and 256 KiB, times at 1 ms and 2 ms."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CostAxis:
    """title, and how a cost reads. powers_of_two: ticks at 128 KiB, 256 KiB, not at 1, 2, 5."""

    title: str
    text: Callable[[float], str]
    powers_of_two: bool = False


def cost_ticks(low: float, high: float, axis: CostAxis, *, log: bool) -> dict:
    """Plotly's type, range and ticks of an axis that holds values from `low`, above 0 where it is `log`, to `high`.

    A linear axis begins at 0.
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


def _short(text: str) -> str:
    """1.00 MiB → 1 MiB, 256 KiB stays."""
    number, space, unit = text.partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number}{space}{unit}"
