"""Timing of one convolution with one number varied, compared with the paper's formula.

Figure 4 of XNOR-Net draws the formula against channels and against kernel size; a sweep measures what it predicts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from xnorlab.benchmark.conv_bench import Contestant, ConvBench, bench_conv
from xnorlab.benchmark.conv_problem import ConvShape
from xnorlab.benchmark.timing import Progress
from xnorlab.kernels.threads import available_threads
from xnorlab.paper.cost_model import predicted_speedup_in_words

SWEEP_SHAPE = ConvShape(channels=256, size=14, filters=256)
"""The convolution for which the paper predicts 62.27×, section 4.1."""

SWEEPS: dict[str, tuple[int, ...]] = {
    "channels": (1, 3, 8, 16, 32, 63, 64, 65, 128, 129, 192, 193, 256, 512),
    "kernel": (1, 3, 5, 7, 9, 11),
    "size": (7, 14, 28, 56),
    "batch": (1, 2, 4, 8, 16),
    "threads": tuple(2**i for i in range(9)),
}
"""The axes of a sweep and their values; numbers of threads above the machine's are left out."""

SWEEP_REPEATS = 7
"""Rounds at each value."""


@dataclass(frozen=True)
class Sweep:
    """The results of one sweep.

    Attributes:
        axis: The axis, one of SWEEPS.
        values: Its values.
        results: The times at each value.
    """

    axis: str
    values: tuple[int, ...]
    results: tuple[ConvBench, ...]

    @property
    def computed(self) -> tuple[float, ...]:
        """The paper's formula at each value; it depends on channels and kernel only."""
        return tuple(result.shape.predicted_speedup for result in self.results)

    @property
    def computed_in_words(self) -> tuple[float, ...]:
        """The formula for channels that fill whole words, at each value; it has steps at 65, 129, … channels."""
        return tuple(predicted_speedup_in_words(r.shape.channels, r.shape.kernel**2) for r in self.results)

    def measured(self, name: str) -> tuple[float | None, ...]:
        """How many times faster "binary" is than another contestant, at each value.

        Args:
            name: A contestant, or "best-float" for the faster of torch's layouts at each value.

        Returns:
            Ratios; None where that contestant was not timed.
        """
        names = [result.best_float if name == "best-float" else name for result in self.results]
        return tuple(
            result.speedup(each) if each in result.timings else None
            for each, result in zip(names, self.results, strict=True)
        )

    @property
    def rivals(self) -> dict[str, tuple[float | None, ...]]:
        """The measured ratios against "best-float" and "naive", without those that were not timed at any value."""
        ratios = {name: self.measured(name) for name in ("best-float", "naive")}
        return {name: values for name, values in ratios.items() if any(value is not None for value in values)}

    @property
    def left_out(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """By contestant, the values at which it was not timed, and the reason at the first of them."""
        left_out: dict[str, tuple[tuple[int, ...], str]] = {}
        for value, result in zip(self.values, self.results, strict=True):
            for name, why in result.left_out.items():
                values, first = left_out.get(name, ((), why))
                left_out[name] = (*values, value), first
        return left_out

    def to_dict(self) -> dict[str, Any]:
        """Return the results as values that JSON can hold."""
        return {
            "axis": self.axis,
            "values": list(self.values),
            "computed": list(self.computed),
            "computed_in_words": list(self.computed_in_words),
            "measured": {name: list(values) for name, values in self.rivals.items()},
            "results": [result.to_dict() for result in self.results],
        }


def sweep(
    axis: str,
    *,
    values: Sequence[int] | None = None,
    shape: ConvShape = SWEEP_SHAPE,
    threads: int = 1,
    peers: Sequence[Contestant] = (),
    naive: bool = True,
    repeats: int = SWEEP_REPEATS,
    progress: Progress | None = None,
) -> Sweep:
    """Time a convolution at several values of one of its numbers; see `bench_conv`.

    Args:
        axis: The number that is varied, one of SWEEPS. A varied kernel keeps "same" padding.
        values: Its values; those of SWEEPS if None.
        shape: The convolution.
        threads: Threads that all contestants use, unless they are the axis.
        peers: Other engines.
        naive: Whether to time the plain float32 loop.
        repeats: Rounds at each value.
        progress: See `timing.Progress`.

    Raises:
        ValueError: `axis` is unknown, `values` is empty or holds more threads than the machine has, or a shape is
            invalid.
        BenchmarkError: An answer of xnorlab is wrong.
    """
    if axis not in SWEEPS:
        raise ValueError(f"axis={axis!r} is not one of {', '.join(SWEEPS)}")
    if values is None:
        most = available_threads() if axis == "threads" else max(SWEEPS[axis])
        values = [value for value in SWEEPS[axis] if value <= most]
    if not values:
        raise ValueError(f"values={values!r} must hold at least one")
    if axis == "threads" and max(values) > available_threads():
        raise ValueError(f"values={values!r} must be at most {available_threads()}, the threads that there are")
    results = []
    for i, value in enumerate(values):
        if progress is not None:
            progress(i / len(values), f"{axis} = {value}")
        point, point_threads = (shape, value) if axis == "threads" else (_changed(shape, axis, value), threads)
        results.append(bench_conv(point, threads=point_threads, peers=peers, naive=naive, repeats=repeats))
    if progress is not None:
        progress(1.0, "done")
    return Sweep(axis, tuple(values), tuple(results))


def _changed(shape: ConvShape, axis: str, value: int) -> ConvShape:
    return replace(shape, kernel=value, padding=None) if axis == "kernel" else replace(shape, **{axis: value})
