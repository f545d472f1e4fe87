"""The steps of a dot product of signs, in the paper's form or the kernel's: their order and what each does."""

from views.xnor_steps.bits_board import Row
from xnorlab.paper.dot_product import PackedPair

FORMS = {"xnor": "XNOR, as in the paper", "xor": "XOR, as in the kernel"}
FORMULAS = {"xnor": "2·popcount − n", "xor": "n − 2·popcount"}

Step = tuple[int, str]
"""(word, stage); the last step is (-1, "result")."""


def plan(pair: PackedPair, form: str) -> list[Step]:
    """Every step in order."""
    stages = ["xor", "count"] if form == "xor" else ["xnor", "mask", "count"] if pair.tail else ["xnor", "count"]
    return [(word, stage) for word in range(len(pair.words)) for stage in stages] + [(-1, "result")]


def rows(pair: PackedPair, form: str) -> list[Row]:
    """The rows of bits that the processor computes from those of x and w."""
    if form == "xor":
        return [Row("xor", "XOR", tuple(word.xor for word in pair.words))]
    computed = [Row("xnor", "XNOR", tuple(word.xnor for word in pair.words), counts=not pair.tail)]
    if pair.tail:
        computed.append(Row("mask", "mask", tuple(word.mask for word in pair.words), counts=False))
        computed.append(Row("mask", "both", tuple(word.agreeing for word in pair.words)))
    return computed


def counts(pair: PackedPair, form: str) -> tuple[int, ...]:
    """The popcount of each word."""
    return pair.differing if form == "xor" else pair.agreeing


def value(pair: PackedPair, form: str) -> int:
    """The dot product by this form."""
    return pair.from_xor if form == "xor" else pair.from_xnor


def sentence(pair: PackedPair, form: str, step: Step | None) -> str:
    """What happens at `step` as Markdown; None: what there is before the first."""
    n, ones = pair.n, counts(pair, form)
    if step is None:
        words = "one word" if len(pair.words) == 1 else f"{len(pair.words)} words"
        return f"{n} signs per vector, packed into {words} of {pair.bits} bits."
    word, stage = step
    if stage == "xor":
        return f"Word {word}, **XOR**: 1 where the bits differ, where the product is −1. One instruction."
    if stage == "xnor":
        return f"Word {word}, **XNOR**: 1 where the bits agree, where the product is +1. {pair.bits} products at once."
    if stage == "mask" and word < len(pair.words) - 1:
        return f"Word {word}, **mask**: the word is full, there is nothing to clear."
    if stage == "mask":
        return (
            f"Word {word}, **mask**: {pair.tail} bits of the tail stand for no channel, yet they agree, 0 with 0. The "
            "mask clears them."
        )
    if stage == "count":
        return f"Word {word}, **popcount**: {ones[word]} ones; {sum(ones[: word + 1])} so far."
    if form == "xor":
        return f"**n − 2·popcount** = {n} − 2·{sum(ones)} = **{pair.from_xor}**: each pair that differs takes 2 away."
    return (
        f"**2·popcount − n** = 2·{sum(ones)} − {n} = **{pair.from_xnor}**: the pairs that agree less those that differ."
    )
