"""One convolution, again and again, with one number changed: how cost grows, beside the paper's formula.

Figure 4 of XNOR-Net draws its formula against channels and against kernel size; this measures what it predicts.
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
"""The layer of the paper's 62.27×, section 4.1."""

SWEEPS: dict[str, tuple[int, ...]] = {
    "channels": (1, 3, 8, 16, 32, 63, 64, 65, 128, 129, 192, 193, 256, 512),
    "kernel": (1, 3, 5, 7, 9, 11),
    "size": (7, 14, 28, 56),
    "batch": (1, 2, 4, 8, 16),
    "threads": tuple(2**i for i in range(9)),
}
"""What can be swept, and over which values; threads only as far as the machine has them."""

SWEEP_REPEATS = 7


@dataclass(frozen=True)
class Sweep:
    """The results along one axis of SWEEPS, in the order of `values`."""

    axis: str
    values: tuple[int, ...]
    results: tuple[ConvBench, ...]

    @property
    def computed(self) -> tuple[float, ...]:
        """The paper's formula at each value; it knows channels and kernel only."""
        return tuple(result.shape.predicted_speedup for result in self.results)

    @property
    def computed_in_words(self) -> tuple[float, ...]:
        """The formula where a pixel's channels fill whole words: it has the steps at 65, 129, …"""
        return tuple(predicted_speedup_in_words(r.shape.channels, r.shape.kernel**2) for r in self.results)

    def measured(self, name: str) -> tuple[float | None, ...]:
        """How many times faster than contestant `name` ours is at each value; None where that one was not timed.

        "best-float" stands for torch's faster layout, whichever it is.
        """
        names = [result.best_float if name == "best-float" else name for result in self.results]
        return tuple(
            result.speedup(each) if each in result.timings else None
            for each, result in zip(names, self.results, strict=True)
        )

    @property
    def rivals(self) -> dict[str, tuple[float | None, ...]]:
        """`measured` for the two that figure 4 is redrawn against, as far as they were timed at all."""
        found = {name: self.measured(name) for name in ("best-float", "naive")}
        return {name: values for name, values in found.items() if any(value is not None for value in values)}

    @property
    def left_out(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """By contestant: the values at which it was not timed, and why it was not at the first of them."""
        found: dict[str, tuple[tuple[int, ...], str]] = {}
        for value, result in zip(self.values, self.results, strict=True):
            for name, why in result.left_out.items():
                values, first = found.get(name, ((), why))
                found[name] = (*values, value), first
        return found

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
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
    """Time `shape` at each of `values` (SWEEPS[axis] where None) of its `axis`, as `bench_conv` does.

    A changed kernel keeps "same" padding. Raises ValueError for an unknown axis or no values, and what ConvShape and
    bench_conv raise.
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
