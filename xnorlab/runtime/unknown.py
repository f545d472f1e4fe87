"""Whether a network knows what a picture shows: a score of its logits, and the threshold below which it refuses.

A classifier names one of its classes whatever it is shown. The scores are those of Hendrycks and Gimpel 2017 (maximum
softmax), Hendrycks et al. 2022 (maximum logit) and Liu et al. 2020 (energy). The threshold comes from a calibration
with pictures of other classes (`xnorlab zoo calibrate`).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

SCORES = ("softmax", "logit", "energy")
"""Names of the scores; each is larger the surer the network is that the picture shows one of its classes."""


@dataclass(frozen=True)
class UnknownRule:
    """The rule by which a network refuses pictures of none of its classes: score < threshold.

    With logits z and temperature T, "softmax" is max softmax(z/T), "energy" is T·log Σ exp(z/T), and "logit" is max z.

    Args:
        score: one of SCORES.
        temperature: T, above 0; 1 for "logit", which has none.
        threshold: finite; pictures with a lower score are refused.

    Raises:
        ValueError: a field is outside of its range.
    """

    score: str
    temperature: float
    threshold: float

    def __post_init__(self):
        if self.score not in SCORES:
            raise ValueError(f"score={self.score!r} must be one of {', '.join(SCORES)}")
        for name in ("temperature", "threshold"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"{name}={value!r} must be a finite number")
        if not 0.01 <= self.temperature <= 100:
            raise ValueError(f"temperature={self.temperature!r} must be from 0.01 to 100")
        if self.score == "logit" and self.temperature != 1:
            raise ValueError(f"temperature={self.temperature!r} must be 1 for the score 'logit'")

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """The score of each picture, float64 (N,).

        Args:
            logits: (N, classes), at least one class.
        """
        scaled = logits.astype(np.float64) / self.temperature
        top = scaled.max(axis=1)
        if self.score == "logit":
            return top
        # Relative to the largest logit, so that no exponential overflows.
        rest = np.exp(scaled - top[:, None]).sum(axis=1)
        return 1 / rest if self.score == "softmax" else self.temperature * (top + np.log(rest))

    def to_dict(self) -> dict[str, Any]:
        """The fields as values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> "UnknownRule":
        """The rule of a packed file's header.

        Raises:
            ValueError: a field is missing, unknown or outside of its range.
        """
        expected = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != expected:
            raise ValueError(f"unknown={values!r} must have exactly the fields {', '.join(sorted(expected))}")
        return cls(**values)
