"""What became of one claim."""

from dataclasses import dataclass
from typing import Literal

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


def unmeasured(claim: str, source: str, published: str, why: str) -> Verdict:
    """The verdict on a claim that nothing measured speaks of; `why` says what is missing."""
    return Verdict(claim, source, published, "–", "not measured yet", why)
