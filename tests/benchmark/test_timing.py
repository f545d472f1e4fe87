"""Calls take turns, first calls stay apart, and a benchmark can be watched and cancelled."""

import time

import numpy as np
import pytest

from xnorlab.benchmark.timing import MAX_REPEATS, SETTLE_S, SLOW_S, VERY_SLOW_S, Timing, interleaved


def test_calls_take_turns_and_none_is_always_first():
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
    assert len({turn[0] for turn in turns}) > 1
    assert len({tuple(turn) for turn in turns}) > 2, "nobody always follows the same one"


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


def test_every_timed_run_but_that_of_a_very_slow_call_is_warm():
    runs = dict.fromkeys(("slow", "slower"), 0)

    def call(name: str, seconds: float):
        def run() -> None:
            runs[name] += 1
            time.sleep(seconds)

        return run

    timings = interleaved({"slow": call("slow", 1.2 * SLOW_S), "slower": call("slower", 1.05 * VERY_SLOW_S)}, repeats=1)
    assert {name: len(timing.samples_s) for name, timing in timings.items()} == {"slow": 1, "slower": 1}
    assert runs == {"slow": 1 + 3 + 2 + 1, "slower": 1 + 1 + 1 + 1}


def test_with_several_threads_the_machine_rests_before_every_call():
    ended: list[float] = []
    pauses: list[float] = []

    def call() -> None:
        if ended:
            pauses.append(time.perf_counter() - ended[-1])
        time.sleep(2e-3)
        ended.append(time.perf_counter())

    interleaved({"x": call}, repeats=4, threads=2)
    assert sum(pause >= SETTLE_S for pause in pauses) == 4


def test_first_and_last_answers_are_checked():
    answers = iter(range(1000))
    seen: list[int] = []
    interleaved(
        {"x": lambda: (time.sleep(2e-3), next(answers))[1]}, repeats=2, check=lambda _, answer: seen.append(answer)
    )
    assert seen == [0, 1 + 3 + 2 * 2]


def test_a_call_that_is_refused_is_left_out_and_any_other_error_is_raised():
    def broken() -> None:
        raise KeyError("broken")

    calls = {"x": lambda: None, "y": broken}
    refused: list[tuple[str, str]] = []
    timings = interleaved(calls, repeats=2, refuse=lambda name, error: refused.append((name, str(error))) is None)
    assert (list(timings), refused) == (["x"], [("y", "'broken'")])
    for refuse in (None, lambda name, error: False):
        with pytest.raises(KeyError, match="broken"):
            interleaved(calls, repeats=2, refuse=refuse)


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
