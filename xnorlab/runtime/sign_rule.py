"""The sign that a packed layer takes of its input: one comparison per channel."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from xnorlab.runtime.ops import BinaryConv, BinaryLinear, Sign


@dataclass(frozen=True, eq=False)
class SignRule:
    """The sign of a map: +1 where (x >= threshold) differs from flip.

    A norm and a learned shift ahead of the sign are in these numbers.

    Attributes:
        threshold: float32 (C,), 0 where the layer has none; ±inf for a channel that is constant.
        flip: bool (C,).
    """

    threshold: np.ndarray
    flip: np.ndarray

    @classmethod
    def of(cls, op: BinaryConv | BinaryLinear | Sign, channels: int) -> Self:
        """The rule by which `op` takes the sign of its input, which has so many channels."""
        threshold = np.zeros(channels, np.float32) if op.threshold is None else op.threshold
        return cls(threshold, np.zeros(channels, bool) if op.flip is None else op.flip)

    def signs(self, x: np.ndarray) -> np.ndarray:
        """The signs, int8 ±1, of x (…, C); NaN lies below every threshold."""
        with np.errstate(invalid="ignore"):
            return np.where((x >= self.threshold) ^ self.flip, np.int8(1), np.int8(-1))

    def margin(self, x: np.ndarray) -> np.ndarray:
        """How far x (…, C) lies on the side of +1: x − threshold, negated where flip; at 0 the bit turns."""
        return np.where(self.flip, self.threshold - x, x - self.threshold)
