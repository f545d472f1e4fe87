"""The contestants that compute the logits of a network, and the comparison of their logits."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import numpy as np

from xnorlab.benchmark.contest import OursIsWrongError, Ready
from xnorlab.benchmark.timing import BenchmarkError

LOGIT_TOLERANCE = 1e-3
"""Largest difference between two engines' logits of one network, in units of the largest logit if that is above 1."""

Answer = Literal["float", "signs", "int8"]
"""What a contestant computes.

- "float": the network itself.
- "signs": the network itself, where real sums are followed by a sign. Engines add in different orders, and a sum that
  rounding moves to the other side of its threshold flips a sign.
- "int8": the network rounded to eight bits, whose logits differ and stay near.
"""

DEVIATIONS: dict[Answer, float] = {"signs": 0.05, "int8": 0.15}
"""Largest norm of the difference of logits over their norm. Measured with random weights: 0.02 to 0.06 for int8."""


@dataclass(frozen=True)
class NetworkContestant:
    """A contestant that computes the logits (N, classes) of a network.

    Attributes:
        name: Its name in results.
        about: What it is, in a few words.
        of: The name of the network; contestants of one network must agree on its logits.
        prepare: Prepares it for inputs, float32 (N, H, W, 3), and a number of threads; see `contest.Entrant`.
        computes: How closely its logits must agree; see `Answer`.
        ours: Whether the layers of xnorlab compute it, so that other logits are a bug of xnorlab.
    """

    name: str
    about: str
    of: str
    prepare: Callable[[np.ndarray, int], AbstractContextManager[Ready]]
    computes: Answer = "float"
    ours: bool = False


class LogitCheck:
    """Compares the logits of all contestants with the first ones for the same network, which are this runtime's.

    Attributes:
        deviations: By contestant, the norm of the difference of its last logits over the norm of the first ones.
    """

    def __init__(self):
        self.deviations: dict[str, float] = {}
        self._first: dict[str, np.ndarray] = {}
        self._others: dict[str, list[tuple[str, np.ndarray]]] = {}

    def check(self, contestant: NetworkContestant, logits: np.ndarray) -> None:
        """Compare the logits of one contestant.

        Raises:
            BenchmarkError: They differ too much from the first ones.
            OursIsWrongError: They differ too much, and xnorlab computed them, or another engine agrees with them.
        """
        name, of = contestant.name, contestant.of
        expected = self._first.setdefault(of, np.array(logits))
        if logits.shape != expected.shape:
            wrong = f"{name} gives logits of shape {logits.shape} for {of} instead of {expected.shape}"
            raise (OursIsWrongError if contestant.ours else BenchmarkError)(wrong)
        self.deviations[name] = _deviation(logits, expected)
        if _agree(logits, expected, contestant.computes):
            return
        wrong = (
            f"{name} gives other logits for {of}, {self.deviations[name]:.2g} of their norm away; "
            "its time would mean nothing"
        )
        if contestant.ours:
            raise OursIsWrongError(wrong)
        if contestant.computes == "float":
            others = self._others.setdefault(of, [])
            agreeing = [other for other, theirs in others if other != name and _agree(logits, theirs, "float")]
            if agreeing:
                raise OursIsWrongError(
                    f"{name} and {agreeing[0]} agree on logits for {of} that this runtime does not give; "
                    "its time would mean nothing"
                )
            others.append((name, np.array(logits)))
        raise BenchmarkError(wrong)


def _deviation(logits: np.ndarray, expected: np.ndarray) -> float:
    """Norm of the difference over norm."""
    return float(np.linalg.norm(logits - expected) / max(float(np.linalg.norm(expected)), 1e-30))


def _agree(logits: np.ndarray, expected: np.ndarray, computes: Answer) -> bool:
    if computes == "float":
        limit = LOGIT_TOLERANCE * max(1.0, float(np.abs(expected).max()))
        return bool(np.abs(logits - expected).max() <= limit)
    return _deviation(logits, expected) <= DEVIATIONS[computes]
