"""Whoever fails gets a reason, the others their times; what is wrong with ours is raised."""

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
class Someone:
    name: str
    prepare: Callable[..., Any]


def answering(name: str, answer: Any = RIGHT) -> Someone:
    return Someone(name, lambda problem: nullcontext(Ready(lambda: (time.sleep(1e-3), answer)[1])))


def raising(name: str, error: Exception, *, after: int | None = None) -> Someone:
    """Raises while it is prepared, or in the call that follows `after` right ones."""

    @contextmanager
    def prepare(problem: str) -> Iterator[Ready]:
        if after is None:
            raise error
        calls: list[int] = []

        def call() -> int:
            calls.append(1)
            if len(calls) > after:
                raise error
            time.sleep(1e-3)
            return RIGHT

        yield Ready(call)

    return Someone(name, prepare)


def missing(name: str) -> Someone:
    @contextmanager
    def prepare(problem: str) -> Iterator[Ready]:
        import a_package_that_nobody_has.inside  # pyright: ignore[reportMissingImports]

        yield a_package_that_nobody_has

    return Someone(name, prepare)


def check(name: str, answer: np.ndarray) -> None:
    if answer != RIGHT:
        raise BenchmarkError(f"{name} says {answer}")


def hold(ours: list[Someone], peers: list[Someone], **options: Any) -> Outcome:
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
def test_one_that_fails_gets_its_reason_and_the_others_their_times(one: Someone, why: str):
    found = hold([answering("ours")], [answering("first"), one, answering("last")])
    assert found.left_out == {"x": why}
    assert {name: len(timing.samples_s) for name, timing in found.timings.items()} == {"ours": 3, "first": 3, "last": 3}


@pytest.mark.parametrize("one", [one for one, _ in FAILURES.values()], ids=FAILURES)
def test_what_befalls_ours_is_raised_as_it_is(one: Someone):
    with pytest.raises((BenchmarkError, OSError, RuntimeError, MemoryError, ModuleNotFoundError, UnsupportedError)):
        hold([answering("ours"), one], [answering("first")])


def test_what_a_peer_shows_about_ours_is_raised():
    def judge(name: str, answer: np.ndarray) -> None:
        if name == "peer":
            raise OursIsWrongError("ours is wrong")

    with pytest.raises(OursIsWrongError, match="ours is wrong"):
        contest([answering("ours")], [answering("peer")], ("",), judge, repeats=1, threads=1, progress=None)


def test_everyone_is_cleaned_up_after_whatever_happens():
    closed: list[str] = []

    def tidy(name: str, answer: int) -> Someone:
        @contextmanager
        def prepare(problem: str) -> Iterator[Ready]:
            try:
                yield Ready(lambda: answer)
            finally:
                closed.append(name)

        return Someone(name, prepare)

    hold([tidy("ours", RIGHT)], [tidy("right", RIGHT), tidy("wrong", 0)], repeats=1)
    assert closed == ["wrong", "right", "ours"]
    with pytest.raises(BenchmarkError):
        hold([tidy("ours", 0)], [tidy("right", RIGHT)], repeats=1)
    assert closed[3:] == ["right", "ours"]


def test_who_watches_may_still_cancel():
    class CancelledError(Exception):
        pass

    def cancel(fraction: float, text: str) -> None:
        if text == "timing peer":
            raise CancelledError

    with pytest.raises(CancelledError):
        hold([answering("ours")], [answering("peer")], progress=cancel)


def test_a_long_message_keeps_both_ends():
    text = reason(RuntimeError("begin" + "x" * 2 * LONGEST_MESSAGE + "end"), "running it")
    assert text.startswith("running it raised RuntimeError: begin")
    assert text.endswith("end")
    assert len(text) < LONGEST_MESSAGE + 50
