"""One visitor's live training: a thread of bounded life that takes small steps in turns with everybody else.

The thread works only while the visitor's page asks for news (`watch`); it holds the library's timing lock for a few
hundredths of a second at a time, and stands still while a timing run is under way or waiting.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from shared import turns

from xnorlab.kernels import threads
from xnorlab.training.digits import Digits
from xnorlab.training.live_training import LAYERS, STEPS, Curves, LiveSettings, LiveTraining

SLICE_SECONDS = 0.04  # how long others wait at most
REST_SECONDS = 0.004  # between two slices, so that whoever waits for the lock gets it
LOOK_SECONDS = 0.05  # between two looks at whether it is our turn
NEWS_SECONDS = 0.3  # a snapshot is taken no more often than this
PATIENT_SECONDS = 1.0  # a wait as long as this is worth telling
UNWATCHED_SECONDS = 12.0  # without a sign of life from the page
LONGEST_SECONDS = 240.0  # of one thread's life
SHOWN_PICTURES = 30

DIGITS = Digits()
"""Drawn when the first run needs them, then read by all."""

# A training step gives Python's lock away in each of its hundred small operations, and beside a busy page waits a
# whole interval to get it back: 6 steps a second at the usual 5 ms, 35 at 0.5 ms, on one loaded machine.
sys.setswitchinterval(5e-4)

State = Literal["ready", "running", "stopped", "left", "late", "done", "failed"]


@dataclass(frozen=True)
class Snapshot:
    """What the page shows; never changed once it is made.

    weights: layer → latent weights (N, C, kh, kw). scales: layer → what its signs are multiplied by, None if real.
    answers: probabilities (SHOWN_PICTURES, 10) for the first test pictures.
    """

    step: int
    curves: Curves
    weights: dict[str, np.ndarray]
    scales: dict[str, float | None]
    answers: np.ndarray


class LiveRun:
    """A `LiveTraining` with Start, Stop and Resume. Belongs to one visitor; only the digits are shared, read only.

    steps_per_second: the pace, to be changed at any time; `inf` is as fast as it goes.
    """

    def __init__(self, settings: LiveSettings, steps_per_second: float = float("inf"), digits: Digits = DIGITS):
        self.settings, self.steps_per_second = settings, steps_per_second
        self.state: State = "ready"
        self.problem = ""
        self.waiting = False  # for others: a timing run, or visitors who train, too
        self._training = LiveTraining(settings, digits)
        self._snapshot, self._news = self._look(), 0.0
        self._change = threading.Lock()  # around the snapshot
        self._worker: threading.Thread | None = None
        self._stop = threading.Event()
        self._watched = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether its thread takes steps or waits for its turn."""
        return self.state == "running"

    def watch(self) -> Snapshot:
        """The latest news; also the sign of life without which the run stops."""
        self._watched = time.monotonic()
        with self._change:
            return self._snapshot

    def start(self) -> None:
        """Take steps from here on, until `stop`, the end of the run, or nobody watches."""
        self.stop()
        if self.state in ("done", "failed"):
            return
        self._watched = time.monotonic()
        self._stop.clear()
        self.state = "running"
        self._worker = threading.Thread(target=self._work, name="xnorlab-live", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Stop after the step under way, and wait for that."""
        self._stop.set()
        if self._worker is not None:
            self._worker.join()
            self._worker = None

    def _work(self) -> None:
        started = moved = time.monotonic()
        try:
            while (ended := self._ended(started)) is None:
                if self._slice():
                    moved = time.monotonic()
                self.waiting = time.monotonic() - moved > PATIENT_SECONDS
            with _one_thread():
                self._publish()
            self.state = ended
        except Exception as error:  # shown on the page: a thread has nobody to raise to
            self.problem, self.state = f"{type(error).__name__}: {error}", "failed"
        finally:
            self.waiting = False

    def _ended(self, started: float) -> State | None:
        if self._training.step >= STEPS:
            return "done"
        if self._stop.is_set():
            return "stopped"
        now = time.monotonic()
        if now - self._watched > UNWATCHED_SECONDS:
            return "left"
        return "late" if now - started > LONGEST_SECONDS else None

    def _slice(self) -> bool:
        """Take steps for SLICE_SECONDS at most, then rest as the pace asks; False where it was not our turn."""
        if turns.waiting() or not threads.run_lock.acquire(timeout=LOOK_SECONDS):
            self._stop.wait(LOOK_SECONDS)
            return False
        began, pace, steps = time.monotonic(), self.steps_per_second, 0
        try:
            with _one_thread():
                while steps == 0 or (time.monotonic() - began < SLICE_SECONDS and steps < pace * SLICE_SECONDS):
                    self._training.advance()
                    steps += 1
                if began - self._news > NEWS_SECONDS:
                    self._publish()
        finally:
            threads.run_lock.release()
        self._stop.wait(max(REST_SECONDS, began + steps / pace - time.monotonic()))
        return True

    def _publish(self) -> None:
        news, self._news = self._look(), time.monotonic()
        with self._change:
            self._snapshot = news

    def _look(self) -> Snapshot:
        training = self._training
        return Snapshot(
            step=training.step,
            curves=training.curves.copy(),
            weights={layer: training.weights(layer) for layer in LAYERS},
            scales={layer: training.scale(layer) for layer in LAYERS},
            answers=training.probabilities(SHOWN_PICTURES),
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread here, so that a run's sums do not depend on the machine's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
