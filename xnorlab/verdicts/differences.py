"""The rules that judge a difference in accuracy: a loss, a gain, a margin.

Thresholds are in points of top-1, and a difference counts only beyond two standard errors.
"""

from dataclasses import replace

from xnorlab import units
from xnorlab.verdicts.evidence import DATASET, Evidence, Gap, published_top1
from xnorlab.verdicts.verdict import Ruling, Verdict, unmeasured

UNLIKE = "The two networks are not shipped, or not with one recipe and the same pictures."
SAME = 1.0
"""Points of top-1 that "as accurate as" allows."""
ABSORBED = "a norm follows every convolution and can absorb any factor per filter."


def _gap_text(points: float, first: float, second: float) -> str:
    """A difference of published accuracies in words."""
    return f"{units.points(points)} points ({first} against {second} %)"


def measured(gap: Gap) -> str:
    """A measured difference in words, with the network and the data set."""
    return f"{gap}, {gap.network}, on {gap.data}"


def by_direction(gap: Gap, better: str, same: str, worse: str) -> str:
    """The sentence for a difference beyond two standard errors, for none, and for one the other way round."""
    return {1: better, 0: same, -1: worse}[gap.direction]


def at_most(
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
        return unmeasured(claim, source, published, UNLIKE)
    allowed = max(real - binary, SAME)
    more = -gap.points - allowed
    ruling: Ruling = "holds" if more <= 0 else "holds in part" if more <= 2 * gap.error else "does not hold here"
    if ruling == "holds":
        why = by_direction(
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
    return Verdict(claim, source, published, measured(gap), ruling, why, gap.based_on)


def graded(gap: Gap, wanted: float) -> tuple[Ruling, str]:
    """The ruling on a gain, and the start of a sentence: holds from `wanted` points on, in part where there is any."""
    if gap.direction > 0:
        short = gap.points < wanted
        less = f", but less than {wanted:g} points" if short else ""
        return "holds in part" if short else "holds", f"A gain beyond two standard errors{less}"
    none, worse = (
        "No difference shows beyond two standard errors",
        "The other way round here, beyond two standard errors",
    )
    return "does not hold here", by_direction(gap, "", none, worse)


def gain(
    claim: str, source: str, published: tuple[float, float], gap: Gap | None, wanted: float, note: str, missing: str
) -> Verdict:
    """Judge a gain between two AlexNets by `graded`.

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
        return unmeasured(claim, source, theirs, missing)
    ruling, why = graded(gap, wanted)
    return Verdict(claim, source, theirs, measured(gap), ruling, f"{why}; {note}", gap.based_on)


def margin(evidence: Evidence, claim: str, ours: str, theirs: str, sums: str, bare: tuple[str, str]) -> Verdict:
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
    verdict = gain(claim, "abstract, Table 1", published, evidence.gap("alexnet", ours, theirs), 16, ABSORBED, UNLIKE)
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
