"""Why packed weights with real inputs save bytes and hardly any time, in words that follow from what was measured."""

from shared.notices import NOISY
from xnorlab import units

WIDENED = {1: "from one bit to ±1", 2: "from two bits to −1, 0 and +1"}
"""What the kernel does to a packed weight, by its bits."""


def only_weights_are_packed(label: str, bits: int, speed_up: float, spread: float) -> str:
    """What binary or ternary weights do for the time, a sentence or two of Markdown.

    Args:
        label: How the scheme is written.
        bits: Of one weight, 1 or 2.
        speed_up: How many times as fast as full precision it was.
        spread: The larger quartile range over the median of the two; beyond NOISY the ratio says nothing.
    """
    as_fast = f"{units.times(speed_up)} as fast as full precision"
    found = f"about {as_fast}"
    if spread > NOISY:
        found = f"{as_fast}, while something else kept this machine busy: run again before you trust it"
    elif speed_up >= 1.1:
        found = f"{as_fast}, since fewer bytes of weights are read"
    elif speed_up <= 0.9:
        found = f"only {as_fast}: here the widening takes longer than the bytes that it spares"
    return (
        f"**{label} saves bytes rather than time.** Its inputs stay real, so that each product is still an addition of "
        f"floats, which no XOR and count can do. The kernel widens a block of weights {WIDENED[bits]} in the cache "
        f"and multiplies as it does real ones. Measured here: {found}."
    )
