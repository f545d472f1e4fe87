"""Calls take turns, first calls stay apart, and a benchmark can be watched and cancelled."""

import time

import numpy as np
import pytest

from xnorlab.benchmark.timing import MAX_REPEATS, SLOW_S, VERY_SLOW_S, Timing, interleaved


def test_calls_take_turns_and_nobody_is_always_first():
    log: list[str] = []

    def call(name: str):
        def run() -> None:
            log.append(name)
            time.sleep(2e-3)  # longer than a sample, so that each sample is one call

        return run

    interleaved({name: call(name) for name in "abc"}, repeats=6)
    first, warm, check = 1, 3, 1
    rounds = log[3 * (first + warm) : -3 * check]
    turns = [rounds[i : i + 6 : 2] for i in range(0, len(rounds), 6)]  # an untimed and a timed run each
    assert [sorted(turn) for turn in turns] == [["a", "b", "c"]] * 6
    assert [turn[0] for turn in turns] == list("abcabc")


def test_every_sample_is_kept_and_the_first_call_is_apart():
    slept = iter([0.05])

    def call() -> None:
        time.sleep(next(slept, 2e-3))

    timing = interleaved({"x": call}, repeats=5)["x"]
    assert timing.first_call_s >= 0.05
    assert len(timing.samples_s) == 5
    assert all(value >= 2e-3 for value in timing.samples_s)
    assert timing.calls_per_sample == 1


def test_short_calls_are_repeated_inside_a_sample():
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1

    timing = interleaved({"x": call}, repeats=3)["x"]
    assert timing.calls_per_sample > 100
    assert calls == 1 + 3 + 3 * (1 + timing.calls_per_sample) + 1


def test_slow_calls_join_fewer_rounds():
    calls = {"slow": lambda: time.sleep(1.2 * SLOW_S), "slower": lambda: time.sleep(1.1 * VERY_SLOW_S)}
    timings = interleaved({**calls, "fast": lambda: None}, repeats=8)
    assert [len(timings[name].samples_s) for name in ("slower", "slow", "fast")] == [2, 3, 8]


def test_first_and_last_answers_are_checked():
    answers = iter(range(1000))
    seen: list[int] = []
    interleaved(
        {"x": lambda: (time.sleep(2e-3), next(answers))[1]}, repeats=2, check=lambda _, answer: seen.append(answer)
    )
    assert seen == [0, 1 + 3 + 2 * 2]


def test_progress_climbs_to_one_and_cancels_by_raising():
    fractions: list[float] = []

    def watch(fraction: float, text: str) -> None:
        fractions.append(fraction)
        assert text

    interleaved({"x": lambda: None, "y": lambda: None}, repeats=3, progress=watch)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0

    class CancelledError(Exception):
        pass

    def cancel(fraction: float, text: str) -> None:
        if fraction > 0.5:
            raise CancelledError

    calls: list[int] = []
    with pytest.raises(CancelledError):
        interleaved({"x": lambda: calls.append(1)}, repeats=MAX_REPEATS, progress=cancel)
    assert calls


@pytest.mark.parametrize("repeats", [0, -1, MAX_REPEATS + 1, 2.0, True])
def test_impossible_repeats_are_named(repeats):
    with pytest.raises(ValueError, match=f"repeats={repeats} must be an integer from 1"):
        interleaved({"x": lambda: None}, repeats=repeats)


def test_median_and_quartiles_are_numpys():
    samples = tuple(np.random.default_rng(0).uniform(1, 2, 22))
    timing = Timing("x", samples, 1, 0.0)
    assert timing.quartiles_s == pytest.approx(np.quantile(samples, [0.25, 0.5, 0.75]))
    assert timing.spread == pytest.approx((timing.quartiles_s[2] - timing.quartiles_s[0]) / np.median(samples))
    assert Timing("x", (3.0,), 1, 0.0).quartiles_s == (3.0, 3.0, 3.0)
    assert timing.to_dict()["samples_s"] == list(samples)
