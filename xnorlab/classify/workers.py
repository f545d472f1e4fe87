"""Processes that classify parts on this machine: each holds the network, takes a part, and writes its file."""

import contextlib
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from xnorlab import atomic
from xnorlab.classify.classifier import NETWORK, Classifier, Cost
from xnorlab.classify.job import Job

READY = "ready"


class Worker:
    """A process with the network of a job, started at once.

    Args:
        folder: of the job.

    Attributes:
        pipe: gives READY once, then a `Cost`, or the error that a part ended with, for each part that was sent.
        part: number of the part that it works on; None while it has none.
    """

    def __init__(self, folder: Path):
        # A new interpreter on every system: a fork would copy the caller's threads' locks as they are.
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self._state = context.RawArray("q", [NETWORK, 0])
        self._process = context.Process(target=_serve, args=(other, self._state, folder), daemon=True)
        with _without_the_callers_script():
            self._process.start()
        other.close()  # so that the pipe ends with the process
        self.part: int | None = None

    @property
    def position(self) -> int:
        """Number of the picture that is being read; NETWORK while none is."""
        return self._state[0]

    @property
    def done(self) -> int:
        """Pictures of its part that it has read."""
        return self._state[1] if self.part is not None else 0

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid or 0

    def give(self, part: int, refused: Mapping[int, str]) -> None:
        """Send it a part; `refused` as in `Classifier.part`."""
        self.part = part
        self._state[0], self._state[1] = NETWORK, 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has died: the pipe's end will tell
            self.pipe.send((part, dict(refused)))

    def how_it_ended(self) -> str:
        """Why a process that has ended did: a signal's name, or its status."""
        self._process.join()
        status = self._process.exitcode or 0
        return signal.Signals(-status).name if status < 0 else f"status {status}"

    def close(self) -> None:
        """End the process, whatever it is doing; a part that is not finished leaves no file."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


@contextlib.contextmanager
def _without_the_callers_script() -> Iterator[None]:
    """Context in which a new process is told of no main script.

    It would run that script again, without need: one without a guard would begin the classification in every process,
    and a page of a Streamlit app would be drawn there.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _serve(pipe: Connection, state: Any, folder: Path) -> None:
    """Classify the parts that come through the pipe, until its other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the first process ends the others
    try:
        job = Job(folder)
        classifier = Classifier(job.network(), job.settings)
        pipe.send(READY)
        while True:
            part, refused = pipe.recv()
            pipe.send(_classify(job, classifier, part, refused, state))
    except (EOFError, BrokenPipeError):  # the first process was killed
        return


def _classify(job: Job, classifier: Classifier, part: int, refused: Mapping[int, str], state: Any) -> Cost | Exception:
    def at(position: int) -> None:
        state[0], state[1] = position, max(state[1], position)

    try:
        data, cost = classifier.part(job.listed(part), at=at, refused=refused)
        atomic.write_bytes(job.part_file(part), data)
    except Exception as error:
        return error
    return cost
