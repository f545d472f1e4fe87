"""What the Speed lab and the Start page measure, through xnorlab.benchmark; the visitor's turn is waited for."""

from dataclasses import dataclass, replace

import cached
import networks
import numpy as np
import turns
from photos import Photo
from streamlit.delta_generator import DeltaGenerator

from xnorlab.benchmark import ConvBench, ConvShape, bench_conv, interleaved
from xnorlab.cost_model import layer_cost
from xnorlab.runtime.ops import BinaryConv

PAPER_SHAPE = ConvShape(channels=256, size=14)  # the layer of the paper's 62.27×, section 4.1
NAIVE_MACS = 5 * 10**8  # beyond this the naive loop would take seconds a call, and is left out
MOST_MACS = 5 * 10**9
SWEEPS = {
    "channels": (1, 3, 8, 16, 32, 63, 64, 65, 128, 129, 256, 512),
    "kernel": (1, 3, 5, 7, 9, 11),
}
SWEEP_SHAPE = ConvShape(channels=256, size=14, filters=64)
SWEEP_REPEATS = 7
MATRIX = 512  # rows and columns of the float matrix product whose rate is the float ceiling
COPY_BYTES = 2**26  # far more than the caches of a core
CEILING_REPEATS = 31
NOISY = 0.10  # quartile range over median


@dataclass(frozen=True)
class Settings:
    """What is timed. data: "random", or which photo's feature map at which layer."""

    shape: ConvShape
    threads: int = 1
    repeats: int = 21
    data: str = "random"


def measure(settings: Settings, place: DeltaGenerator, x: np.ndarray | None = None) -> ConvBench:
    """Wait for a turn, then time the naive loop (where it is not too slow), oneDNN through torch, and ours.

    Progress is shown in `place`. x: float32 (B, H, W, C) or None for random data.
    """

    def report(share: float, text: str) -> None:
        place.progress(share, text)

    with turns.turn(place):
        report(0.0, "Loading torch, once…")
        from xnorlab.peers import torch_conv

        found = bench_conv(
            settings.shape, threads=settings.threads, repeats=settings.repeats, peers=[torch_conv], x=x,
            naive=settings.shape.macs <= NAIVE_MACS, progress=report,
        )  # fmt: skip
    place.empty()
    return found


@dataclass(frozen=True)
class Ceilings:
    """What one thread of this machine can do at best, measured: multiply-adds a second by contender, bytes a second."""

    macs_per_s: dict[str, float]
    bytes_per_s: float


def ceilings(place: DeltaGenerator) -> Ceilings:
    """Wait for a turn; time nothing but XOR, popcount and add, a large float matrix product, and a copy of memory."""
    source = np.ones(COPY_BYTES // 8)
    target = np.empty_like(source)
    with turns.turn(place):
        place.progress(0.0, "What this machine can do at best…")
        import torch

        from xnorlab.kernels.ceiling import popcount_ceiling
        from xnorlab.peers.settings import torch_threads

        left = right = torch.ones(MATRIX, MATRIX)
        with torch_threads(1):
            times = interleaved(
                {"multiply": lambda: left @ right, "copy": lambda: np.copyto(target, source)}, repeats=CEILING_REPEATS
            )
        binary = 1e9 * popcount_ceiling()
    place.empty()
    # A ceiling is what is possible, not what is usual: the fastest run counts.
    best = {name: min(timing.samples_s) for name, timing in times.items()}
    return Ceilings({"binary": binary, "best-float": MATRIX**3 / best["multiply"]}, 2 * COPY_BYTES / best["copy"])


def roofline_points(bench: ConvBench) -> list[tuple[str, float, float]]:
    """(contender, multiply-adds a byte, multiply-adds a second): inputs and outputs are float32 for all of them."""
    shape = bench.shape
    cost = layer_cost(
        shape.channels, shape.n_filters, (shape.kernel, shape.kernel), (shape.output, shape.output), binary_weights=True
    )
    maps_bytes = 4 * shape.batch * (shape.size**2 * shape.channels + shape.output**2 * shape.n_filters)
    rows = [("best-float", bench.best_float, cost.float32_bytes), ("binary", "binary", cost.weight_bytes)]
    if "naive" in bench.timings:
        rows.append(("naive", "naive", cost.float32_bytes))
    return [
        (look, shape.macs / (maps_bytes + weight_bytes), shape.macs / bench.timings[name].median_s)
        for look, name, weight_bytes in rows
    ]


def sweep(axis: str, threads: int, place: DeltaGenerator) -> list[ConvBench]:
    """Time SWEEP_SHAPE at every value of `axis` in SWEEPS, in one turn."""
    values = SWEEPS[axis]
    found = []
    with turns.turn(place):
        from xnorlab.peers import torch_conv

        for index, value in enumerate(values):
            place.progress(index / len(values), f"{axis} = {value}")
            shape = replace(SWEEP_SHAPE, padding=None, **{axis: value})
            found.append(bench_conv(shape, threads=threads, repeats=SWEEP_REPEATS, peers=[torch_conv]))
    place.empty()
    return found


def feature_maps(photo: Photo) -> dict[str, tuple[ConvShape, np.ndarray]]:
    """Every binary convolution of the XNOR network, conv2, conv3, …: its shape, and what `photo` sends into it.

    Raises ValueError where the network is not there.
    """
    network = cached.network(networks.name(networks.DEFAULT_FAMILY, "xnor"))
    values = network.values([photo.pixels])
    found = {}
    for op in network.ops:
        if isinstance(op, BinaryConv):
            x = values[op.inputs[0]]
            filters, kernel = op.words.shape[:2]
            shape = ConvShape(
                channels=op.channels, size=x.shape[1], filters=filters, kernel=kernel, stride=op.stride[0],
                padding=op.padding[0], pad_value=op.pad_value,
            )  # fmt: skip
            found[f"conv{len(found) + 2}"] = shape, x
    return found
