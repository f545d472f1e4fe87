"""Timing of a whole packed network: against its float twin and other engines, and step by step."""

from collections.abc import Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from xnorlab.benchmark.contest import Ready, contest
from xnorlab.benchmark.machine import Machine, describe
from xnorlab.benchmark.network_logits import LogitCheck, NetworkContestant
from xnorlab.benchmark.timing import Progress, Timing
from xnorlab.benchmark.weight_memory import PackedMemory, binary_memory, ternary_memory
from xnorlab.kernels import threads as pool
from xnorlab.kernels.threads import thread_count
from xnorlab.runtime import Network


@dataclass(frozen=True)
class OpTiming:
    """The time of one step within the runs of a network.

    Attributes:
        kind: Kind of the step's main op, or "pack".
        ops: Names of all ops that the step computes; see `runtime.Network.timed`.
        binary_macs: Multiply-adds of two signs, for the whole batch.
        float_macs: Multiply-adds with a real input, for the whole batch.
        timing: Its times.
    """

    kind: str
    ops: tuple[str, ...]
    binary_macs: int
    float_macs: int
    timing: Timing

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as values that JSON can hold."""
        macs = {"binary_macs": self.binary_macs, "float_macs": self.float_macs}
        named = {"name": self.timing.name, "kind": self.kind, "ops": list(self.ops)}
        return {**named, **macs, "timing": self.timing.to_dict()}


@dataclass(frozen=True)
class NetworkBench:
    """The times of one network.

    Attributes:
        name: Name of the network.
        input_shape: Shape of the batch, (N, H, W, 3).
        threads: Threads that all contestants used.
        machine: The machine that ran it.
        timings: By contestant, "packed" first.
        about: By contestant, what it is.
        left_out: By contestant, why it has no time; see `ConvBench`.
        deviations: By contestant, the norm of the difference between its logits and those of this runtime for the same
            network, over their norm.
        fastest_float: The contestant that ran the float twin fastest in float32; None if none did.
        memory: Memory of the binary weights, or of the ternary ones where there are none; None without either.
        ops: The steps of the packed network, in order of execution.
        float_ops: The steps of the float twin in this runtime, in order of execution; empty if it was not timed.
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
    memory: PackedMemory | None
    ops: tuple[OpTiming, ...]
    float_ops: tuple[OpTiming, ...]

    def speedup(self, name: str) -> float:
        """How many times faster the packed network is than contestant `name`."""
        return self.timings[name].median_s / self.timings["packed"].median_s

    def to_dict(self) -> dict[str, Any]:
        """Return the results as values that JSON can hold."""
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
    """Time a network on one batch, without the preprocessing, and each of its steps.

    Waits for the process-wide lock of parallel and timed runs. A peer that fails, or whose logits differ from those of
    this runtime for the same network, is left out with the reason.

    Args:
        network: A packed network that stores its preprocessing.
        images: Pictures, uint8 (H, W, 3) each; at least one.
        float_twin: The same architecture with real weights, in this runtime; may be `network` itself.
        threads: Threads that all contestants use.
        peers: Other engines.
        repeats: Rounds.
        progress: See `timing.Progress`.

    Raises:
        OursIsWrongError: Two other engines agree on other logits, or contestants of xnorlab disagree.
        ValueError: `network` has no preprocessing, `images` is empty, or both networks have the same name.
    """
    if network.preprocessing is None:
        raise ValueError(f"network={network.name!r} must store its preprocessing")
    if not images:
        raise ValueError(f"images={images!r} must hold at least one picture")
    if float_twin is not None and float_twin is not network and float_twin.name == network.name:
        raise ValueError(f"network and float_twin are both named {network.name!r}; logits are told apart by the name")
    threads = thread_count(threads)
    x = network.preprocessing(images)
    ours = {"packed": _with_threads(network, threads)}
    if float_twin is not None and float_twin is not network:
        ours["float"] = _with_threads(float_twin, threads)
    contestants = {c.name: c for c in (*(_own(label, one) for label, one in ours.items()), *peers)}
    logit_check = LogitCheck()
    with pool.run_lock:
        outcome = contest(
            [contestants[label] for label in ours],
            peers,
            (x, threads),
            lambda name, logits: logit_check.check(contestants[name], logits),
            repeats=repeats,
            threads=threads,
            progress=progress,
        )
        ops = {label: _time_steps(one, x, repeats) for label, one in ours.items()}
    timings = outcome.timings
    float_engines = []
    if float_twin is not None:
        others = [contestants[name] for name in timings if name != "packed"]
        float_engines = [c.name for c in others if c.of == float_twin.name and c.computes == "float"]
    return NetworkBench(
        name=network.name,
        input_shape=x.shape,
        threads=threads,
        machine=describe(),
        timings=timings,
        about={name: contestant.about for name, contestant in contestants.items()},
        left_out=outcome.left_out,
        deviations={name: logit_check.deviations[name] for name in timings},
        fastest_float=min(float_engines, key=lambda name: timings[name].median_s, default=None),
        memory=binary_memory(network) or ternary_memory(network),
        ops=ops["packed"],
        float_ops=ops.get("float", ()),
    )


def _with_threads(network: Network, threads: int) -> Network:
    """A copy that shares the weights and has its own number of threads; other users of the network keep theirs."""
    network = copy(network)
    network.threads = threads
    return network


def _own(label: str, network: Network) -> NetworkContestant:
    about = {"packed": "this runtime, packed", "float": "this runtime, float twin"}[label]
    return NetworkContestant(
        label, about, network.name, lambda x, threads: nullcontext(Ready(partial(network.run, x))), ours=True
    )


def _time_steps(network: Network, x: np.ndarray, repeats: int) -> tuple[OpTiming, ...]:
    """Time the steps of `repeats` runs, after one run that does not count."""
    network.run(x)
    runs = [network.timed(x)[1] for _ in range(repeats)]
    timed = []
    for i, (step, first) in enumerate(runs[0]):
        timing = Timing(step.name, tuple(run[i][1] for run in runs), 1, first)
        timed.append(OpTiming(step.kind, step.ops, step.binary_macs * len(x), step.float_macs * len(x), timing))
    return tuple(timed)
