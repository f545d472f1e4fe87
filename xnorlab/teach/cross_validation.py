"""How well a classifier of few photos does on photos that it has not seen: nested cross-validation."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnorlab.teach import linear_classifier


@dataclass(frozen=True)
class CrossValidation:
    """The answers to photos that were left out while the classifier, with all its choices, was learnt from the others.

    Attributes:
        logits: float64 (n, classes), of each photo when it was left out.
        targets: int64 (n,), what the photos show.
    """

    logits: np.ndarray
    targets: np.ndarray

    @property
    def answers(self) -> np.ndarray:
        """int64 (n,), the likeliest class of each photo."""
        return self.logits.argmax(axis=1)

    @property
    def probabilities(self) -> np.ndarray:
        """float64 (n, classes), the softmax of `logits`."""
        powers = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    @property
    def wrong(self) -> np.ndarray:
        """Indices of the photos with a wrong answer, the surest mistake first."""
        indices = np.flatnonzero(self.answers != self.targets)
        return indices[np.argsort(-self.probabilities.max(axis=1)[indices], kind="stable")]

    @property
    def accuracy(self) -> float:
        """The share of photos with the right answer, 0 to 1."""
        return float((self.answers == self.targets).mean())

    @property
    def error(self) -> float:
        """The standard error of `accuracy` that comes from the number of photos alone.

        Two right and two wrong answers are added (Agresti and Coull 1998), so that it is not 0 where all are right.
        """
        count = len(self.targets)
        share = (self.accuracy * count + 2) / (count + 4)
        return math.sqrt(share * (1 - share) / (count + 4))

    @property
    def confusion(self) -> np.ndarray:
        """int64 (classes, classes): how many photos of the row's class got the column's answer."""
        table = np.zeros((self.logits.shape[1],) * 2, np.int64)
        np.add.at(table, (self.targets, self.answers), 1)
        return table


def cross_validate(
    views: np.ndarray, targets: np.ndarray, report: Callable[[float], None] = lambda share: None
) -> CrossValidation:
    """Leave out each part of the photos once, and answer it by what `linear_classifier.fit` learns from the others.

    Args:
        views: float32 (V, N, F), see `linear_classifier.fit`.
        targets: int64 (N,), class numbers from 0, at least three photos of each.
        report: called after each part with the share that is done.
    """
    logits = np.empty((len(targets), int(targets.max()) + 1))
    parts = linear_classifier.folds(targets)
    for done, (learnt, left_out) in enumerate(parts, start=1):
        logits[left_out] = linear_classifier.fit(views[:, learnt], targets[learnt]).logits(views[0, left_out])
        report(done / len(parts))
    return CrossValidation(logits, targets)
