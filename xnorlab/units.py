"""How numbers are written for people: three significant digits, and the unit that fits the size.

The app, the command line, the figures and the notebooks write their numbers with these functions.
"""

import math

DIGITS = 3
"""Significant digits of every number that is shown."""

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTE_UNITS = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_COUNT_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"))
_RATE_UNITS = ((1e12, "TMAC/s"), (1e9, "GMAC/s"), (1e6, "MMAC/s"), (1.0, "MAC/s"))


def significant(value: float) -> str:
    """Write `value` to DIGITS significant digits without an exponent: 0.0123, 1.20, 45.6, 12,300.

    NaN is written "–", infinity "∞" or "−∞".
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{DIGITS - 1}e}")
    decimals = max(0, DIGITS - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}".replace("-", "−")


def _with_unit(value: float, units: tuple[tuple[float, str], ...]) -> str:
    # A value that rounds up to the next unit's 1 is written in that unit: 999.9 µs is 1.00 ms.
    rounded = float(f"{value:.{DIGITS - 1}e}") if math.isfinite(value) else value
    largest = max(abs(value), abs(rounded))
    factor, unit = next((pair for pair in units if largest >= pair[0]), units[-1])
    return f"{significant(value / factor)} {unit}"


def duration(seconds: float) -> str:
    """Write a time in s, ms, µs or ns."""
    return _with_unit(seconds, _TIME_UNITS)


def milliseconds(seconds: float) -> str:
    """Write a time in ms without the unit, for the columns of a table that names it."""
    return significant(1e3 * seconds)


def memory(size_bytes: float) -> str:
    """Write a size in B, KiB, MiB or GiB (powers of 1024)."""
    return f"{int(size_bytes)} B" if 0 <= size_bytes < 1024 else _with_unit(size_bytes, _BYTE_UNITS)


def count(number: float) -> str:
    """Write a number of things: whole below a thousand, then in thousands (K), millions (M), G or T."""
    return f"{number:.0f}" if 0 <= number < 999.5 else _with_unit(number, _COUNT_UNITS)


def rate(macs_per_second: float) -> str:
    """Write multiply-adds per second in MAC/s to TMAC/s; 1 MAC is 2 operations."""
    return _with_unit(macs_per_second, _RATE_UNITS)


def times(ratio: float) -> str:
    """Write a ratio such as a speed-up: 23.4×."""
    return f"{significant(ratio)}×"


def percent(share: float) -> str:
    """Write a share from 0 to 1 as a percentage: 97.3 %; below a hundredth of a percent it reads "< 0.01 %"."""
    if 0 < share < 1e-4:
        return "< 0.01 %"
    return f"{significant(100 * share)} %"


def points(difference: float) -> str:
    """Write a difference of two percentages with its sign: +2.4, −0.7; what rounds to 0.0 has no sign."""
    text = f"{abs(difference):.1f}"
    return text if text == "0.0" else ("+" if difference > 0 else "−") + text
