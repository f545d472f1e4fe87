"""The claims of the XNOR-Net paper's abstract and tables, each with the rule that judges it.

Every rule is written down before its number.
"""

from collections.abc import Callable

from xnorlab.paper.cost_model import PUBLISHED_SPEEDUP
from xnorlab.verdicts.differences import ABSORBED, UNLIKE, at_most, by_direction, gain, graded, margin, measured
from xnorlab.verdicts.evidence import DATASET, Evidence, published_top1
from xnorlab.verdicts.verdict import Ruling, Verdict, unmeasured
from xnorlab.zoo.benchmarks import FILE, place, span
from xnorlab.zoo.cost import architecture


def memory(evidence: Evidence) -> Verdict:
    """Holds where the whole file is 32 times smaller within 5 %; in part where the binary layers are."""
    claim, source = "Binary weights take 32 times less memory", "abstract, section 1"
    published = "32× against 32-bit floats"
    name = "imagenette/alexnet-xnor"
    if name not in evidence.manifest:
        return unmeasured(claim, source, published, "No XNOR network is shipped.")
    cost = evidence.cost(name)
    layers, whole = cost.binary_times_smaller or 0.0, cost.times_smaller
    network = architecture(evidence.manifest[name].recipe)
    ours = f"{layers:.1f}× for the binary layers, {whole:.1f}× for the whole file ({network})"
    ruling: Ruling = "does not hold here"
    if whole >= 0.95 * 32:
        ruling = "holds"
    elif layers >= 0.95 * 32:
        ruling = "holds in part"
    return Verdict(
        claim,
        source,
        published,
        ours,
        ruling,
        "A weight is one bit; α, thresholds and words filled up take a little, and the first and the last layer, norms "
        "and the header stay as they are.",
        (f"the packed file of {name}",),
    )


def speed(evidence: Evidence) -> Verdict:
    """Holds where the fastest float32 engine takes 58 times as long at some shape; in part where a plain loop does."""
    claim, source = "XNOR-Networks compute convolutions 58 times faster on a CPU", "abstract, section 4.1"
    published = f"{PUBLISHED_SPEEDUP:.0f}×, counted in high-precision operations, without memory"
    if not evidence.benchmarks:
        return unmeasured(claim, source, published, "`xnorlab bench conv` is not recorded.")
    best: list[float] = []
    naive: list[float] = []
    ranges: list[str] = []
    for record in evidence.benchmarks:
        factors = [shape["speedups"][shape["fastest_float"]] for shape in record["shapes"]]
        best += factors
        naive += [shape["speedups"]["naive"] for shape in record["shapes"] if "naive" in shape["speedups"]]
        path = record["machine"]["instructions"].split(", XNORLAB_CPU")[0].replace(" (", ", ")
        ranges.append(f"{span(factors, 1)}× ({path})")
    ruling: Ruling = "does not hold here"
    if max(best) >= PUBLISHED_SPEEDUP:
        ruling = "holds"
    elif naive and max(naive) >= PUBLISHED_SPEEDUP:
        ruling = "holds in part"
    slow = f"; against a plain float loop {span(naive)}×" if naive else ""
    return Verdict(
        claim,
        source,
        published,
        f"against the fastest float32 engine {', '.join(ranges)}{slow}",
        ruling,
        "The count leaves out that a CPU multiplies many floats in one instruction as well, so the factor depends on "
        "what one compares with; ours includes packing and memory.",
        tuple(f"{FILE}: {record['command']}, {place(record['machine'])}" for record in evidence.benchmarks),
    )


def bwn_equals_float(evidence: Evidence) -> Verdict:
    """Holds where BWN loses at most 1 point; in part where the loss is within two standard errors of that."""
    return at_most(
        evidence,
        "A Binary-Weight AlexNet is as accurate as full precision (an earlier abstract: 2.9 % less)",
        "abstract, Table 1",
        "AlexNet",
        "alexnet",
        "bwn",
    )


def xnor_loses(evidence: Evidence) -> Verdict:
    """Holds where XNOR loses no more than the published 12.4 points."""
    claim = "An XNOR AlexNet loses no more than 12.4 points to full precision"
    return at_most(evidence, claim, "Table 1", "AlexNet", "alexnet", "xnor", inputs=True)


def resnet_bwn(evidence: Evidence, dataset: str = DATASET) -> Verdict:
    """Holds where BWN loses no more than the published 8.5 points."""
    claim = "A Binary-Weight ResNet-18 loses no more than 8.5 points to full precision"
    return at_most(evidence, claim, "Table 2", "ResNet-18", "resnet18", "bwn", dataset=dataset)


def resnet_xnor(evidence: Evidence, dataset: str = DATASET) -> Verdict:
    """Holds where XNOR loses no more than the published 18.1 points."""
    claim = "An XNOR ResNet-18 loses no more than 18.1 points to full precision"
    return at_most(evidence, claim, "Table 2", "ResNet-18", "resnet18", "xnor", inputs=True, dataset=dataset)


def bwn_beats_binaryconnect(evidence: Evidence) -> Verdict:
    """Holds from 16 points on; in part where there is a gain beyond two standard errors."""
    claim = "BWN is more than 16 points better than BinaryConnect"
    bare = "alexnet", "plain, no norm"
    return margin(evidence, claim, "bwn", "binaryconnect", "the output of a norm", bare)


def xnor_beats_bnn(evidence: Evidence) -> Verdict:
    """Holds from 16 points on; in part where there is a gain beyond two standard errors."""
    claim = "XNOR is more than 16 points better than BNN"
    bare = "resnet18", "residual, no norm"
    return margin(evidence, claim, "xnor", "bnn", "a convolution's output without a norm between", bare)


def learned_scale(evidence: Evidence) -> Verdict:
    """Holds where α = mean|W| gains 10 points over a learned factor; in part where it gains beyond two errors."""
    notes = ("scale α = mean|W|", "scale by a learned layer")
    published = published_top1("AlexNet", "bwn", notes[0]), published_top1("AlexNet", "bwn", notes[1])
    gap = evidence.judged("scale", "BWN, mean", "BWN, learned")
    missing = "`xnorlab ablate run scale` is not recorded."
    return gain("α = mean|W| is better than a learned scale", "Table 3a", published, gap, 10, ABSORBED, missing)


def scale_put_in(evidence: Evidence) -> Verdict:
    """Holds where α, put into a float network, gains 10 points; in part where it gains beyond two standard errors."""
    claim, source = "α·sign(W) stands in for a filter, and sign(W) alone does not", "section 3.1"
    published = "no figure: α = mean|W| makes ‖W − αB‖ smallest"
    name, trained, anew = "no-retraining", "norms as trained", "norms estimated anew"
    gap = evidence.judged(name, f"α·sign(W), {trained}", f"sign(W), {trained}")
    longer = evidence.judged(name, f"(α/ρ)·sign(W), {trained}", f"sign(W), {trained}")
    again = evidence.judged(name, f"α·sign(W), {anew}", f"sign(W), {anew}")
    if gap is None or longer is None or again is None:
        why = "`xnorlab ablate no-retraining` is not recorded for the AlexNet that is shipped."
        return unmeasured(claim, source, published, why)
    ruling, why = graded(gap, 10.0)
    why += (
        f". Lengthened to α/ρ, ρ = ‖W‖₁² / (n‖W‖²), whose part along W is W, it reaches {longer.first:.1f} %; with "
        f"norms estimated anew α reaches {again.first:.1f} %, no factor {again.second:.1f} %."
    )
    return Verdict(claim, source, published, f"put in, without training: {measured(gap)}", ruling, why, gap.based_on)


def input_scale(evidence: Evidence) -> Verdict:
    """Holds where K gains less than 1 point; in part where its gain is within two standard errors of that."""
    claim, source, published = "Leaving out K costs less than 1 %", "section 3.2", "less than 1 % top-1"
    gap = evidence.gap("alexnet", "xnor-k", "xnor") or evidence.judged("input-scale", "with K", "without K")
    if gap is None:
        return unmeasured(claim, source, published, UNLIKE)
    more = gap.points - 1
    ruling: Ruling = "holds" if more < 0 else "holds in part" if more < 2 * gap.error else "does not hold here"
    why = by_direction(
        gap,
        "K gains beyond two standard errors, but less than 1 point.",
        "What K changes is within two standard errors.",
        "K even loses, beyond two standard errors.",
    )
    if more >= 0:
        beyond = "and beyond" if ruling == "does not hold here" else "but not beyond"
        why = f"K gains 1 point or more, {beyond} two standard errors of that."
    return Verdict(claim, source, published, f"with K {measured(gap)}", ruling, why, gap.based_on)


def block_order(evidence: Evidence) -> Verdict:
    """Holds where norm, sign, conv, pool gains 10 points; in part where it gains beyond two standard errors."""
    claim = "Norm and sign belong before the convolution, the pool behind it"
    orders = ("block order norm, sign, conv, pool", "block order conv, norm, sign, pool")
    published = published_top1("AlexNet", "xnor", orders[0]), published_top1("AlexNet", "xnor", orders[1])
    note = "of nine signs a maximum keeps no more than whether one is +1."
    missing = "`xnorlab ablate run order` is not recorded."
    return gain(claim, "Table 3b", published, evidence.judged("order", "B A C P", "C B A P"), 10, note, missing)


CLAIMS: tuple[Callable[[Evidence], Verdict], ...] = (
    memory,
    speed,
    bwn_equals_float,
    xnor_loses,
    bwn_beats_binaryconnect,
    xnor_beats_bnn,
    learned_scale,
    scale_put_in,
    input_scale,
    block_order,
    resnet_bwn,
    resnet_xnor,
)
"""All claims, in the order in which the table shows them."""


def judge(evidence: Evidence) -> tuple[Verdict, ...]:
    """Judge every claim; those on a ResNet-18 once more for each further data set that it was trained on."""
    verdicts = [claim(evidence) for claim in CLAIMS]
    further = [claim(evidence, data) for data in evidence.other_data_sets() for claim in (resnet_bwn, resnet_xnor)]
    return (*verdicts, *(verdict for verdict in further if verdict.based_on))
