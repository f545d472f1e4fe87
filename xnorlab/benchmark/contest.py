"""Timing of several contestants in turns; another engine that fails gets a reason instead of a time."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from xnorlab.benchmark.timing import BenchmarkError, Progress, Timing, interleaved

LONGEST_MESSAGE = 300
"""Most characters of an engine's own message that a reason keeps; some messages list positions in source files."""


class UnsupportedError(ValueError):
    """A contestant has no kernel for the problem; the message says so in one sentence."""


class OursIsWrongError(BenchmarkError):
    """The answers of other engines show that xnorlab's own is wrong: a bug, so that no time means anything."""


@dataclass(frozen=True)
class Ready:
    """A prepared contestant.

    Attributes:
        call: The computation, which is timed.
        result: Turns what `call` returned into the answer; not timed.
    """

    call: Callable[[], Any]
    result: Callable[[Any], np.ndarray] = np.asarray


class Entrant(Protocol):
    """The interface of a contestant."""

    @property
    def name(self) -> str:
        """Its name in results."""
        ...

    @property
    def prepare(self) -> Callable[..., AbstractContextManager[Ready]]:
        """Prepares it for a problem; it stays prepared as long as the returned context lasts.

        Raises UnsupportedError if the contestant cannot solve the problem, and ModuleNotFoundError if its package is
        not installed. Any other error is reported as a failure of the contestant.
        """
        ...


@dataclass(frozen=True)
class Outcome:
    """The result of a contest.

    Attributes:
        timings: By name, the times of the contestants whose answers were right to the end.
        left_out: By name, why the others have no time.
    """

    timings: dict[str, Timing]
    left_out: dict[str, str]


def contest(
    ours: Sequence[Entrant],
    peers: Sequence[Entrant],
    problem: tuple[Any, ...],
    check: Callable[[str, np.ndarray], None],
    *,
    repeats: int,
    threads: int,
    progress: Progress | None,
) -> Outcome:
    """Prepare all contestants for a problem and time them in turns; see `timing.interleaved`.

    A peer that cannot be prepared, that raises or whose answer is wrong is left out from then on.

    Args:
        ours: Contestants of xnorlab itself.
        peers: Contestants that may fail.
        problem: The arguments of each contestant's `prepare`.
        check: Called with a name and an answer; raises BenchmarkError if the answer is wrong.
        repeats: Rounds.
        threads: Threads that the contestants use.
        progress: See `timing.Progress`.

    Raises:
        Exception: What one of `ours` raised.
        OursIsWrongError: A peer's answer shows that the answer of one of `ours` is wrong.
    """
    left_out: dict[str, str] = {}
    own = {entrant.name for entrant in ours}
    ready: dict[str, Ready] = {}
    with ExitStack() as cleanup:
        for entrant in (*ours, *peers):
            try:
                ready[entrant.name] = cleanup.enter_context(entrant.prepare(*problem))
            except Exception as error:
                if entrant.name in own:
                    raise
                left_out[entrant.name] = reason(error, "preparing it")

        def refuse(name: str, error: Exception) -> bool:
            if name in own or isinstance(error, OursIsWrongError):
                return False
            left_out[name] = reason(error, "running it")
            return True

        timings = interleaved(
            {name: one.call for name, one in ready.items()},
            repeats=repeats,
            threads=threads,
            check=lambda name, answer: check(name, ready[name].result(answer)),
            refuse=refuse,
            progress=progress,
        )
    return Outcome(timings, left_out)


def reason(error: Exception, doing: str) -> str:
    """Say in one line why a contestant is not timed.

    Args:
        error: What it raised.
        doing: What it was doing, such as "running it".
    """
    if isinstance(error, BenchmarkError | UnsupportedError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{error.name.partition('.')[0]} is not installed"
    text = " ".join(str(error).split())
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[: LONGEST_MESSAGE // 2]} … {text[-LONGEST_MESSAGE // 2 :]}"
    return f"{doing} raised {type(error).__name__}" + (f": {text}" if text else "")
