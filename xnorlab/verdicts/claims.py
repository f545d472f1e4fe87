"""The claims of the XNOR-Net paper's abstract and tables, each with the rule that judges it.

Every rule is written down before its number: thresholds are in points of top-1 or in factors, and a difference counts
only beyond two standard errors.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from xnorlab import units
from xnorlab.paper.cost_model import PUBLISHED_SPEEDUP
from xnorlab.verdicts.evidence import DATASET, Evidence, Gap, published_top1
from xnorlab.zoo.benchmarks import FILE, place, span
from xnorlab.zoo.cost import architecture

Ruling = Literal["holds", "holds in part", "does not hold here", "not measured yet"]
RULINGS: tuple[Ruling, ...] = ("holds", "holds in part", "does not hold here", "not measured yet")


@dataclass(frozen=True)
class Verdict:
    """What became of one claim.

    Attributes:
        claim: a sentence.
        source: where the paper makes it.
        published: the paper's value.
        ours: the measured value, a dash where there is none.
        verdict: one of RULINGS.
        why: a sentence or two.
        based_on: the files and networks that `ours` was computed from.
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
    return f"{units.points(points)} points ({first} against {second} %)"


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
        return _unmeasured(claim, source, published, "`xnorlab bench conv` is not recorded.")
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


UNLIKE = "The two networks are not shipped, or not with one recipe and the same pictures."
SAME = 1.0
"""Points of top-1 that "as accurate as" allows."""
ABSORBED = "a norm follows every convolution and can absorb any factor per filter."


def _measured(gap: Gap) -> str:
    return f"{gap}, {gap.network}, on {gap.data}"


def _three(gap: Gap, better: str, same: str, worse: str) -> str:
    """The sentence for a difference beyond two standard errors, for none, and for one the other way round."""
    return {1: better, 0: same, -1: worse}[gap.direction]


def _at_most(
    evidence: Evidence,
    claim: str,
    source: str,
    network: str,
    model: str,
    scheme: str,
    inputs: bool = False,
    dataset: str = DATASET,
) -> Verdict:
    """Judge a loss against full precision: holds up to the published loss, or SAME where that is less.

    It holds in part where the loss exceeds that by no more than two standard errors. With `inputs` the verdict says
    what binary inputs alone cost.
    """
    real, binary = published_top1(network, "float"), published_top1(network, scheme)
    published = f"{_gap_text(binary - real, binary, real)}, {network} on ImageNet"
    gap = evidence.gap(model, scheme, "float", dataset)
    if gap is None:
        return _unmeasured(claim, source, published, UNLIKE)
    allowed = max(real - binary, SAME)
    more = -gap.points - allowed
    ruling: Ruling = "holds" if more <= 0 else "holds in part" if more <= 2 * gap.error else "does not hold here"
    if ruling == "holds":
        why = _three(
            gap,
            "It is better here, beyond two standard errors.",
            "No loss shows beyond two standard errors.",
            f"It loses, beyond two standard errors, but no more than {allowed:.1f} points.",
        )
    else:
        beyond = "beyond" if ruling == "does not hold here" else "but not beyond"
        why = f"It loses more than {allowed:.1f} points here, {beyond} two standard errors."
    step = evidence.gap(model, "xnor", "bwn", dataset)
    theirs = published_top1(network, "xnor") - published_top1(network, "bwn")
    if inputs and step is not None:
        why += f" Binary inputs alone: {step.difference} here, {units.points(theirs)} in the paper."
    classes = "few classes" if gap.classes is None else f"{gap.classes} classes"
    why += f" Losses on {classes} and on a thousand compare only roughly."
    return Verdict(claim, source, published, _measured(gap), ruling, why, gap.based_on)


def bwn_equals_float(evidence: Evidence) -> Verdict:
    """Holds where BWN loses at most 1 point; in part where the loss is within two standard errors of that."""
    return _at_most(
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
    return _at_most(evidence, claim, "Table 1", "AlexNet", "alexnet", "xnor", inputs=True)


def resnet_bwn(evidence: Evidence, dataset: str = DATASET) -> Verdict:
    """Holds where BWN loses no more than the published 8.5 points."""
    claim = "A Binary-Weight ResNet-18 loses no more than 8.5 points to full precision"
    return _at_most(evidence, claim, "Table 2", "ResNet-18", "resnet18", "bwn", dataset=dataset)


def resnet_xnor(evidence: Evidence, dataset: str = DATASET) -> Verdict:
    """Holds where XNOR loses no more than the published 18.1 points."""
    claim = "An XNOR ResNet-18 loses no more than 18.1 points to full precision"
    return _at_most(evidence, claim, "Table 2", "ResNet-18", "resnet18", "xnor", inputs=True, dataset=dataset)


def _graded(gap: Gap, wanted: float) -> tuple[Ruling, str]:
    """The ruling on a gain, and the start of a sentence: holds from `wanted` points on, in part where there is any."""
    if gap.direction > 0:
        short = gap.points < wanted
        less = f", but less than {wanted:g} points" if short else ""
        return "holds in part" if short else "holds", f"A gain beyond two standard errors{less}"
    none, worse = (
        "No difference shows beyond two standard errors",
        "The other way round here, beyond two standard errors",
    )
    return "does not hold here", _three(gap, "", none, worse)


def _gain(
    claim: str, source: str, published: tuple[float, float], gap: Gap | None, wanted: float, note: str, missing: str
) -> Verdict:
    """Judge a gain between two AlexNets by `_graded`.

    Args:
        claim: a sentence.
        source: where the paper makes it.
        published: both accuracies in %.
        gap: the measured difference; None where there is none.
        wanted: points from which on the claim holds.
        note: ends the sentence that says why.
        missing: says what is lacking where `gap` is None.
    """
    theirs = f"{_gap_text(published[0] - published[1], *published)}, AlexNet on ImageNet"
    if gap is None:
        return _unmeasured(claim, source, theirs, missing)
    ruling, why = _graded(gap, wanted)
    return Verdict(claim, source, theirs, _measured(gap), ruling, f"{why}; {note}", gap.based_on)


def _margin(evidence: Evidence, claim: str, ours: str, theirs: str, sums: str, bare: tuple[str, str]) -> Verdict:
    """Judge a margin: holds from 16 points on; in part where there is a gain beyond two standard errors.

    The difference in a ResNet stands beside the verdict, but is no part of it, and so does what α alone is worth
    without a norm.

    Args:
        evidence: what was measured.
        claim: a sentence.
        ours: the scheme that should be better.
        theirs: the other one.
        sums: what is added to the shortcuts of a ResNet.
        bare: model and rows of the ablation `scale-norm` that have no norm.
    """
    published = published_top1("AlexNet", ours), published_top1("AlexNet", theirs)
    verdict = _gain(claim, "abstract, Table 1", published, evidence.gap("alexnet", ours, theirs), 16, ABSORBED, UNLIKE)
    if not verdict.based_on:
        return verdict
    residual = evidence.gap("resnet18", ours, theirs)
    if residual is not None:
        why = f"{verdict.why} In our ResNet-18, whose shortcuts are added to {sums}: {residual.difference} points."
        verdict = replace(verdict, why=why, based_on=(*verdict.based_on, *residual.based_on))
    model, rows = bare
    alone = evidence.judged("scale-norm", f"{rows}, α", f"{rows}, no α", model)
    if alone is not None:
        why = f"{verdict.why} α alone, all else alike and no norm behind the convolution: {alone}, {alone.network}."
        verdict = replace(verdict, why=why, based_on=(*verdict.based_on, *alone.based_on))
    return verdict


def bwn_beats_binaryconnect(evidence: Evidence) -> Verdict:
    """Holds from 16 points on; in part where there is a gain beyond two standard errors."""
    claim = "BWN is more than 16 points better than BinaryConnect"
    bare = "alexnet", "plain, no norm"
    return _margin(evidence, claim, "bwn", "binaryconnect", "the output of a norm", bare)


def xnor_beats_bnn(evidence: Evidence) -> Verdict:
    """Holds from 16 points on; in part where there is a gain beyond two standard errors."""
    claim = "XNOR is more than 16 points better than BNN"
    bare = "resnet18", "residual, no norm"
    return _margin(evidence, claim, "xnor", "bnn", "a convolution's output without a norm between", bare)


def learned_scale(evidence: Evidence) -> Verdict:
    """Holds where α = mean|W| gains 10 points over a learned factor; in part where it gains beyond two errors."""
    notes = ("scale α = mean|W|", "scale by a learned layer")
    published = published_top1("AlexNet", "bwn", notes[0]), published_top1("AlexNet", "bwn", notes[1])
    gap = evidence.judged("scale", "BWN, mean", "BWN, learned")
    missing = "`xnorlab ablate run scale` is not recorded."
    return _gain("α = mean|W| is better than a learned scale", "Table 3a", published, gap, 10, ABSORBED, missing)


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
        return _unmeasured(claim, source, published, why)
    ruling, why = _graded(gap, 10.0)
    why += (
        f". Lengthened to α/ρ, ρ = ‖W‖₁² / (n‖W‖²), whose part along W is W, it reaches {longer.first:.1f} %; with "
        f"norms estimated anew α reaches {again.first:.1f} %, no factor {again.second:.1f} %."
    )
    return Verdict(claim, source, published, f"put in, without training: {_measured(gap)}", ruling, why, gap.based_on)


def input_scale(evidence: Evidence) -> Verdict:
    """Holds where K gains less than 1 point; in part where its gain is within two standard errors of that."""
    claim, source, published = "Leaving out K costs less than 1 %", "section 3.2", "less than 1 % top-1"
    gap = evidence.gap("alexnet", "xnor-k", "xnor") or evidence.judged("input-scale", "with K", "without K")
    if gap is None:
        return _unmeasured(claim, source, published, UNLIKE)
    more = gap.points - 1
    ruling: Ruling = "holds" if more < 0 else "holds in part" if more < 2 * gap.error else "does not hold here"
    why = _three(
        gap,
        "K gains beyond two standard errors, but less than 1 point.",
        "What K changes is within two standard errors.",
        "K even loses, beyond two standard errors.",
    )
    if more >= 0:
        beyond = "and beyond" if ruling == "does not hold here" else "but not beyond"
        why = f"K gains 1 point or more, {beyond} two standard errors of that."
    return Verdict(claim, source, published, f"with K {_measured(gap)}", ruling, why, gap.based_on)


def block_order(evidence: Evidence) -> Verdict:
    """Holds where norm, sign, conv, pool gains 10 points; in part where it gains beyond two standard errors."""
    claim = "Norm and sign belong before the convolution, the pool behind it"
    orders = ("block order norm, sign, conv, pool", "block order conv, norm, sign, pool")
    published = published_top1("AlexNet", "xnor", orders[0]), published_top1("AlexNet", "xnor", orders[1])
    note = "of nine signs a maximum keeps no more than whether one is +1."
    missing = "`xnorlab ablate run order` is not recorded."
    return _gain(claim, "Table 3b", published, evidence.judged("order", "B A C P", "C B A P"), 10, note, missing)


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


__all__ = ["CLAIMS", "RULINGS", "Ruling", "Verdict", "judge"]
