"""How a network runs a batch: a few inputs at a time, each part by a plan that nobody else uses."""

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
"""Most inputs that run at once, however small they are."""

SHAPES_KNOWN = 64
"""Input shapes for which the number of inputs at once is remembered."""

IDLE_PLANS = 8
"""Plans that a network keeps for later runs, of all shapes together."""


class BatchRunner:
    """Runs batches of any size through a network's plans. Several threads may call it at once.

    Inputs run a few at a time, as many as keep their values in a core's second-level cache: a large batch at once is
    slower per picture, and its buffers grow with it. Several threads take parts of a batch in turns, each with a plan
    of its own; where there is a single part, its kernels share their work among the threads instead.

    Args:
        ops: of the network, in order.
        outputs: names of the values to give.
    """

    def __init__(self, ops: Sequence[Op], outputs: Sequence[str]):
        self._ops, self._outputs = ops, outputs
        self._idle: list[tuple[tuple[int, ...], Plan]] = []
        self._at_once: dict[Shape, int] = {}
        self._lock = threading.Lock()

    def run(self, x: np.ndarray, shapes: dict[str, Shape], threads: int) -> list[np.ndarray]:
        """Compute the network's outputs.

        Args:
            x: at least one input, float32 (N, …), C-contiguous.
            shapes: of all values, by name, for one input.
            threads: that may share the work.

        Returns:
            float32 (N, …), one for each output.
        """
        at_once = min(self._inputs_at_once(shapes), -(-len(x) // threads))
        starts = range(0, len(x), at_once)
        made = [np.empty((len(x), *shapes[name]), np.float32) for name in self._outputs]

        def one(start: int, threads: int) -> None:
            part = x[start : start + at_once]
            with self._borrowed(part.shape, shapes) as plan:
                plan.run(part, threads)
                for out, value in zip(made, plan.outputs, strict=True):
                    out[start : start + at_once] = value

        if threads == 1 or len(starts) == 1:
            for start in starts:
                one(start, threads)
            return made
        left = iter(starts)  # the interpreter's lock makes taking one a single step
        run_parts(lambda part, parts: [one(start, 1) for start in left], min(threads, len(starts)))
        return made

    def timed(
        self, x: np.ndarray, shapes: dict[str, Shape], threads: int
    ) -> tuple[list[np.ndarray], list[tuple[Step, float]]]:
        """Run one part after the other; returns the outputs, and every step with its seconds."""
        at_once = self._inputs_at_once(shapes)
        outputs, seconds, steps = [], [], []
        for start in range(0, len(x), at_once):
            part = x[start : start + at_once]
            with self._borrowed(part.shape, shapes) as plan:
                seconds.append(plan.timed(part, threads))
                outputs.append([value.copy() for value in plan.outputs])
                steps = plan.steps
        joined = [np.concatenate(parts) for parts in zip(*outputs, strict=True)]
        return joined, list(zip(steps, np.sum(seconds, axis=0).tolist(), strict=True))

    def _inputs_at_once(self, shapes: dict[str, Shape]) -> int:
        shape = shapes[INPUT]
        if shape not in self._at_once:
            if len(self._at_once) >= SHAPES_KNOWN:
                self._at_once.clear()
            _, size = places(groups(self._ops, self._outputs), shapes, 1, self._outputs)
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
        plan = Plan(self._ops, shapes, shape[0], self._outputs) if plan is None else plan
        yield plan
        with self._lock:  # not after an error, which may have come in the middle of a step
            self._idle.append((shape, plan))
            del self._idle[:-IDLE_PLANS]
