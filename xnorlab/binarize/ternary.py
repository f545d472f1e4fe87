"""Ternary weights W ≈ γ·T with T in {−1, 0, +1}: BitNet b1.58's round-clip, and Ternary Weight Networks' threshold.

Both take T = sign(W) where |W| > Δ and 0 elsewhere. They differ in Δ and in the scale.
"""

import torch
from torch import Tensor

from xnorlab.binarize.weight_scale import WeightBinarizer, per_filter, weight_scale


def ternary(w: Tensor, threshold: Tensor) -> Tensor:
    """T = sign(W)·1[|W| > Δ], without a gradient.

    Args:
        w: (N, ...) real weights.
        threshold: Δ >= 0, (N,), one per filter.

    Returns:
        −1, 0 and +1, in the shape and dtype of `w`.
    """
    w = w.detach()
    return torch.sign(w) * (w.abs() > per_filter(threshold.detach(), w))


class TernaryBinarizer(WeightBinarizer):
    """Weights of a ternary layer: W̃ = scale(W) · signs(W), where `signs` gives −1, 0 and +1.

    The gradient goes straight through: ∂C/∂W := ∂C/∂W̃, for every weight and without a part through the scale. Both
    papers train so (BitNet, Wang et al. 2023, section 2.2; Ternary Weight Networks, section 2, after BinaryConnect).
    """

    gives_zeros = True
    threshold_ratio: float
    """Δ over mean|W|."""

    def threshold(self, w: Tensor) -> Tensor:
        """Δ of each filter: (N, ...) real → (N,)."""
        return self.threshold_ratio * weight_scale(w.detach())

    def scale(self, w: Tensor) -> Tensor:
        """One factor per filter: (N, ...) real → (N,), without a gradient."""
        raise NotImplementedError

    def signs(self, w: Tensor) -> Tensor:
        """T: (N, ...) real → −1, 0 and +1, same shape, without a gradient."""
        return ternary(w, self.threshold(w))

    def forward(self, w: Tensor) -> Tensor:
        """scale(w) · signs(w), with the straight-through gradient: (N, ...) real → the ternary weights, same shape."""
        # w − w is exactly 0: only the gradient is taken from it.
        return self.signs(w) * per_filter(self.scale(w), w) + (w - w.detach())


class AbsMeanTernary(TernaryBinarizer):
    """Weight binarizer γ·RoundClip(W/γ, −1, 1) with γ = mean|W|: BitNet b1.58.

    γ is XNOR-Net's α. Rounding to the nearest of −1, 0 and +1, with ties to even, is the threshold Δ = γ/2. To compare
    with γ/2 is exact, and a filter of zeros stays one without BitNet's ε in the division.
    Source: The Era of 1-bit LLMs (Ma et al. 2024), section 2, equations 1 to 3.

    Args:
        per_tensor: one γ for all filters, as BitNet b1.58 has; otherwise one per filter, as XNOR-Net has.
    """

    threshold_ratio = 0.5

    def __init__(self, *, per_tensor: bool = False):
        super().__init__()
        self.per_tensor = per_tensor

    def threshold(self, w: Tensor) -> Tensor:
        """γ/2 of each filter: (N, ...) real → (N,)."""
        return self.threshold_ratio * self.scale(w)

    def scale(self, w: Tensor) -> Tensor:
        """γ = mean|W| of each filter, or of all of them: (N, ...) real → (N,)."""
        scale = weight_scale(w.detach())
        return scale.mean().expand_as(scale).contiguous() if self.per_tensor else scale

    def extra_repr(self) -> str:
        """Arguments that print(model) shows."""
        return f"per_tensor={self.per_tensor}"


class ThresholdTernary(TernaryBinarizer):
    """Weight binarizer α·T with Δ = 0.7·mean|W| and α = mean of |W| over |W| > Δ, one of each per filter.

    For its Δ this α minimises ‖W − αT‖², as XNOR-Net's does for signs, and 0.7 is near the best Δ for normal and for
    uniform weights. Source: Ternary Weight Networks (Li, Zhang, Liu 2016), section 2.
    """

    threshold_ratio = 0.7

    def scale(self, w: Tensor) -> Tensor:
        """α of each filter, 0 for a filter of zeros: (N, ...) real → (N,)."""
        kept = self.signs(w).abs().flatten(1)
        return (w.detach().abs().flatten(1) * kept).sum(1) / kept.sum(1).clamp(min=1)
