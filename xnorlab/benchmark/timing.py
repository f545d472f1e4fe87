"""Interleaved timing: calls take turns after a warm-up, medians and quartiles, the first call kept apart."""

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Progress = Callable[[float, str], object]
"""A callback that gets the finished fraction, 0 to 1, and a short text. An exception in it cancels the benchmark."""

SAMPLE_S = 1e-3
"""Least seconds of one sample: short calls are repeated within it, so that the cost of the clock is negligible."""

SLOW_S, VERY_SLOW_S = 20e-3, 300e-3
"""Seconds above which a call takes part in every third, or every seventh, round only, so that a naive loop does not
slow down the benchmark."""

MAX_REPEATS = 1001
"""Most rounds."""

SETTLE_S = 20e-3
"""Seconds of rest before each call on several threads: an engine's threads may spin on their cores after its call."""


class BenchmarkError(ValueError):
    """A contestant computed something else than it should, so that its time means nothing."""


@dataclass(frozen=True)
class Timing:
    """The times of one call.

    Attributes:
        name: Name of the call.
        samples_s: Seconds of one call, one value per sample, in the order of measurement.
        calls_per_sample: Calls whose mean is one sample.
        first_call_s: Seconds of the very first call, which may compile code or load it; not among the samples.
        quartiles_s: Lower quartile, median and upper quartile of the samples.
    """

    name: str
    samples_s: tuple[float, ...]
    calls_per_sample: int
    first_call_s: float
    quartiles_s: tuple[float, float, float] = field(init=False)

    def __post_init__(self):
        values = self.samples_s
        quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        object.__setattr__(self, "quartiles_s", tuple(quartiles))

    @property
    def median_s(self) -> float:
        """Median of the samples."""
        return self.quartiles_s[1]

    @property
    def spread(self) -> float:
        """Interquartile range over median; above 0.1 the machine was too busy for a fine comparison."""
        return (self.quartiles_s[2] - self.quartiles_s[0]) / self.median_s if self.median_s else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the samples, the median, the quartiles and the spread as values that JSON can hold."""
        low, median, high = self.quartiles_s
        return {
            "name": self.name,
            "median_s": median,
            "quartiles_s": [low, high],
            "spread": self.spread,
            "samples_s": list(self.samples_s),
            "calls_per_sample": self.calls_per_sample,
            "first_call_s": self.first_call_s,
        }


def interleaved(
    calls: Mapping[str, Callable[[], Any]],
    *,
    repeats: int = 21,
    threads: int = 1,
    check: Callable[[str, Any], None] | None = None,
    refuse: Callable[[str, Exception], bool] | None = None,
    progress: Progress | None = None,
) -> dict[str, Timing]:
    """Time several calls that take turns, so that changes of clock rate and load affect all of them alike.

    In each round, in random order, each call gets one untimed run, which brings its data back into the caches, and one
    timed sample. Calls slower than VERY_SLOW_S, for which caches do not matter, get no untimed run. The caller must
    hold the lock of timed runs.

    Args:
        calls: The calls by name.
        repeats: Rounds, 1 to MAX_REPEATS.
        threads: Threads that the calls use; with more than 1 the machine rests for SETTLE_S before each call.
        check: Called with a name and the first and last answer of that call; raises if the answer is wrong.
        refuse: Called with a name and what that call or its check raised. If it returns True, the benchmark goes on
            without that call, which gets no Timing.
        progress: See `Progress`.

    Raises:
        ValueError: `repeats` is outside of its range.
        Exception: What a call or its check raised, unless `refuse` returned True.
    """
    if type(repeats) is not int or not 1 <= repeats <= MAX_REPEATS:
        raise ValueError(f"repeats={repeats!r} must be an integer from 1 to {MAX_REPEATS}")
    report = progress if progress is not None else _silent
    running = _Running(calls, check, refuse)
    first: dict[str, float] = {}
    inner: dict[str, int] = {}
    every: dict[str, int] = {}

    def begin(name: str) -> None:
        first[name] = running.checked(name)
        best = running.seconds(name, 1)
        if best <= VERY_SLOW_S:
            best = min(best, *(running.seconds(name, 1) for _ in range(2)))
        inner[name] = math.ceil(SAMPLE_S / max(best, 1e-7))
        every[name] = 7 if best > VERY_SLOW_S else 3 if best > SLOW_S else 1

    samples: dict[str, list[float]] = {name: [] for name in calls}

    def sample(name: str) -> None:
        if every[name] < 7:
            calls[name]()
        samples[name].append(running.seconds(name, inner[name]))

    for i, name in enumerate(calls):
        report(0.3 * i / len(calls), f"first call of {name}")
        running.attempt(name, begin)
    order = random.Random(0)
    for turn in range(repeats):
        names = running.names
        for i, name in enumerate(order.sample(names, len(names))):
            if turn % every[name]:
                continue
            report(0.3 + 0.7 * (turn + i / len(names)) / repeats, f"timing {name}")
            if threads > 1:
                time.sleep(SETTLE_S)
            running.attempt(name, sample)
    for name in running.names:
        running.attempt(name, running.checked)
    report(1.0, "done")
    return {name: Timing(name, tuple(samples[name]), inner[name], first[name]) for name in running.names}


class _Running:
    """The calls that have not failed so far."""

    def __init__(
        self,
        calls: Mapping[str, Callable[[], Any]],
        check: Callable[[str, Any], None] | None,
        refuse: Callable[[str, Exception], bool] | None,
    ):
        self._calls, self._check, self._refuse = dict(calls), check, refuse

    @property
    def names(self) -> list[str]:
        return list(self._calls)

    def attempt(self, name: str, step: Callable[[str], Any]) -> None:
        """Do step(name); if it fails, leave the call out, provided that `refuse` allows it."""
        try:
            step(name)
        except Exception as error:
            if self._refuse is None or not self._refuse(name, error):
                raise
            del self._calls[name]

    def checked(self, name: str) -> float:
        """Seconds of one call, whose answer is checked."""
        start = time.perf_counter()
        answer = self._calls[name]()
        seconds = time.perf_counter() - start
        if self._check is not None:
            self._check(name, answer)
        return seconds

    def seconds(self, name: str, n: int) -> float:
        """Seconds of one call, averaged over n in a row."""
        call = self._calls[name]
        start = time.perf_counter()
        for _ in range(n):
            call()
        return (time.perf_counter() - start) / n


def _silent(fraction: float, text: str) -> None:
    """Report no progress."""
