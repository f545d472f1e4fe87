"""A network's ops in order, which run on any number of inputs: fused in planned buffers, or op by op and observed."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from xnorlab.kernels.threads import thread_count
from xnorlab.runtime import graph
from xnorlab.runtime.arguments import checked_outputs, checked_reason
from xnorlab.runtime.batch_runner import BatchRunner
from xnorlab.runtime.ops.base import Op, Shape
from xnorlab.runtime.plan import Step
from xnorlab.runtime.records import LayerSummary

Observer = Callable[[Op, np.ndarray, float], None]


class RunnableGraph:
    """Ops, what they are given and what they give. Arguments and errors are those of `Network` with these names."""

    def __init__(
        self, ops: Sequence[Op], input_shape: Shape, outputs: Mapping[str, str] | None = None, fixed_by: str = ""
    ):
        self.ops = tuple(ops)
        self.input_shape = tuple(input_shape)
        self.outputs = checked_outputs(outputs)
        self._shapes = graph.check(self.ops, self.input_shape, self.outputs.values())
        self._given = list(self.outputs.values()) or [self.ops[-1].name]
        self._free = graph.last_uses(self.ops, self.outputs.values())
        self._runner = BatchRunner(self.ops, self._given)
        self.output_shape = self._shapes[self._given[0]]
        self.fixed_by = checked_reason(fixed_by, self.input_shape)
        self.threads = 1

    @property
    def threads(self) -> int:
        """Threads that the layers may use."""
        return self._threads

    @threads.setter
    def threads(self, value: int) -> None:
        if type(value) is not int or value < 1:
            raise ValueError(f"threads={value!r} must be an integer of at least 1")
        self._threads = value

    def run(self, x: np.ndarray, observe: Observer | None = None) -> Any:
        """Compute the output for preprocessed inputs.

        Args:
            x: float32 (N, H, W, C) or (N, F). H and W may differ from `input_shape` where the ops allow it and
                `fixed_by` is empty.
            observe: called after every op as observe(op, value, seconds), with its value, which nobody writes to
                later, and the time it took. With an observer each op runs alone; without one ops run together, in
                buffers that are planned once (see `timed`).

        Returns:
            float32 (N, …); for a network of several outputs a dictionary of such arrays.

        Raises:
            ValueError: the inputs do not fit.
        """
        return self._as_given(self._run_checked(x, observe))

    def _run_checked(self, x: np.ndarray, observe: Observer | None = None) -> list[np.ndarray]:
        shapes = self._checked(x)
        if len(x) == 0:
            return [np.zeros((0, *shapes[name]), np.float32) for name in self._given]
        x = np.ascontiguousarray(x)
        if observe is not None:
            return self._observed(x, observe)
        return self._runner.run(x, shapes, thread_count(self.threads))

    def timed(self, x: np.ndarray) -> tuple[Any, list[tuple[Step, float]]]:
        """Run like `run` without an observer, the parts of a batch one after the other, and time every step.

        A step does the work of one op or of several: norms, activations and sums run within the convolution ahead of
        them, and its output leaves as packed signs where the next convolution wants nothing else.

        Args:
            x: at least one input, see `run`.

        Returns:
            The output, as `run` gives it, and every step with its seconds, summed over the parts.

        Raises:
            ValueError: the inputs do not fit, or there are none.
        """
        shapes = self._checked(x)
        if len(x) == 0:
            raise ValueError("x holds no input; a run of nothing has no time")
        results, steps = self._runner.timed(np.ascontiguousarray(x), shapes, thread_count(self.threads))
        return self._as_given(results), steps

    def _checked(self, x: Any) -> dict[str, Shape]:
        """The shapes of all values for inputs x; raises ValueError where x is none."""
        own = self.input_shape
        fits = isinstance(x, np.ndarray) and x.dtype == np.float32 and x.ndim == len(own) + 1 and x.shape[-1] == own[-1]
        if not fits:
            given = f"{x.dtype} of shape {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
            raise ValueError(f"x is {given}; the rule is float32 (N, {', '.join(map(str, own))})")
        if x.shape[1:] == own:
            return self._shapes
        if self.fixed_by:
            raise ValueError(
                f"x is {x.shape[1]} × {x.shape[2]}, and this network runs at {own[0]} × {own[1]} only: {self.fixed_by}"
            )
        return graph.other_shapes(self.ops, x.shape[1:], self._shapes)

    def _observed(self, x: np.ndarray, observe: Observer) -> list[np.ndarray]:
        """Run op by op, each into an array of its own."""
        values = {graph.INPUT: x}
        for op, free in zip(self.ops, self._free, strict=True):
            arrays = [values[name] for name in op.inputs]
            start = time.perf_counter()
            value = op(*arrays, threads=self.threads)
            seconds = time.perf_counter() - start
            values[op.name] = value
            for name in free:
                del values[name]
            observe(op, value, seconds)
        return [values[name] for name in self._given]

    def _as_given(self, results: Sequence[np.ndarray]) -> Any:
        """The one result, or the results by the names of the outputs where there are several."""
        return dict(zip(self.outputs, results, strict=True)) if self.outputs else results[0]

    def summary(self) -> list[LayerSummary]:
        """The figures of every op, in order of execution."""
        rows = []
        for op in self.ops:
            binary, real = op.macs(*(self._shapes[name] for name in op.inputs))
            rows.append(
                LayerSummary(
                    name=op.name,
                    kind=op.kind,
                    output_shape=self._shapes[op.name],
                    weight_bits=op.weight_bits,
                    binary_macs=binary,
                    float_macs=real,
                    weight_bytes=op.weight_bytes,
                    resident_bytes=op.resident_bytes,
                )
            )
        return rows
