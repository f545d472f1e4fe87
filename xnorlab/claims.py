"""The claims of the XNOR-Net paper's abstract and tables, each with the rule that judges it.

Every rule is written down before its number: thresholds are in points of top-1 or in factors, and a difference counts
only beyond two standard errors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xnorlab.cost_model import PUBLISHED_SPEEDUP
from xnorlab.evidence import BENCHMARK, Evidence, Gap, published_top1, signed

Ruling = Literal["holds", "holds in part", "does not hold here", "not measured yet"]
RULINGS: tuple[Ruling, ...] = ("holds", "holds in part", "does not hold here", "not measured yet")


@dataclass(frozen=True)
class Verdict:
    """One claim. published: the paper's value. ours: the measured one, a dash where there is none.

    why: one sentence. based_on: the files and networks that `ours` was computed from.
    """

    claim: str
    source: str
    published: str
    ours: str
    verdict: Ruling
    why: str
    based_on: tuple[str, ...] = ()

    def __post_init__(self):
        if self.verdict not in RULINGS:
            raise ValueError(f"verdict={self.verdict!r} is not one of {', '.join(RULINGS)}")


def _gap_text(points: float, first: float, second: float) -> str:
    return f"{signed(points)} points ({first} against {second} %)"


def _unmeasured(claim: str, source: str, published: str, why: str) -> Verdict:
    return Verdict(claim, source, published, "–", "not measured yet", why)


def memory(evidence: Evidence) -> Verdict:
    """Holds where the whole file is 32 times smaller within 5 %; in part where the binary layers are."""
    claim, source = "Binary weights take 32 times less memory", "abstract, section 1"
    published = "32× against 32-bit floats"
    name = "imagenette/alexnet-xnor"
    if name not in evidence.manifest:
        return _unmeasured(claim, source, published, "No XNOR network is shipped.")
    cost = evidence.cost(name)
    layers, whole = cost.binary_times_smaller or 0.0, cost.times_smaller
    ours = f"{layers:.1f}× for the binary layers, {whole:.1f}× for the whole AlexNet file"
    ruling: Ruling = "does not hold here"
    if whole >= 0.95 * 32:
        ruling = "holds"
    elif layers >= 0.95 * 32:
        ruling = "holds in part"
    return Verdict(
        claim, source, published, ours, ruling,
        "A weight is one bit; α, thresholds and words filled up take a little, and the first and the last layer, norms "
        "and the header stay as they are.",
        (f"the packed file of {name}",),
    )  # fmt: skip


def speed(evidence: Evidence) -> Verdict:
    """Holds where the fastest float32 engine takes 58 times as long at some shape; in part where a plain loop does."""
    claim, source = "XNOR-Networks compute convolutions 58 times faster on a CPU", "abstract, section 4.1"
    published = f"{PUBLISHED_SPEEDUP:.0f}×, counted in high-precision operations, without memory"
    if not evidence.benchmark:
        return _unmeasured(claim, source, published, "`xnorlab bench conv` is not recorded.")
    shapes = evidence.benchmark["shapes"]
    best = [shape["speedups"][shape["fastest_float"]] for shape in shapes]
    naive = [shape["speedups"]["naive"] for shape in shapes if "naive" in shape["speedups"]]
    ruling: Ruling = "does not hold here"
    if max(best) >= PUBLISHED_SPEEDUP:
        ruling = "holds"
    elif naive and max(naive) >= PUBLISHED_SPEEDUP:
        ruling = "holds in part"
    slow = f"; {min(naive):.0f} to {max(naive):.0f}× a plain float loop" if naive else ""
    return Verdict(
        claim, source, published, f"{min(best):.1f} to {max(best):.1f}× the fastest float32 engine{slow}", ruling,
        "The count leaves out that a CPU multiplies many floats in one instruction as well, so the factor depends on "
        "what one compares with; ours includes packing and memory.",
        (f"{BENCHMARK}: {evidence.benchmark['command']}, {evidence.benchmark['machine']['cpu']}",),
    )  # fmt: skip


UNLIKE = "The two networks are not shipped under one recipe."


def _at_most(
    evidence: Evidence, claim: str, source: str, network: str, model: str, scheme: str, why: str, same: float = 1.0
) -> Verdict:
    """How much less than full precision: holds up to the published loss (or `same` points), in part up to twice it."""
    real, binary = published_top1(network, "float"), published_top1(network, scheme)
    published = f"{_gap_text(binary - real, binary, real)}, {network} on ImageNet"
    gap = evidence.gap(model, scheme, "float")
    if gap is None:
        return _unmeasured(claim, source, published, UNLIKE)
    allowed = max(real - binary, same)
    lost = -gap.points - 2 * gap.error
    ruling: Ruling = "holds" if -gap.points <= allowed else "holds in part" if lost <= allowed else "does not hold here"
    if ruling == "does not hold here":
        why = f"It loses more than {allowed:.1f} points here, beyond two standard errors."
    return Verdict(claim, source, published, str(gap), ruling, why, gap.based_on)


def bwn_equals_float(evidence: Evidence) -> Verdict:
    """Holds where BWN loses at most 1 point; in part where the loss is within two standard errors of that."""
    return _at_most(
        evidence, "A Binary-Weight AlexNet is as accurate as full precision (an earlier abstract: 2.9 % less)",
        "abstract, Table 1", "AlexNet", "alexnet", "bwn",
        "Real inputs and a norm behind every convolution leave signs enough freedom on ten classes.",
    )  # fmt: skip


def xnor_loses(evidence: Evidence) -> Verdict:
    """Holds where XNOR loses no more than the published 12.4 points."""
    return _at_most(
        evidence, "An XNOR AlexNet loses 12.4 points to full precision", "Table 1", "AlexNet", "alexnet", "xnor",
        "Binary inputs are what costs accuracy; ten classes ask less of them than a thousand.",
    )  # fmt: skip


def resnet_bwn(evidence: Evidence) -> Verdict:
    """Holds where BWN loses no more than the published 8.5 points."""
    return _at_most(
        evidence, "A Binary-Weight ResNet-18 loses 8.5 points", "Table 2", "ResNet-18", "resnet18", "bwn",
        "Binary weights cost a residual network little here, too.",
    )  # fmt: skip


def resnet_xnor(evidence: Evidence) -> Verdict:
    """Holds where XNOR loses no more than the published 18.1 points."""
    return _at_most(
        evidence, "An XNOR ResNet-18 loses 18.1 points", "Table 2", "ResNet-18", "resnet18", "xnor",
        "Binary inputs cost a residual network more than a plain one, as in the paper.",
    )  # fmt: skip


def _margin(evidence: Evidence, claim: str, ours: str, theirs: str) -> Verdict:
    """Holds beyond 16 points; in part where there is a difference beyond two standard errors."""
    a, b = published_top1("AlexNet", ours), published_top1("AlexNet", theirs)
    published = f"{_gap_text(a - b, a, b)}, AlexNet on ImageNet"
    gap = evidence.gap("alexnet", ours, theirs)
    if gap is None:
        return _unmeasured(claim, "abstract, Table 1", published, UNLIKE)
    why = (
        "Under one recipe a norm follows every convolution and absorbs any factor a filter, so α is all but invisible."
    )
    if gap.points > 2 * gap.error:
        why = "Under one recipe α still gains something, although a norm follows every convolution."
    return Verdict(claim, "abstract, Table 1", published, str(gap), _graded(gap, 16.0), why, gap.based_on)


def _graded(gap: Gap, wanted: float) -> Ruling:
    if gap.points >= wanted:
        return "holds"
    return "holds in part" if gap.points > 2 * gap.error else "does not hold here"


def bwn_beats_binaryconnect(evidence: Evidence) -> Verdict:
    """16 points."""
    return _margin(evidence, "BWN is more than 16 points better than BinaryConnect", "bwn", "binaryconnect")


def xnor_beats_bnn(evidence: Evidence) -> Verdict:
    """16 points."""
    return _margin(evidence, "XNOR is more than 16 points better than BNN", "xnor", "bnn")


def scale_matters(evidence: Evidence) -> Verdict:
    """Holds where α gains 10 points both trained and put into a float network; in part where either gain is real."""
    claim, source = "α is what makes the difference", "section 3.1, Table 3a"
    a = published_top1("AlexNet", "bwn", "scale α = mean|W|")
    b = published_top1("AlexNet", "bwn", "scale by a learned layer")
    published = f"{_gap_text(a - b, a, b)}, mean|W| against a learned scale"
    swapped = evidence.ablated("no-retraining", "α·sign(W), norms as trained", "sign(W), norms as trained")
    longer = evidence.ablated("no-retraining", "(α/ρ)·sign(W), norms as trained", "α·sign(W), norms estimated anew")
    trained = evidence.gap("alexnet", "bwn", "binaryconnect")
    if swapped is None or longer is None or trained is None:
        why = "It takes the ablation without retraining, and BWN and BinaryConnect under one recipe."
        return _unmeasured(claim, source, published, why)
    gaps = (swapped, trained)
    ruling: Ruling = "does not hold here"
    if all(gap.points >= 10 for gap in gaps):
        ruling = "holds"
    elif any(gap.points > 2 * gap.error for gap in gaps):
        ruling = "holds in part"
    why = (
        f"A norm behind the convolution finds any factor a filter by itself: in the float network the rescaled α/ρ "
        f"reaches {longer.first:.1f} %, and norms estimated anew {longer.second:.1f} % with any factor."
    )
    ours = f"put into a float network: {swapped}; trained with norms: {trained}"
    return Verdict(claim, source, published, ours, ruling, why, swapped.based_on + trained.based_on)


def input_scale(evidence: Evidence) -> Verdict:
    """Holds where K gains less than 1 point."""
    claim, source, published = "Leaving out K costs less than 1 %", "section 3.2", "less than 1 % top-1"
    gap = evidence.gap("alexnet", "xnor-k", "xnor") or evidence.ablated("input-scale", "with K", "without K")
    if gap is None:
        return _unmeasured(claim, source, published, UNLIKE)
    ruling: Ruling = (
        "holds" if gap.points < 1 else "holds in part" if gap.points < 2 * gap.error else "does not hold here"
    )
    why = (
        "What K adds is within the error of this many pictures."
        if abs(gap.points) <= 2 * gap.error
        else ("The difference is beyond two standard errors.")
    )
    return Verdict(claim, source, published, f"with K {gap}", ruling, why, gap.based_on)


def block_order(evidence: Evidence) -> Verdict:
    """Holds where norm, sign, conv, pool gains 10 points; in part where it gains beyond two standard errors."""
    claim, source = "Norm and sign belong before the convolution, the pool behind it", "Table 3b"
    a = published_top1("AlexNet", "xnor", "block order norm, sign, conv, pool")
    b = published_top1("AlexNet", "xnor", "block order conv, norm, sign, pool")
    published = _gap_text(a - b, a, b)
    gap = evidence.ablated("order", "B A C P", "C B A P")
    if gap is None:
        return _unmeasured(claim, source, published, "`xnorlab ablate run order` is not recorded.")
    why = "A maximum of signs is mostly +1, so pooling behind the sign throws more away."
    if gap.points <= 2 * gap.error:
        why = "The difference is within two standard errors of this many pictures."
    return Verdict(claim, source, published, str(gap), _graded(gap, 10.0), why, gap.based_on)


CLAIMS: tuple[Callable[[Evidence], Verdict], ...] = (
    memory, speed, bwn_equals_float, xnor_loses, bwn_beats_binaryconnect, xnor_beats_bnn, scale_matters, input_scale,
    block_order, resnet_bwn, resnet_xnor,
)  # fmt: skip
"""In the order in which the table shows them."""

__all__ = ["CLAIMS", "RULINGS", "Ruling", "Verdict"]
