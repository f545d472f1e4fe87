"""What a network says about a picture, and about itself."""

from dataclasses import dataclass

import numpy as np

from xnorlab.runtime.ops.base import Shape


@dataclass(frozen=True)
class Prediction:
    """One answer: the class `label`, its `probability` in [0, 1], its `index` among the logits."""

    label: str
    probability: float
    index: int


@dataclass(frozen=True)
class LayerSummary:
    """One op in figures, for one picture of the network's own input shape.

    output_shape: without the batch. weight_bits: of one weight in the file, 1, 16 or 32; 0 without weights.
    binary_macs: multiply-adds of signs; float_macs: those with a real factor, binary weights or not.
    weight_bytes: of all its tensors in the file. resident_bytes: of all its arrays in memory.
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
    """Probabilities, float64 (N, classes), of logits (N, classes): their exponentials over the sum of these."""
    # The largest logit is taken off first, so that no exponential overflows.
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=1, keepdims=True)
