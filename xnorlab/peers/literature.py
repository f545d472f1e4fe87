"""Timing of the literature's binary networks in this runtime, beside torchvision's small networks in other engines."""

from collections.abc import Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from xnorlab.benchmark import BenchmarkError, Machine, NetworkContestant, Ready, Timing, describe
from xnorlab.benchmark.contest import contest
from xnorlab.benchmark.timing import Progress
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.kernels import threads as pool
from xnorlab.kernels.threads import thread_count
from xnorlab.peers.module_engines import ENGINES, module_contestants
from xnorlab.peers.untrained import CLASSES, SEED, calibrated, calibration_batch, untrained_network
from xnorlab.runtime import Network
from xnorlab.suggestions import unknown
from xnorlab.zoo.literature import OURS

PIXELS = 224
"""Side of the picture; every published accuracy is one at 224 pixels."""


@dataclass(frozen=True)
class Binary:
    """A binary network of the literature.

    Attributes:
        network: The architecture, as `paper.published` writes it.
        scheme: Its scheme.
        model: Key of `models.MODELS`.
        options: Options of that model.
    """

    network: str
    scheme: str
    model: str
    options: dict[str, Any] = field(default_factory=dict)


BINARY = (
    Binary("AlexNet", "xnor", "alexnet"),
    Binary("ResNet-18", "xnor", "resnet18"),
    Binary("ResNet-18", "bireal", "resnet18"),
    Binary("QuickNet small", "bnn", "quicknet", {"size": "small"}),
    Binary("BinaryDenseNet-28", "bnn", "densenet28"),
    Binary("QuickNet", "bnn", "quicknet"),
    Binary("ResNet-18", "reactnet", "resnet18"),
    Binary("QuickNet large", "bnn", "quicknet", {"size": "large"}),
    Binary("ReActNet-A", "reactnet", "mobilenet"),
)
"""The binary networks, by published accuracy."""

SMALL_NETWORKS = {
    "SqueezeNet 1.1": "squeezenet1_1",
    "MobileNetV3-small": "mobilenet_v3_small",
    "ShuffleNetV2 ×1.0": "shufflenet_v2_x1_0",
    "ResNet-18": "resnet18",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3-large": "mobilenet_v3_large",
    "EfficientNet-B0": "efficientnet_b0",
}
"""Torchvision's networks that someone would take today: name in `paper.published` → torchvision's own, by accuracy."""

DEVIATIONS = {"float": 1e-3, "int8": 1.0}
"""Largest norm of the difference between an engine's logits and torch's, over their norm.

Random weights, unlike trained ones, do not keep the rounding to eight bits small in a deep network: 0.1, 0.3 and 0.6
were measured for MobileNetV3-small, MobileNetV3-large and EfficientNet-B0. Logits that have nothing to do with torch's
are about 1.4 away. That all sums run in eight bits is known from the graph that OpenVINO executes.
"""


@dataclass(frozen=True)
class LiteratureRow:
    """The times of one network.

    Attributes:
        network: The architecture.
        scheme: Key of its scheme.
        timings: By engine.
        deviations: By engine of `timings`, how far its logits are from torch's; see DEVIATIONS. Empty for this
            runtime, whose packed networks were compared when they were packed.
        left_out: By engine, why it has no time.
    """

    network: str
    scheme: str
    timings: dict[str, Timing]
    deviations: dict[str, float]
    left_out: dict[str, str]


@dataclass(frozen=True)
class LiteratureBench:
    """The times of all networks, which took turns.

    Attributes:
        machine: The machine that ran it.
        pixels: Side of the picture.
        threads: Threads of every engine.
        repeats: Rounds.
        rows: Binary networks first.
    """

    machine: Machine
    pixels: int
    threads: int
    repeats: int
    rows: tuple[LiteratureRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the results as values that JSON can hold, as `zoo.literature` keeps them."""
        return {
            "machine": self.machine.to_dict(),
            "pixels": self.pixels,
            "threads": self.threads,
            "repeats": self.repeats,
            "networks": [
                {
                    "network": row.network,
                    "scheme": row.scheme,
                    "times": {engine: timing.to_dict() for engine, timing in row.timings.items()},
                    "deviations": row.deviations,
                    "left_out": row.left_out,
                }
                for row in self.rows
            ],
        }


def bench_literature(
    binary: Sequence[Binary] = BINARY,
    others: Sequence[str] = tuple(SMALL_NETWORKS),
    *,
    pixels: int = PIXELS,
    threads: int = 1,
    repeats: int = 21,
    progress: Progress | None = None,
) -> LiteratureBench:
    """Time networks with random weights on one random picture; all take turns.

    Waits for the process-wide lock of parallel and timed runs. Each packed network was compared with its torch module
    when it was packed; the logits of the other engines are compared with torch's.

    Args:
        binary: Networks for this runtime.
        others: Keys of SMALL_NETWORKS.
        pixels: Side of the picture.
        threads: Threads of every engine.
        repeats: Rounds.
        progress: See `benchmark.timing.Progress`.

    Raises:
        ValueError: A network is unknown, or `pixels` or `repeats` is out of range.
    """
    threads = thread_count(threads)
    report: Progress = (lambda fraction, text: None) if progress is None else progress
    preprocessing = Preprocessing(resize=pixels, crop=pixels)
    # A picture of the kind that the norms know: on any other kind the values of deep random networks grow without
    # bound, and so do the differences by rounding.
    x = np.ascontiguousarray(calibration_batch(preprocessing)[:1].permute(0, 2, 3, 1).numpy())
    own: list[NetworkContestant] = []
    peers: list[NetworkContestant] = []
    expected: dict[str, np.ndarray] = {}
    deviations: dict[str, float] = {}
    count = len(binary) + len(others)
    for i, one in enumerate(binary):
        report(0.5 * i / count, f"building {one.network}")
        network, _ = untrained_network(one.model, one.scheme, size=pixels, options=one.options)
        own.append(_ours(_key(one), network, threads))
    for i, title in enumerate(others, len(binary)):
        report(0.5 * i / count, f"building {title}")
        module = _torchvision(title, preprocessing)
        expected[title] = _torchs_logits(module, x)
        peers += module_contestants(title, module)
    by_name = {contestant.name: contestant for contestant in (*own, *peers)}

    def check(name: str, logits: np.ndarray) -> None:
        contestant = by_name[name]
        want = expected.setdefault(contestant.of, np.array(logits))  # of ours the first answer: the others equal it
        deviations[name] = _deviation(logits, want)
        if not deviations[name] <= DEVIATIONS.get(contestant.computes, 0.0):
            raise BenchmarkError(f"its logits are {deviations[name]:.2g} of their norm away from torch's")

    with pool.run_lock:
        outcome = contest(
            own,
            peers,
            (x, threads),
            check,
            repeats=repeats,
            threads=threads,
            progress=lambda fraction, text: report(0.5 + 0.5 * fraction, text),
        )
    rows = [LiteratureRow(one.network, one.scheme, {OURS: outcome.timings[_key(one)]}, {}, {}) for one in binary]
    for title in others:
        timings = {engine: outcome.timings.get(f"{title}: {engine}") for engine in ENGINES}
        left_out = {engine: outcome.left_out.get(f"{title}: {engine}") for engine in ENGINES}
        rows.append(
            LiteratureRow(
                title,
                "float",
                {engine: timing for engine, timing in timings.items() if timing is not None},
                {engine: deviations[f"{title}: {engine}"] for engine, timing in timings.items() if timing is not None},
                {engine: why for engine, why in left_out.items() if why is not None},
            )
        )
    return LiteratureBench(describe(), pixels, threads, repeats, tuple(rows))


def _key(one: Binary) -> str:
    return f"{one.network}, {one.scheme}"


def _ours(name: str, network: Network, threads: int) -> NetworkContestant:
    network = copy(network)
    network.threads = threads
    return NetworkContestant(
        name, "this runtime, packed", name, lambda x, _: nullcontext(Ready(partial(network.run, x))), "signs", ours=True
    )


def _torchvision(title: str, preprocessing: Preprocessing) -> Any:
    """A network of torchvision with random weights, in eval mode, whose norms know random pictures."""
    import torch
    from torchvision import models

    if title not in SMALL_NETWORKS:
        raise ValueError(unknown("network", title, SMALL_NETWORKS))
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        module = getattr(models, SMALL_NETWORKS[title])(weights=None, num_classes=CLASSES)
        return calibrated(module, calibration_batch(preprocessing))


def _torchs_logits(module: Any, x: np.ndarray) -> np.ndarray:
    import torch

    with torch.inference_mode():
        return module(torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))).numpy()


def _deviation(logits: np.ndarray, expected: np.ndarray) -> float:
    """Norm of the difference over norm; infinite for another shape."""
    if logits.shape != expected.shape:
        return float("inf")
    return float(np.linalg.norm(logits - expected) / max(float(np.linalg.norm(expected)), 1e-30))
