"""The timing of one convolution by XNOR and popcount, by a float library and by naive loops."""

from dataclasses import dataclass

import numpy as np
from streamlit.delta_generator import DeltaGenerator

from shared import turns
from xnorlab.benchmark import ConvBench, ConvShape, bench_conv

PAPER_SHAPE = ConvShape(channels=256, size=14)  # the layer of the paper's 62.27×, section 4.1
NAIVE_MACS = 5 * 10**8  # beyond this the naive loops would take seconds per call, and are left out


@dataclass(frozen=True)
class Settings:
    """What is timed.

    Attributes:
        shape: The convolution.
        threads: Of ours and of the library; the naive loops run on one.
        repeats: Runs of each contender.
        data: "random", or which photo's feature map at which layer.
    """

    shape: ConvShape
    threads: int = 1
    repeats: int = 21
    data: str = "random"


def measure(settings: Settings, place: DeltaGenerator, x: np.ndarray | None = None) -> ConvBench:
    """Wait for this visitor's turn, then time the naive loops, if they are fast enough, oneDNN through torch, and ours.

    Args:
        settings: What is timed.
        place: Where the progress is shown.
        x: The input, float32 (B, H, W, C); None for random data.

    Raises:
        ValueError: Ours could not be timed.
    """
    with turns.turn(place):
        place.progress(0.0, "Loading torch, once…")
        from xnorlab.peers import TORCH_CONVS

        bench = bench_conv(
            settings.shape,
            threads=settings.threads,
            repeats=settings.repeats,
            peers=TORCH_CONVS,
            x=x,
            naive=settings.shape.macs <= NAIVE_MACS,
            progress=place.progress,
        )
    place.empty()
    return bench
