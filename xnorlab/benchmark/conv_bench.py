"""Timing of one convolution: packed XNOR against float, int8 and binary peers, on the same data, answers checked."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xnorlab.benchmark.ceilings import binary_ceiling
from xnorlab.benchmark.contest import Ready, contest
from xnorlab.benchmark.conv_problem import Answer, ConvProblem, ConvShape
from xnorlab.benchmark.machine import Machine, describe
from xnorlab.benchmark.naive_conv import convolve
from xnorlab.benchmark.timing import BenchmarkError, Progress, Timing
from xnorlab.kernels import threads as pool
from xnorlab.kernels.packing import pack_filters
from xnorlab.kernels.threads import thread_count
from xnorlab.kernels.xnor_conv import XnorConv2d

TORCH_LAYOUTS = ("torch-nchw", "torch-channels-last")
"""torch's two float32 layouts; the faster one is the float baseline of the speed-ups."""

CEILING_S = 0.1
"""Seconds for which each benchmark measures the ceiling."""

INT8_TOLERANCE = 0.01
"""Largest root mean square error of an int8 answer, in standard deviations of the right one.

A value halfway between two levels may be rounded up or down.
"""

SHAPES = tuple(ConvShape(channels, size) for channels, size in ((64, 56), (128, 28), (256, 14), (512, 7)))
"""The 3 × 3 convolutions of ResNet-18 at 224 pixels."""


@dataclass(frozen=True)
class Contestant:
    """A contestant that computes a ConvProblem.

    Attributes:
        name: Its name in results.
        about: What its time includes, in a few words.
        computes: The answer that it promises; see `conv_problem.Answer`.
        prepare: Prepares it for a problem, and cleans up afterwards; see `contest.Entrant`.
    """

    name: str
    about: str
    computes: Answer
    prepare: Callable[[ConvProblem], AbstractContextManager[Ready]]


@dataclass(frozen=True)
class ConvBench:
    """The times of one convolution.

    Attributes:
        shape: The convolution.
        threads: Threads that all contestants used.
        machine: The machine that ran it.
        timings: By contestant. "binary" is xnorlab's convolution with everything included, "pack" its thresholding and
            packing alone, "conv" its convolution of packed words alone.
        about: By contestant, what its time includes.
        computes: By contestant, the kind of answer.
        left_out: By contestant, why it has no time: a wrong answer, an error, no kernel for the shape, or a package
            that is not installed.
        ceiling_macs_per_s: Multiply-adds per second of a loop of xor, population count and add on registers on one
            core, times the threads. With 128 channels and more the kernels add words with carries before they count,
            which needs fewer counts, and may exceed it.
        best_float: The faster of torch's layouts; None if neither was timed.
        fastest_float: The fastest engine of all in float32; None if none was timed.
    """

    shape: ConvShape
    threads: int
    machine: Machine
    timings: dict[str, Timing]
    about: dict[str, str]
    computes: dict[str, Answer]
    left_out: dict[str, str]
    ceiling_macs_per_s: float
    best_float: str | None = field(init=False)
    fastest_float: str | None = field(init=False)

    def __post_init__(self):
        engines = [name for name in self.timings if self.computes[name] == "float" and name != "naive"]
        object.__setattr__(self, "fastest_float", self._fastest(engines))
        object.__setattr__(self, "best_float", self._fastest([name for name in engines if name in TORCH_LAYOUTS]))

    def _fastest(self, names: list[str]) -> str | None:
        return min(names, key=lambda name: self.timings[name].median_s, default=None)

    def speedup(self, name: str) -> float:
        """How many times faster "binary" is than the contestant `name`."""
        return self.timings[name].median_s / self.timings["binary"].median_s

    @property
    def binary_macs_per_s(self) -> float:
        """Binary multiply-adds per second, packing included."""
        return self.shape.macs / self.timings["binary"].median_s

    @property
    def ceiling_share(self) -> float:
        """Rate of the whole call, packing included, as a share of the ceiling."""
        return self.binary_macs_per_s / self.ceiling_macs_per_s

    @property
    def conv_ceiling_share(self) -> float:
        """Rate of the convolution of packed words alone, as a share of the ceiling."""
        return self.shape.macs / self.timings["conv"].median_s / self.ceiling_macs_per_s

    def to_dict(self) -> dict[str, Any]:
        """Return the results as values that JSON can hold."""
        return {
            "shape": self.shape.to_dict(),
            "threads": self.threads,
            "machine": self.machine.to_dict(),
            "timings": {name: timing.to_dict() for name, timing in self.timings.items()},
            "about": self.about,
            "left_out": self.left_out,
            "best_float": self.best_float,
            "fastest_float": self.fastest_float,
            "speedups": {name: self.speedup(name) for name in self.timings if name not in ("binary", "pack", "conv")},
            "predicted_speedup": self.shape.predicted_speedup,
            "binary_macs_per_s": self.binary_macs_per_s,
            "ceiling_macs_per_s": self.ceiling_macs_per_s,
            "ceiling_share": self.ceiling_share,
            "conv_ceiling_share": self.conv_ceiling_share,
        }


def bench_conv(
    shape: ConvShape,
    *,
    threads: int = 1,
    peers: Sequence[Contestant] = (),
    naive: bool = True,
    repeats: int = 21,
    x: np.ndarray | None = None,
    progress: Progress | None = None,
) -> ConvBench:
    """Time one convolution in xnorlab and in other engines, which take turns.

    Waits for the process-wide lock of parallel and timed runs. The answer of each contestant is compared with a
    reference before and after it is timed. A peer that fails or is wrong is left out with the reason.

    Args:
        shape: The convolution.
        threads: Threads that all contestants use.
        peers: Other engines.
        naive: Whether to time the plain float32 loop, always on one thread.
        repeats: Rounds.
        x: Input, float32 (B, H, W, C); random if None.
        progress: See `timing.Progress`.

    Raises:
        BenchmarkError: An answer of xnorlab is wrong.
        ValueError: `x`, `threads` or `repeats` is invalid.
    """
    problem = ConvProblem(shape, x=x, threads=thread_count(threads))
    with pool.run_lock:
        ours = [*_ours(problem), *([_naive(problem)] if naive else [])]
        contestants = {contestant.name: contestant for contestant in (*ours, *peers)}
        ceiling = problem.threads * binary_ceiling(CEILING_S)
        outcome = contest(
            ours,
            peers,
            (problem,),
            lambda name, answer: check(contestants[name], answer, problem),
            repeats=repeats,
            threads=problem.threads,
            progress=progress,
        )
    return ConvBench(
        shape=shape,
        threads=problem.threads,
        machine=describe(),
        timings=outcome.timings,
        about={name: contestant.about for name, contestant in contestants.items()},
        computes={name: contestant.computes for name, contestant in contestants.items()},
        left_out=outcome.left_out,
        ceiling_macs_per_s=ceiling,
    )


def check(contestant: Contestant, answer: np.ndarray, problem: ConvProblem) -> None:
    """Raise BenchmarkError unless `answer` is what the contestant promises for the problem."""
    fault = _fault(contestant.computes, answer, problem.answer(contestant.computes))
    if fault is not None:
        raise BenchmarkError(
            f"{contestant.name} does not compute {problem.shape}: {fault}; its time would mean nothing"
        )


def _fault(computes: Answer, answer: np.ndarray, expected: np.ndarray) -> str | None:
    """What is wrong with an answer, in words; None if it is right."""
    if answer.shape != expected.shape:
        return f"its answer has the shape {answer.shape} instead of {expected.shape}"
    if computes == "int8":
        error = np.sqrt(np.square(answer - expected).mean()) / expected.std()
        if error <= INT8_TOLERANCE:
            return None
        return f"the root mean square of its errors is {error:.2g} standard deviations, above {INT8_TOLERANCE}"
    if computes == "float":
        right = np.isclose(answer, expected, rtol=1e-3, atol=1e-3 * expected.std())
    else:
        right = answer == expected
    return None if right.all() else f"{right.size - np.count_nonzero(right):,} of {right.size:,} values are wrong"


def _ours(problem: ConvProblem) -> list[Contestant]:
    shape, x, threads = problem.shape, problem.x, problem.threads
    layer = XnorConv2d(
        pack_filters(np.ascontiguousarray(problem.weight.transpose(0, 2, 3, 1))),
        shape.channels,
        scale=problem.scale,
        stride=shape.stride,
        padding=shape.border,
        pad_value=shape.pad_value,
        groups=shape.groups,
    )
    words = layer.pack(x)
    return [
        _prepared(
            "binary",
            "thresholds and packs float input, counts, writes scaled float output",
            "scaled",
            Ready(lambda: layer(x, threads=threads)),
        ),
        _prepared(
            "pack",
            "only the thresholding and packing of the float input",
            "scaled",
            Ready(lambda: layer.pack(x, threads=threads), lambda words: layer.convolve(words, x.shape)),
        ),
        _prepared(
            "conv",
            "only the convolution of packed words, to scaled float output",
            "scaled",
            Ready(lambda: layer.convolve(words, x.shape, threads=threads)),
        ),
    ]


def _naive(problem: ConvProblem) -> Contestant:
    shape, x = problem.shape, problem.x
    weight = np.ascontiguousarray(problem.weight.transpose(0, 2, 3, 1))
    out = np.empty((shape.batch, shape.output, shape.output, shape.n_filters), np.float32)
    return _prepared(
        "naive",
        "seven nested float32 loops compiled by Numba, one thread",
        "float",
        Ready(lambda: convolve(x, weight, shape.stride, shape.border, out), lambda _: out),
    )


def _prepared(name: str, about: str, computes: Answer, ready: Ready) -> Contestant:
    """A contestant that is prepared for its problem already."""
    return Contestant(name, about, computes, lambda _: nullcontext(ready))
