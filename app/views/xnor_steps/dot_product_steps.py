"""The steps of a dot product of signs, in the paper's form or the kernel's: which there are and what each means."""

from views.xnor_steps.bits_board import Row
from xnorlab.paper.dot_product import Meeting

FORMS = {"xnor": "XNOR, as in the paper", "xor": "XOR, as in the kernel"}

Step = tuple[int, str]
"""(word, stage); the last step is (-1, "result")."""


def plan(met: Meeting, form: str) -> list[Step]:
    """Every step in order."""
    stages = ["xor", "count"] if form == "xor" else ["xnor", "mask", "count"] if met.tail else ["xnor", "count"]
    return [(word, stage) for word in range(len(met.words)) for stage in stages] + [(-1, "result")]


def rows(met: Meeting, form: str) -> list[Row]:
    """The rows that the processor makes under the two that are given."""
    if form == "xor":
        return [Row("xor", "XOR", tuple(word.xor for word in met.words))]
    made = [Row("xnor", "XNOR", tuple(word.xnor for word in met.words), counts=not met.tail)]
    if met.tail:
        made.append(Row("mask", "mask", tuple(word.mask for word in met.words), counts=False))
        made.append(Row("mask", "both", tuple(word.agreeing for word in met.words)))
    return made


def counts(met: Meeting, form: str) -> tuple[int, ...]:
    """What popcount gives, word by word."""
    return met.differing if form == "xor" else met.agreeing


def value(met: Meeting, form: str) -> int:
    """The dot product by this form."""
    return met.from_xor if form == "xor" else met.from_xnor


def sentence(met: Meeting, form: str, step: Step | None) -> str:
    """What happens at `step`, or what there is before the first."""
    n, found = met.n, counts(met, form)
    if step is None:
        words = "one word" if len(met.words) == 1 else f"{len(met.words)} words"
        return f"{n} signs a vector, packed into {words} of {met.bits} bits."
    word, stage = step
    if stage == "xor":
        return f"Word {word}, **XOR**: 1 where the bits differ, where the product is −1. One instruction."
    if stage == "xnor":
        return f"Word {word}, **XNOR**: 1 where the bits agree, where the product is +1. {met.bits} products at once."
    if stage == "mask" and word < len(met.words) - 1:
        return f"Word {word}, **mask**: the word is full, there is nothing to clear."
    if stage == "mask":
        return (
            f"Word {word}, **mask**: {met.tail} bits of the tail stand for no channel, yet they agree, 0 with 0. The "
            "mask clears them."
        )
    if stage == "count":
        return f"Word {word}, **popcount**: {found[word]} ones; {sum(found[: word + 1])} so far."
    if form == "xor":
        return f"**n − 2·popcount** = {n} − 2·{sum(found)} = **{met.from_xor}**: each pair that differs takes 2 away."
    return f"**2·popcount − n** = 2·{sum(found)} − {n} = **{met.from_xnor}**: what agrees less what does not."
