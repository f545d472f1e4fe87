"""What the XNOR-Net paper predicts: operations, memory, speed-up. Nothing here is measured; see also `published`.

Source of every formula and table unless a row says otherwise: Rastegari, Ordonez, Redmon, Farhadi, "XNOR-Net",
ECCV 2016, arXiv 1603.05279. A MAC is one multiply and one add.
"""

from dataclasses import dataclass

from xnorlab.conventions import WORD_BITS, n_words


def predicted_speedup(channels: int, kernel_area: int) -> float:
    """The speed-up S that the paper predicts: S = 64·c·N_W / (c·N_W + 64), section 4.1.

    Real operations over binary ones, 64 of which cost one instruction. The 64 in the denominator is one real
    multiplication by α per output value. S depends neither on the size of the feature map nor on the number of filters.
    It is 62.27 at c = 256 and a 3 × 3 kernel. The formula leaves out packing, memory, and that a CPU also multiplies
    many floats in one instruction.

    Args:
        channels: c, at least 1.
        kernel_area: N_W = kernel height × kernel width, at least 1.

    Raises:
        ValueError: An argument is not an integer of at least 1.
    """
    _check_positive(channels=channels, kernel_area=kernel_area)
    work = channels * kernel_area
    return WORD_BITS * work / (work + WORD_BITS)


def predicted_speedup_in_words(channels: int, kernel_area: int) -> float:
    """The predicted speed-up where the channels of each pixel fill whole words: c·N_W / (⌈c/64⌉·N_W + 1).

    In memory 65 channels cost as much as 128. Equal to `predicted_speedup` where 64 divides c.

    Args:
        channels: c, at least 1.
        kernel_area: N_W = kernel height × kernel width, at least 1.

    Raises:
        ValueError: An argument is not an integer of at least 1.
    """
    _check_positive(channels=channels, kernel_area=kernel_area)
    return channels * kernel_area / (n_words(channels) * kernel_area + 1)


@dataclass(frozen=True)
class WeightMemory:
    """Memory of the weights of one layer.

    Attributes:
        float32_bytes: Real weights, 4 bytes each.
        packed_bytes: Binary weights, one bit each in whole words per filter position, and one float32 α per filter.
    """

    float32_bytes: int
    packed_bytes: int


def weight_memory(channels: int, filters: int, kernel_area: int) -> WeightMemory:
    """Bytes of the weights of a convolution, real and binary; a dense layer has the kernel area 1.

    With whole words a filter of n weights takes 32·n / (n + 32) times less memory in binary form.

    Args:
        channels: Input channels, at least 1.
        filters: Filters, at least 1.
        kernel_area: Kernel height × kernel width, at least 1.

    Raises:
        ValueError: An argument is not an integer of at least 1.
    """
    _check_positive(channels=channels, filters=filters, kernel_area=kernel_area)
    return WeightMemory(
        float32_bytes=4 * filters * kernel_area * channels,
        packed_bytes=filters * (8 * kernel_area * n_words(channels) + 4),
    )


MEMORY_RATIO = 32.0
"""Bits of a float32 weight over the one bit of a binary weight: the paper's headline, without α and real layers."""


def _check_positive(**values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or value < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"{name}={value!r} must be an integer of at least 1")


PUBLISHED_SPEEDUP = 58.0
"""The speed-up that the authors measured on a CPU, "excluding memory allocation and memory access" (section 4.1).

The formula gives 62.27 for that layer. They compare counts of high-precision operations."""
