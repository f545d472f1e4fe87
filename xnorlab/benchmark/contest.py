"""Contestants in turns: whoever of the others fails gets a reason instead of a time, and everyone else is timed."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from xnorlab.benchmark.timing import BenchmarkError, Progress, Timing, interleaved

LONGEST_MESSAGE = 300
"""Characters of an engine's own message that a reason keeps; some tell where in their sources they stood."""


class UnsupportedError(ValueError):
    """A contestant has no kernel for what is asked; the message says so in one sentence."""


class OursIsWrongError(BenchmarkError):
    """The answers of the others show that ours is wrong: a bug, after which nothing is worth timing."""


@dataclass(frozen=True)
class Ready:
    """A prepared contestant. call: does it, timed. result: from what `call` returned to the answer, not timed."""

    call: Callable[[], Any]
    result: Callable[[Any], np.ndarray] = np.asarray


class Entrant(Protocol):
    """What a contest asks of a contestant.

    prepare: from the problem to Ready, for as long as the context lasts. It raises UnsupportedError for what the
    contestant cannot do and ModuleNotFoundError where its package is missing; whatever else it raises is reported.
    """

    @property
    def name(self) -> str:
        """What it is called in results."""
        ...

    @property
    def prepare(self) -> Callable[..., AbstractContextManager[Ready]]:
        """See above."""
        ...


@dataclass(frozen=True)
class Outcome:
    """timings: of those whose answers were right to the end. left_out: why the others have none. Both by name."""

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
    """Prepare everyone with `problem` as arguments and time them in turns; see `timing.interleaved`.

    check(name, answer) raises BenchmarkError for a wrong answer. A peer that cannot be prepared, that raises or that is
    wrong is left out from then on; what befalls one of `ours`, and OursIsWrongError, is raised.
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
    """Why a contestant that raised `error` is not timed, in one line; doing: what the error ended."""
    if isinstance(error, BenchmarkError | UnsupportedError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{error.name.partition('.')[0]} is not installed"
    text = " ".join(str(error).split())
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[: LONGEST_MESSAGE // 2]} … {text[-LONGEST_MESSAGE // 2 :]}"
    return f"{doing} raised {type(error).__name__}" + (f": {text}" if text else "")
