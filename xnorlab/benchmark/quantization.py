"""Quantization to eight bits for int8 kernels: inputs on 256 levels, weights on 255 or 127 with one step per filter.

It is the usual post-training quantization (Jacob et al. 2018, section 2): the range of values is from the smallest to
the largest that occurs.
"""

from dataclasses import dataclass

import numpy as np

LARGEST = 127
"""Largest rounded weight of eight bits; −128 is not used, so that a filter and its negative are rounded alike."""

HALF_RANGE = 63
"""Largest rounded weight of seven bits.

Processors without VNNI add two products of an input and a weight in 16 bits (vpmaddubsw). Only with weights of this
range does no such sum saturate: 2 · 255 · 63 < 2¹⁵. OpenVINO's quantizer (NNCF, `OverflowFix`) uses the range for the
first convolution of a network by default, on every processor.
"""


@dataclass(frozen=True)
class Grid:
    """A grid of 256 equally spaced values from `low` to `high`, one of which is 0."""

    low: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Grid":
        """Return the finest grid whose range holds all `values`, to within the half step that puts 0 on the grid."""
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        step = (high - low) / 255 or 1.0
        zero = round(-low / step)
        return cls(-zero * step, (255 - zero) * step)

    def round(self, values: np.ndarray) -> np.ndarray:
        """Round each of `values` to the nearest point of the grid, as float32."""
        step = (self.high - self.low) / 255
        levels = np.clip(np.rint((values - np.float32(self.low)) / np.float32(step)), 0, 255)
        return (levels * np.float32(step) + np.float32(self.low)).astype(np.float32)


def round_weight(weight: np.ndarray, axis: int = 0, largest: int = LARGEST) -> tuple[np.ndarray, np.ndarray]:
    """Round a weight to eight bits: weight ≈ rounded · step.

    Args:
        weight: Real values of any shape.
        axis: Axis of the filters; each index has a step of its own.
        largest: Largest rounded value, LARGEST or HALF_RANGE.

    Returns:
        The rounded weight, int8 of the same shape, and the steps, float32, of length 1 along all axes but `axis`.
    """
    others = tuple(i for i in range(weight.ndim) if i != axis)
    step = np.abs(weight).max(axis=others, keepdims=True) / np.float32(largest)
    step = np.where(step == 0, np.float32(1), step)
    return np.rint(weight / step).astype(np.int8), step
