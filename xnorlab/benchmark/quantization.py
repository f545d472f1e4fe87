"""Eight-bit numbers as int8 kernels take them: inputs on 256 levels, weights on 255 or 127 with a step a filter.

The usual post-training quantization (Jacob et al. 2018, section 2): ranges are minimum and maximum of what is seen.
"""

from dataclasses import dataclass

import numpy as np

LARGEST = 127
"""Largest rounded weight; −128 is left out so that a filter and its negative round alike."""

HALF_RANGE = 63
"""The same with seven bits. Processors without VNNI add two products of an input and a weight in 16 bits (vpmaddubsw),
and only with these weights no such sum is cut off: 2 · 255 · 63 < 2¹⁵. OpenVINO's quantizer (NNCF, `OverflowFix`) gives
them to the first convolution of a network unless told otherwise, whatever processor it runs on."""


@dataclass(frozen=True)
class Grid:
    """256 equally spaced values from `low` to `high`, of which 0 is one."""

    low: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Grid":
        """The finest such grid that holds every one of `values`, apart from half a step where 0 had to be moved."""
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        step = (high - low) / 255 or 1.0
        zero = round(-low / step)
        return cls(-zero * step, (255 - zero) * step)

    def round(self, values: np.ndarray) -> np.ndarray:
        """The nearest point of the grid for each of `values`, float32."""
        step = (self.high - self.low) / 255
        levels = np.clip(np.rint((values - np.float32(self.low)) / np.float32(step)), 0, 255)
        return (levels * np.float32(step) + np.float32(self.low)).astype(np.float32)


def round_weight(weight: np.ndarray, axis: int = 0, largest: int = LARGEST) -> tuple[np.ndarray, np.ndarray]:
    """(int8 of weight's shape, float32 steps): weight ≈ int8 · step, a step for every index of `axis`.

    The steps have weight's number of axes, 1 long but along `axis`. largest: LARGEST or HALF_RANGE.
    """
    others = tuple(i for i in range(weight.ndim) if i != axis)
    step = np.abs(weight).max(axis=others, keepdims=True) / np.float32(largest)
    step = np.where(step == 0, np.float32(1), step)
    return np.rint(weight / step).astype(np.int8), step
