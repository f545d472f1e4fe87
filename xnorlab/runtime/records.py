"""The records that a network returns: its answers for a picture, and the figures of its layers."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from xnorlab.runtime.ops.base import Shape


@dataclass(frozen=True)
class Prediction:
    """One class with its probability for one picture.

    Attributes:
        label: name of the class.
        probability: in [0, 1].
        index: of the class among the logits.
    """

    label: str
    probability: float
    index: int


class Answer(list[Prediction]):
    """The classes of one picture, most probable first, and whether the network knows what the picture shows.

    Args:
        predictions: in their order.
        score: see `unknown_score`.
        is_unknown: see the attribute.

    Attributes:
        unknown_score: what the network's `UnknownRule` makes of the picture; None for a network without one.
        is_unknown: whether that score is below the threshold: the picture shows none of the classes, perhaps. None for
            a network that was never calibrated.
    """

    def __init__(
        self, predictions: Iterable[Prediction] = (), score: float | None = None, is_unknown: bool | None = None
    ):
        super().__init__(predictions)
        self.unknown_score, self.is_unknown = score, is_unknown


@dataclass(frozen=True)
class LayerSummary:
    """The figures of one op, for one picture of the network's own input shape.

    Attributes:
        name: of the op.
        kind: of the op.
        output_shape: without the batch.
        weight_bits: of one weight in the file, 1, 2, 16 or 32; 0 without weights.
        binary_macs: multiply-adds of signs.
        float_macs: multiply-adds with a real factor, whatever the weights are.
        weight_bytes: of all its tensors in the file.
        resident_bytes: of all its arrays in memory.
    """

    name: str
    kind: str
    output_shape: Shape
    weight_bits: int
    binary_macs: int
    float_macs: int
    weight_bytes: int
    resident_bytes: int


def softmax(logits: np.ndarray) -> np.ndarray:
    """The probabilities, float64 (N, classes), of logits (N, classes): each exponential over their sum."""
    # The largest logit is taken off first, so that no exponential overflows.
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=1, keepdims=True)
