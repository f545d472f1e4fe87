"""Conventions that all packages share: signs, bits, words, padding and output sizes.

- sign(0) = +1, and sign(−0.0) = +1: the rule is x >= 0.
- Bit 1 means +1, bit 0 means −1.
- 64 channels share one unsigned 64-bit word; channel 0 sits in bit 0. The unused high bits of the last word
  of a pixel ("tail bits") are 0 on both sides of an XOR, so that they never count.
- Feature maps of the runtime are (batch, height, width, channels), "NHWC"; those of torch are NCHW.
"""

WORD_BITS = 64
"""Channels in one packed word."""

PAD_VALUES = (-1, 0, 1)
"""Values that a padded border may hold once activations are signs."""

EXACT_SUMS = 1 << 24
"""Every integer up to this one is a float32."""

PICTURE_STEPS = 64
"""Values of a network's pictures are multiples of 1/64, see `images.preprocessing.Preprocessing`."""

PICTURE_LIMIT = 128
"""Largest |value|·64 in a picture: |0 − 128|."""

Size = int | tuple[int, int]
"""A size along both axes, or (vertical, horizontal)."""


def n_words(channels: int) -> int:
    """The number of 64-bit words that hold `channels` bits."""
    return -(-channels // WORD_BITS)


def times_smaller(float32_bytes: float, stored_bytes: float) -> float:
    """How many times smaller numbers are as they are stored than in float32: the one ratio of bytes stated anywhere.

    Args:
        float32_bytes: four bytes for each number, and for each bit that stands for a number.
        stored_bytes: of the packed file, or of the part of it that is meant, above 0.
    """
    return float32_bytes / stored_bytes


def pair(value: Size, name: str, minimum: int) -> tuple[int, int]:
    """`value` as (vertical, horizontal); raises ValueError where it is below `minimum` or not one or two ints."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2 or not all(isinstance(v, int) and v >= minimum for v in values):  # pyright: ignore
        raise ValueError(f"{name}={value!r} must be an int or two ints, each at least {minimum}")
    return values[0], values[1]


def output_size(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """The output length of a convolution or pool along one axis, ⌊(size + 2·padding − reach) / stride⌋ + 1.

    reach = dilation·(kernel − 1) + 1. Raises ValueError where the window does not fit the padded input.
    """
    reach = dilation * (kernel - 1) + 1
    if size + 2 * padding < reach:
        raise ValueError(
            f"kernel={kernel} with dilation={dilation} reaches {reach}, more than the padded input size "
            f"{size} + 2·{padding}"
        )
    return (size + 2 * padding - reach) // stride + 1


def output_size_rounded_up(size: int, kernel: int, stride: int, padding: int) -> int:
    """The output length of a pool along one axis under torch's ceil_mode: a last window may reach beyond the border.

    ⌈(size + 2·padding − kernel) / stride⌉ + 1, less one where the last window would begin behind the map. Raises
    ValueError where no window fits the padded input.
    """
    windows = output_size(size, kernel, stride, padding)
    left = (size + 2 * padding - kernel) % stride
    return windows + 1 if left and windows * stride < size + padding else windows
