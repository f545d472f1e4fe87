"""A whole packed network, timed: against its float twin and other engines, and step by step."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from xnorlab.benchmark.contest import OursIsWrongError, Ready, contest
from xnorlab.benchmark.machine import Machine, describe
from xnorlab.benchmark.timing import BenchmarkError, Progress, Timing
from xnorlab.benchmark.weight_memory import BinaryMemory, binary_memory
from xnorlab.kernels import threads as pool
from xnorlab.kernels.threads import thread_count
from xnorlab.runtime import Network

LOGIT_TOLERANCE = 1e-3
"""How far two engines' logits of one network may lie apart, in units of the largest logit where that is above 1."""

Answer = Literal["float", "signs", "int8"]
"""float: the network itself. signs: the same, with real sums that meet a sign on the way: engines add in different
orders, and a sum that rounding puts on the other side of its threshold turns a sign. int8: the network rounded to eight
bits, another one, which stays near."""

DEVIATIONS: dict[Answer, float] = {"signs": 0.05, "int8": 0.15}
"""Largest norm of the difference of logits over their norm. Measured with random weights: 0.02 to 0.06 for int8."""


@dataclass(frozen=True)
class NetworkContestant:
    """One way to run a network, to logits (N, classes).

    of: the name of the network whose logits come out; contestants of one network must agree, as `computes` says.
    prepare: from inputs float32 (N, H, W, 3) and a thread count; see `contest.Entrant`. ours: whether xnorlab's own
    layers compute it, so that logits which differ are a bug here and not another engine's.
    """

    name: str
    about: str
    of: str
    prepare: Callable[[np.ndarray, int], AbstractContextManager[Ready]]
    computes: Answer = "float"
    ours: bool = False


@dataclass(frozen=True)
class OpTiming:
    """The time of one step of a network inside its runs, and its multiply-adds for the whole batch.

    kind: of the step's main op, or "pack". ops: names of all ops whose work it does; see `runtime.Network.timed`.
    """

    kind: str
    ops: tuple[str, ...]
    binary_macs: int
    float_macs: int
    timing: Timing

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        macs = {"binary_macs": self.binary_macs, "float_macs": self.float_macs}
        named = {"name": self.timing.name, "kind": self.kind, "ops": list(self.ops)}
        return {**named, **macs, "timing": self.timing.to_dict()}


@dataclass(frozen=True)
class NetworkBench:
    """The times of one network. timings: by contestant, "packed" first. left_out: why a contestant has none; see
    `ConvBench`. deviations: by contestant, how far its logits were from those of this runtime for the same network:
    norm of the difference over norm. fastest_float: who ran the float twin fastest in float32; None without one.
    memory: of the binary weights. ops: the steps of the packed network, and of its float twin in the same runtime
    (empty without one), in order of execution.
    """

    name: str
    input_shape: tuple[int, ...]
    threads: int
    machine: Machine
    timings: dict[str, Timing]
    about: dict[str, str]
    left_out: dict[str, str]
    deviations: dict[str, float]
    fastest_float: str | None
    memory: BinaryMemory | None
    ops: tuple[OpTiming, ...]
    float_ops: tuple[OpTiming, ...]

    def speedup(self, name: str) -> float:
        """How many times faster the packed network is than contestant `name`."""
        return self.timings[name].median_s / self.timings["packed"].median_s

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "name": self.name,
            "input_shape": list(self.input_shape),
            "threads": self.threads,
            "machine": self.machine.to_dict(),
            "timings": {name: timing.to_dict() for name, timing in self.timings.items()},
            "about": self.about,
            "left_out": self.left_out,
            "deviations": self.deviations,
            "fastest_float": self.fastest_float,
            "memory": None if self.memory is None else self.memory.to_dict(),
            "speedups": {name: self.speedup(name) for name in self.timings if name != "packed"},
            "ops": [op.to_dict() for op in self.ops],
            "float_ops": [op.to_dict() for op in self.float_ops],
        }


def bench_network(
    network: Network,
    images: Sequence[np.ndarray],
    *,
    float_twin: Network | None = None,
    threads: int = 1,
    peers: Sequence[NetworkContestant] = (),
    repeats: int = 21,
    progress: Progress | None = None,
) -> NetworkBench:
    """Time `network` on `images` (uint8 (H, W, 3) each; one batch), preprocessing left out, and its steps one by one.

    float_twin: the same architecture with real weights, in this runtime. peers: other engines. All use `threads`.
    Waits for the process-wide lock. A peer that fails, or disagrees with this runtime on a network's logits, is left
    out with the reason. Where ours is wrong BenchmarkError is raised: two engines agree on other logits, or contestants
    that are ours disagree.
    """
    if network.preprocessing is None or not images:
        raise ValueError("images need at least one picture and a network that stores its preprocessing")
    if float_twin is not None and float_twin is not network and float_twin.name == network.name:
        raise ValueError(f"network and float_twin are both named {network.name!r}; logits are told apart by the name")
    threads = thread_count(threads)
    x = network.preprocessing(images)
    ours = {"packed": _with_threads(network, threads)}
    if float_twin is not None and float_twin is not network:
        ours["float"] = _with_threads(float_twin, threads)
    contestants = {c.name: c for c in (*(_own(label, one) for label, one in ours.items()), *peers)}
    judge = _Judge()
    with pool.run_lock:
        found = contest(
            [contestants[label] for label in ours],
            peers,
            (x, threads),
            lambda name, logits: judge.check(contestants[name], logits),
            repeats=repeats,
            threads=threads,
            progress=progress,
        )
        ops = {label: _time_steps(one, x, repeats) for label, one in ours.items()}
    timings = found.timings
    rivals = []
    if float_twin is not None:
        known = [contestants[name] for name in timings if name != "packed"]
        rivals = [c.name for c in known if c.of == float_twin.name and c.computes == "float"]
    return NetworkBench(
        name=network.name,
        input_shape=x.shape,
        threads=threads,
        machine=describe(),
        timings=timings,
        about={name: contestant.about for name, contestant in contestants.items()},
        left_out=found.left_out,
        deviations={name: judge.deviations[name] for name in timings},
        fastest_float=min(rivals, key=lambda name: timings[name].median_s, default=None),
        memory=binary_memory(network),
        ops=ops["packed"],
        float_ops=ops.get("float", ()),
    )


def _with_threads(network: Network, threads: int) -> Network:
    """A copy that shares the weights: other visitors' calls keep their own thread count."""
    network = copy(network)
    network.threads = threads
    return network


def _own(label: str, network: Network) -> NetworkContestant:
    about = {"packed": "this runtime, packed", "float": "this runtime, float twin"}[label]
    return NetworkContestant(
        label, about, network.name, lambda x, threads: nullcontext(Ready(partial(network.run, x))), ours=True
    )


class _Judge:
    """Compares the logits of everyone with the first that came for the same network, which are this runtime's.

    deviations: by contestant, of its last logits.
    """

    def __init__(self):
        self.deviations: dict[str, float] = {}
        self._first: dict[str, np.ndarray] = {}
        self._others: dict[str, list[tuple[str, np.ndarray]]] = {}

    def check(self, contestant: NetworkContestant, found: np.ndarray) -> None:
        """Raise BenchmarkError for logits too far from the first ones, OursIsWrongError where the first are wrong."""
        name, of = contestant.name, contestant.of
        expected = self._first.setdefault(of, np.array(found))
        if found.shape != expected.shape:
            wrong = f"{name} gives logits of shape {found.shape} for {of} instead of {expected.shape}"
            raise (OursIsWrongError if contestant.ours else BenchmarkError)(wrong)
        self.deviations[name] = _deviation(found, expected)
        if _agree(found, expected, contestant.computes):
            return
        wrong = (
            f"{name} gives other logits for {of}, {self.deviations[name]:.2g} of their norm away; "
            "its time would mean nothing"
        )
        if contestant.ours:
            raise OursIsWrongError(wrong)
        if contestant.computes == "float":
            others = self._others.setdefault(of, [])
            allies = [who for who, logits in others if who != name and _agree(found, logits, "float")]
            if allies:
                raise OursIsWrongError(
                    f"{name} and {allies[0]} agree on logits for {of} that this runtime does not give; "
                    "its time would mean nothing"
                )
            others.append((name, np.array(found)))
        raise BenchmarkError(wrong)


def _deviation(found: np.ndarray, expected: np.ndarray) -> float:
    """Norm of the difference over norm."""
    return float(np.linalg.norm(found - expected) / max(float(np.linalg.norm(expected)), 1e-30))


def _agree(found: np.ndarray, expected: np.ndarray, computes: Answer) -> bool:
    if computes == "float":
        limit = LOGIT_TOLERANCE * max(1.0, float(np.abs(expected).max()))
        return bool(np.abs(found - expected).max() <= limit)
    return _deviation(found, expected) <= DEVIATIONS[computes]


def _time_steps(network: Network, x: np.ndarray, repeats: int) -> tuple[OpTiming, ...]:
    """The steps of `repeats` runs, after one that is not counted."""
    network.run(x)
    runs = [network.timed(x)[1] for _ in range(repeats)]
    found = []
    for i, (step, first) in enumerate(runs[0]):
        timing = Timing(step.name, tuple(run[i][1] for run in runs), 1, first)
        found.append(OpTiming(step.kind, step.ops, step.binary_macs * len(x), step.float_macs * len(x), timing))
    return tuple(found)
