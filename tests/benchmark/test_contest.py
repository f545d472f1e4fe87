"""A contestant that fails gets a reason and the others their times; a fault of our own is raised."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from xnorlab.benchmark import BenchmarkError, OursIsWrongError, Ready, UnsupportedError
from xnorlab.benchmark.contest import LONGEST_MESSAGE, Outcome, contest, reason

RIGHT = 7


@dataclass(frozen=True)
class FakeContestant:
    name: str
    prepare: Callable[..., Any]


def answering(name: str, answer: Any = RIGHT) -> FakeContestant:
    return FakeContestant(name, lambda problem: nullcontext(Ready(lambda: (time.sleep(1e-3), answer)[1])))


def raising(name: str, error: Exception, *, after: int | None = None) -> FakeContestant:
    """Raises while it is prepared, or in the call that follows `after` right ones."""

    @contextmanager
    def prepare(problem: str) -> Iterator[Ready]:
        if after is None:
            raise error
        right, calls = after, list[int]()

        def call() -> int:
            calls.append(1)
            if len(calls) > right:
                raise error
            time.sleep(1e-3)
            return RIGHT

        yield Ready(call)

    return FakeContestant(name, prepare)


def missing(name: str) -> FakeContestant:
    @contextmanager
    def prepare(problem: str) -> Iterator[Ready]:
        import a_package_that_nobody_has.inside  # pyright: ignore[reportMissingImports]

        yield a_package_that_nobody_has.inside.ready

    return FakeContestant(name, prepare)


def check(name: str, answer: np.ndarray) -> None:
    if answer != RIGHT:
        raise BenchmarkError(f"{name} says {answer}")


def run_contest(ours: list[FakeContestant], peers: list[FakeContestant], **options: Any) -> Outcome:
    return contest(ours, peers, ("the problem",), check, **{"repeats": 3, "threads": 1, "progress": None} | options)


FAILURES = {
    "wrong": (answering("x", 8), "x says 8"),
    "raises in preparation": (raising("x", OSError("no\n such  file")), "preparing it raised OSError: no such file"),
    "raises at once": (raising("x", RuntimeError(), after=0), "running it raised RuntimeError"),
    "raises while it is timed": (raising("x", MemoryError("full"), after=6), "running it raised MemoryError: full"),
    "missing": (missing("x"), "a_package_that_nobody_has is not installed"),
    "refuses": (raising("x", UnsupportedError("x takes no 3 × 3")), "x takes no 3 × 3"),
}


@pytest.mark.parametrize(("one", "why"), FAILURES.values(), ids=FAILURES)
def test_a_peer_that_fails_gets_a_reason_and_the_others_their_times(one: FakeContestant, why: str):
    outcome = run_contest([answering("ours")], [answering("first"), one, answering("last")])
    assert outcome.left_out == {"x": why}
    assert {name: len(timing.samples_s) for name, timing in outcome.timings.items()} == {
        "ours": 3,
        "first": 3,
        "last": 3,
    }


@pytest.mark.parametrize("one", [one for one, _ in FAILURES.values()], ids=FAILURES)
def test_an_error_of_ours_is_raised_unchanged(one: FakeContestant):
    with pytest.raises((BenchmarkError, OSError, RuntimeError, MemoryError, ModuleNotFoundError, UnsupportedError)):
        run_contest([answering("ours"), one], [answering("first")])


def test_that_ours_is_wrong_is_raised_though_a_peer_shows_it():
    def check_against_ours(name: str, answer: np.ndarray) -> None:
        if name == "peer":
            raise OursIsWrongError("ours is wrong")

    with pytest.raises(OursIsWrongError, match="ours is wrong"):
        contest(
            [answering("ours")], [answering("peer")], ("",), check_against_ours, repeats=1, threads=1, progress=None
        )


def test_every_contestant_is_cleaned_up_whatever_is_raised():
    closed: list[str] = []

    def tidy(name: str, answer: int) -> FakeContestant:
        @contextmanager
        def prepare(problem: str) -> Iterator[Ready]:
            try:
                yield Ready(lambda: answer)
            finally:
                closed.append(name)

        return FakeContestant(name, prepare)

    run_contest([tidy("ours", RIGHT)], [tidy("right", RIGHT), tidy("wrong", 0)], repeats=1)
    assert closed == ["wrong", "right", "ours"]
    with pytest.raises(BenchmarkError):
        run_contest([tidy("ours", 0)], [tidy("right", RIGHT)], repeats=1)
    assert closed[3:] == ["right", "ours"]


def test_the_progress_callback_can_cancel():
    class CancelledError(Exception):
        pass

    def cancel(fraction: float, text: str) -> None:
        if text == "timing peer":
            raise CancelledError

    with pytest.raises(CancelledError):
        run_contest([answering("ours")], [answering("peer")], progress=cancel)


def test_a_long_message_keeps_both_ends():
    text = reason(RuntimeError("begin" + "x" * 2 * LONGEST_MESSAGE + "end"), "running it")
    assert text.startswith("running it raised RuntimeError: begin")
    assert text.endswith("end")
    assert len(text) < LONGEST_MESSAGE + 50
