"""Where a speed-up comes from: the authors' measurement, their formula, and what was measured here, in sentences."""

from shared.notices import NOISY
from xnorlab import units
from xnorlab.benchmark import ConvBench, ConvShape
from xnorlab.kernels import cpu
from xnorlab.paper.cost_model import PUBLISHED_SPEEDUP


def in_print(shape: ConvShape) -> list[str]:
    """What the paper states, and its formula worked out for `shape`; one sentence of Markdown each."""
    work = shape.channels * shape.kernel**2
    return [
        f"**{units.times(PUBLISHED_SPEEDUP)}, published:** what the authors measured on a CPU for one convolution of "
        "256 channels and 3 × 3 filters, without allocating and reading memory (XNOR-Net, section 4.1).",
        f"**{units.times(shape.predicted_speedup)}, computed:** their formula at c = {shape.channels:,} channels and "
        f"N = {shape.kernel**2} weights per channel, S = 64·c·N / (c·N + 64) = 64 · {work:,} / ({work:,} + 64). It "
        "counts 64 binary multiply-adds as one operation, and each output's product with α as another.",
    ]


def measured(bench: ConvBench) -> list[str]:
    """Why what was measured differs from the formula, one sentence of Markdown for each rival with a time."""
    floats, signs = cpu.floats_at_once(), cpu.signs_at_once()
    predicted = bench.shape.predicted_speedup
    sentences = []
    if bench.best_float is not None:
        ratio = bench.speedup(bench.best_float)
        why = (
            f"a register of this CPU holds {signs} signs and {floats} floats, that is {signs // floats} times as many, "
            "not 64 times; and ours thresholds, packs and scales within that time."
        )
        if ratio > predicted:
            why = (
                "above the formula, which knows multiply-adds alone: at this shape oneDNN takes long for everything "
                "else that a call costs."
            )
            if max(bench.timings[name].spread for name in (bench.best_float, "binary")) > NOISY:
                why = "above the formula, but the runs lie far apart: something else kept this machine busy. Run again."
        sentences.append(f"**{units.times(ratio)}, measured here against oneDNN:** {why}")
    if "naive" in bench.timings:
        ratio = bench.speedup("naive")
        why = (
            f"above the formula, which lets one instruction do 64 multiply-adds: {signs} signs share a register here, "
            "and a naive loop waits for one float after the other."
            if ratio > predicted
            else "below the formula, since packing and everything else that a call costs count as well."
        )
        sentences.append(f"**{units.times(ratio)}, measured here against naive loops:** {why}")
    return sentences


def as_list(sentences: list[str]) -> str:
    """`sentences` as a list in Markdown."""
    return "\n".join(f"- {sentence}" for sentence in sentences)
