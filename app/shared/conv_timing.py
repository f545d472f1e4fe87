"""What the Speed lab and the Start page measure, through xnorlab.benchmark; the visitor's turn is waited for."""

from dataclasses import dataclass

import numpy as np
from streamlit.delta_generator import DeltaGenerator

from shared import cached, networks, turns
from shared.photos import Photo
from xnorlab import benchmark
from xnorlab.benchmark import Ceilings, ConvBench, ConvShape, Sweep, bench_conv
from xnorlab.paper.cost_model import weight_memory
from xnorlab.runtime.ops import BinaryConv
from xnorlab.zoo.layer_names import layer_names

PAPER_SHAPE = ConvShape(channels=256, size=14)  # the layer of the paper's 62.27×, section 4.1
NAIVE_MACS = 5 * 10**8  # beyond this the naive loop would take seconds a call, and is left out
MOST_MACS = 5 * 10**9


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
        from xnorlab.peers import TORCH_CONVS

        found = bench_conv(
            settings.shape,
            threads=settings.threads,
            repeats=settings.repeats,
            peers=TORCH_CONVS,
            x=x,
            naive=settings.shape.macs <= NAIVE_MACS,
            progress=report,
        )
    place.empty()
    return found


def ceilings(place: DeltaGenerator) -> Ceilings:
    """Wait for a turn; measure what one thread of this machine can do at best."""
    with turns.turn(place):
        place.progress(0.0, "What this machine can do at best…")
        found = benchmark.measure_ceilings()
    place.empty()
    return found


def roofline_points(bench: ConvBench) -> list[tuple[str, float, float]]:
    """(contender, multiply-adds a byte, multiply-adds a second): inputs and outputs are float32 for all of them."""
    shape = bench.shape
    cost = weight_memory(shape.channels, shape.n_filters, shape.kernel**2)
    maps_bytes = 4 * shape.batch * (shape.size**2 * shape.channels + shape.output**2 * shape.n_filters)
    rows = [] if bench.best_float is None else [("best-float", bench.best_float, cost.float32_bytes)]
    rows.append(("binary", "binary", cost.packed_bytes))
    if "naive" in bench.timings:
        rows.append(("naive", "naive", cost.float32_bytes))
    return [
        (look, shape.macs / (maps_bytes + weight_bytes), shape.macs / bench.timings[name].median_s)
        for look, name, weight_bytes in rows
    ]


def sweep(axis: str, threads: int, place: DeltaGenerator) -> Sweep:
    """Time the paper's layer at every value of `axis`, in one turn."""
    with turns.turn(place):
        from xnorlab.peers import TORCH_CONVS

        found = benchmark.sweep(axis, threads=threads, peers=TORCH_CONVS, progress=place.progress)
    place.empty()
    return found


def feature_maps(photo: Photo, family: str) -> dict[str, tuple[ConvShape, np.ndarray]]:
    """Every binary convolution of the family's XNOR network: its shape, and what `photo` sends into it.

    Raises ValueError where the network is not there.
    """
    network = cached.network(networks.name(family, "xnor"))
    values = network.values([photo.pixels])
    names = layer_names(op.name for op in network.ops if op.weight_bits)
    found = {}
    for op in network.ops:
        if isinstance(op, BinaryConv):
            x = values[op.inputs[0]]
            filters, kernel = op.words.shape[:2]
            shape = ConvShape(
                channels=op.channels,
                size=x.shape[1],
                filters=filters,
                kernel=kernel,
                stride=op.stride[0],
                padding=op.padding[0],
                pad_value=op.pad_value,
            )
            found[names[op.name]] = shape, x
    return found
