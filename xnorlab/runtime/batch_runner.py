"""How a network's inputs are dealt out: a few at a time, each part to a plan that nobody else uses."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from xnorlab.kernels.threads import run_parts
from xnorlab.runtime.fusion import groups
from xnorlab.runtime.graph import INPUT
from xnorlab.runtime.ops.base import Op, Shape
from xnorlab.runtime.plan import Plan, Step, places

CACHE_BYTES = 1 << 20
"""A core's usual second-level cache."""

MOST_AT_ONCE = 32
"""Inputs that run at once where they are tiny."""

SHAPES_KNOWN = 64
"""Input shapes whose number at once is remembered."""

IDLE_PLANS = 8
"""Plans that a network keeps for later, of whatever shapes."""


class Plans:
    """A network's plans by shape, and how inputs are dealt out to them. Threads may call at once.

    Inputs run a few at a time, as many as keep their values in a core's second-level cache: a large batch at once is
    slower, picture by picture, and its buffers grow with it. Several threads take parts of a batch in turns, each with
    a plan of its own; the kernels of a single part share their work out instead.
    """

    def __init__(self, ops: Sequence[Op]):
        self._ops = ops
        self._idle: list[tuple[tuple[int, ...], Plan]] = []
        self._at_once: dict[Shape, int] = {}
        self._lock = threading.Lock()

    def run(self, x: np.ndarray, shapes: dict[str, Shape], threads: int) -> np.ndarray:
        """The network's output for inputs x, at least one; shapes: of all values, for one of them."""
        at_once = min(self._inputs_at_once(shapes), -(-len(x) // threads))
        starts = range(0, len(x), at_once)
        out = np.empty((len(x), *shapes[self._ops[-1].name]), np.float32)

        def one(start: int, threads: int) -> None:
            part = x[start : start + at_once]
            with self._borrowed(part.shape, shapes) as plan:
                plan.run(part, threads)
                out[start : start + at_once] = plan.output

        if threads == 1 or len(starts) == 1:
            for start in starts:
                one(start, threads)
            return out
        left = iter(starts)  # the interpreter's lock makes taking one a single step
        run_parts(lambda part, parts: [one(start, 1) for start in left], min(threads, len(starts)))
        return out

    def timed(
        self, x: np.ndarray, shapes: dict[str, Shape], threads: int
    ) -> tuple[np.ndarray, list[tuple[Step, float]]]:
        """As `run`, one part after the other, and the seconds of every step."""
        at_once = self._inputs_at_once(shapes)
        outputs, seconds, steps = [], [], []
        for start in range(0, len(x), at_once):
            part = x[start : start + at_once]
            with self._borrowed(part.shape, shapes) as plan:
                seconds.append(plan.timed(part, threads))
                outputs.append(plan.output.copy())
                steps = plan.steps
        return np.concatenate(outputs), list(zip(steps, np.sum(seconds, axis=0).tolist(), strict=True))

    def _inputs_at_once(self, shapes: dict[str, Shape]) -> int:
        shape = shapes[INPUT]
        if shape not in self._at_once:
            if len(self._at_once) >= SHAPES_KNOWN:
                self._at_once.clear()
            _, size = places(groups(self._ops), shapes, 1)
            self._at_once[shape] = max(1, min(MOST_AT_ONCE, CACHE_BYTES // size))
        return self._at_once[shape]

    @contextmanager
    def _borrowed(self, shape: tuple[int, ...], shapes: dict[str, Shape]) -> Iterator[Plan]:
        """A plan for inputs of `shape` that nobody else uses; kept for the next caller, the oldest ones dropped."""
        plan = None
        with self._lock:
            for i in reversed(range(len(self._idle))):
                if self._idle[i][0] == shape:
                    plan = self._idle.pop(i)[1]
                    break
        plan = Plan(self._ops, shapes, shape[0]) if plan is None else plan
        yield plan
        with self._lock:  # not after an error, which may have come in the middle of a step
            self._idle.append((shape, plan))
            del self._idle[:-IDLE_PLANS]
