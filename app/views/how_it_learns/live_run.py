"""One visitor's live training: a thread of bounded life that takes small steps in turns with everybody else.

The thread works only while the visitor's page asks for snapshots (`LiveRun.watch`). It holds the library's timing lock
for a few hundredths of a second at a time, and takes no step while a timing run is under way or waiting.
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
LOCK_SECONDS = 0.05  # how long one attempt to get the lock takes
SNAPSHOT_SECONDS = 0.3  # a snapshot is taken no more often than this
LONG_WAIT_SECONDS = 1.0  # the page says that the run waits once it has waited this long
UNWATCHED_SECONDS = 12.0  # the run ends when its page has asked for no snapshot for this long
LONGEST_SECONDS = 240.0  # the longest life of one thread
SHOWN_PICTURES = 30

DIGITS = Digits()
"""Training and test pictures, drawn when the first run needs them, then read by every run."""

# A training step gives Python's lock away in each of its hundred small operations, and beside a busy page waits a
# whole interval to get it back: 6 steps per second at the usual 5 ms, 35 at 0.5 ms, on one loaded machine.
sys.setswitchinterval(5e-4)

State = Literal["ready", "running", "stopped", "left", "late", "done", "failed"]
"""left: nobody watched any more. late: the thread had lived for LONGEST_SECONDS. failed: see `LiveRun.problem`."""


@dataclass(frozen=True)
class Snapshot:
    """The state of a run at one step, for its page; never changed once it is made.

    Attributes:
        step: Steps taken so far.
        curves: The records up to there.
        weights: Layer → its latent weights, (N, C, kh, kw).
        scales: Layer → what its signs are multiplied by; None where its weights stay real.
        probabilities: (SHOWN_PICTURES, 10), of each digit for the first test pictures.
    """

    step: int
    curves: Curves
    weights: dict[str, np.ndarray]
    scales: dict[str, float | None]
    probabilities: np.ndarray


class LiveRun:
    """A `LiveTraining` with Start, Stop and Resume, in a thread of its own.

    It belongs to one visitor; only the digits are shared, read only.

    Attributes:
        settings: What decides the run.
        steps_per_second: The pace, which may be changed at any time; `inf` is as fast as it goes.
        state: Whether it takes steps, and why it takes none.
        problem: What was raised, where `state` is "failed".
        waiting: Whether it waits for others: a timing run, or other visitors who train.
    """

    def __init__(self, settings: LiveSettings, steps_per_second: float = float("inf"), digits: Digits = DIGITS):
        self.settings, self.steps_per_second = settings, steps_per_second
        self.state: State = "ready"
        self.problem = ""
        self.waiting = False
        self._training = LiveTraining(settings, digits)
        self._snapshot, self._snapshot_time = self._take_snapshot(), 0.0
        self._snapshot_lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._stop = threading.Event()
        self._watched = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether its thread takes steps or waits for its turn."""
        return self.state == "running"

    def watch(self) -> Snapshot:
        """The latest snapshot; a run whose page does not ask for it within UNWATCHED_SECONDS ends."""
        self._watched = time.monotonic()
        with self._snapshot_lock:
            return self._snapshot

    def start(self) -> None:
        """Take steps until `stop`, the end of the run, or nobody watches; a run that ended or failed stays as it is."""
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
        started = last_step = time.monotonic()
        try:
            while (end := self._reason_to_end(started)) is None:
                if self._take_slice():
                    last_step = time.monotonic()
                self.waiting = time.monotonic() - last_step > LONG_WAIT_SECONDS
            with _one_thread():
                self._publish()
            self.state = end
        except Exception as error:  # shown on the page: a thread has nobody to raise to
            self.problem, self.state = f"{type(error).__name__}: {error}", "failed"
        finally:
            self.waiting = False

    def _reason_to_end(self, started: float) -> State | None:
        if self._training.step >= STEPS:
            return "done"
        if self._stop.is_set():
            return "stopped"
        now = time.monotonic()
        if now - self._watched > UNWATCHED_SECONDS:
            return "left"
        return "late" if now - started > LONGEST_SECONDS else None

    def _take_slice(self) -> bool:
        """Take steps for SLICE_SECONDS at most, then rest as the pace asks; False where it was not this run's turn."""
        if turns.waiting() or not threads.run_lock.acquire(timeout=LOCK_SECONDS):
            self._stop.wait(LOCK_SECONDS)
            return False
        began, pace, steps = time.monotonic(), self.steps_per_second, 0
        try:
            with _one_thread():
                while steps == 0 or (time.monotonic() - began < SLICE_SECONDS and steps < pace * SLICE_SECONDS):
                    self._training.advance()
                    steps += 1
                if began - self._snapshot_time > SNAPSHOT_SECONDS:
                    self._publish()
        finally:
            threads.run_lock.release()
        self._stop.wait(max(REST_SECONDS, began + steps / pace - time.monotonic()))
        return True

    def _publish(self) -> None:
        snapshot, self._snapshot_time = self._take_snapshot(), time.monotonic()
        with self._snapshot_lock:
            self._snapshot = snapshot

    def _take_snapshot(self) -> Snapshot:
        training = self._training
        return Snapshot(
            step=training.step,
            curves=training.curves.copy(),
            weights={layer: training.weights(layer) for layer in LAYERS},
            scales={layer: training.scale(layer) for layer in LAYERS},
            probabilities=training.probabilities(SHOWN_PICTURES),
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
