"""Binary weights W ≈ α·B: the optimal pair, its error, its exact gradient, and the binarizers that layers take.

A filter is everything but dimension 0 of a weight tensor: (N, C, kh, kw) and (N, F) have N filters.
"""

import torch
from torch import Tensor, nn

from xnorlab.binarize.sign import sign, sign_clipped, stochastic_sign


def _per_filter(scale: Tensor, w: Tensor) -> Tensor:
    return scale.view(-1, *([1] * (w.dim() - 1)))


def weight_scale(w: Tensor) -> Tensor:
    """α = mean|W| of every filter: (N, ...) → (N,), differentiable.

    With B = sign(W) it minimises ‖W − αB‖² (XNOR-Net, section 3.1, eq. 6).
    """
    if w.dim() < 2:
        raise ValueError(f"w has shape {tuple(w.shape)}; a weight needs dimension 0 for filters and at least one more")
    return w.abs().flatten(1).mean(1)


def approximation_error(w: Tensor, scale: Tensor) -> Tensor:
    """‖W − α·sign(W)‖² of every filter for given scales: w (N, ...), scale (N,) or (A, N) → (N,) or (A, N).

    A parabola in α with its lowest point at `weight_scale(w)` (XNOR-Net, section 3.1, eq. 3).
    """
    flat = w.flatten(1)
    squares, sums, count = flat.square().sum(1), flat.abs().sum(1), flat.shape[1]
    return squares - 2 * scale * sums + count * scale.square()


def exact_gradient(w: Tensor, grad: Tensor) -> Tensor:
    """∂C/∂W for W̃ = α·sign(W), given grad = ∂C/∂W̃ of the same shape (N, ...).

    ∂C/∂W_i = (1/n)·sign(W_i)·Σ_j g_j·sign(W_j) + α·g_i·1[|W_i| <= 1]: the derivative through α reaches every
    weight of the filter. The paper prints the element-wise short form g_i·(1/n + α·∂sign) (section 3.1).
    Automatic differentiation through `MeanScale` gives exactly this, but for weights that are exactly 0, where torch
    takes 0 for the slope of |W|; it is written out for teaching and tests.
    """
    s = sign(w)
    along = _per_filter((grad * s).flatten(1).mean(1), w)
    return s * along + _per_filter(weight_scale(w), w) * grad * (w.abs() <= 1)


class WeightBinarizer(nn.Module):
    """What a binary layer asks of its weights: forward = scale · signs.

    `signs(w)` returns ±1 with a straight-through gradient; `scale(w)` a factor a filter (N,), or None for 1.
    `real_in_eval` is True where evaluation uses the real weights (stochastic BinaryConnect).
    """

    real_in_eval = False

    def signs(self, w: Tensor) -> Tensor:
        """w: (N, ...) real; returns −1 and +1 of the same shape."""
        return sign_clipped(w)

    def scale(self, w: Tensor) -> Tensor | None:
        """w: (N, ...) real; returns (N,) or None."""
        return None

    def forward(self, w: Tensor) -> Tensor:
        """w: (N, ...) real; returns the binarized weights, same shape."""
        scale = self.scale(w)
        return self.signs(w) if scale is None else self.signs(w) * _per_filter(scale, w)


class Sign(WeightBinarizer):
    """sign(W), no scale: BinaryConnect (deterministic) and BNN."""


class StochasticSign(WeightBinarizer):
    """Random sign with p(+1) = clip((W + 1)/2, 0, 1) in training; the real weights in evaluation.

    Source: BinaryConnect, sections 2.3 and 2.6 (method 2).
    """

    real_in_eval = True

    def signs(self, w: Tensor) -> Tensor:
        """w: (N, ...) real, meant to lie in [−1, 1]; returns a new draw of −1 and +1 at each call."""
        return stochastic_sign(w)


class MeanScale(WeightBinarizer):
    """α·sign(W) with α = mean|W| a filter: BWN and XNOR-Net (section 3.1).

    detach: treat α as a constant in the gradient, as Bi-Real Net and ReActNet do; otherwise the gradient is exact.
    """

    def __init__(self, *, detach: bool = False):
        super().__init__()
        self.detach = detach

    def scale(self, w: Tensor) -> Tensor:
        """w: (N, ...) real; returns mean|W| of each filter, (N,)."""
        return weight_scale(w.detach() if self.detach else w)

    def extra_repr(self) -> str:
        """Shown in print(model)."""
        return f"detach={self.detach}"


class LearnedScale(WeightBinarizer):
    """a·sign(W) with a learned factor a filter (the ablation of XNOR-Net's Table 3a). out_channels: N."""

    def __init__(self, out_channels: int):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(out_channels))

    def scale(self, w: Tensor) -> Tensor:
        """w: (N, ...) real; returns the learned (N,)."""
        return self.factor


def clip_latent_(w: Tensor, limit: float = 1.0) -> Tensor:
    """Clip latent weights to [−limit, limit] in place (BinaryConnect, section 2.4); returns w."""
    with torch.no_grad():
        return w.clamp_(-limit, limit)


def centre_latent_(w: Tensor) -> Tensor:
    """Subtract each filter position's mean over the input channels (dimension 1), in place; returns w.

    The XNOR-Net authors' released code does so before each binarization; the paper does not mention it.
    """
    with torch.no_grad():
        return w.sub_(w.mean(1, keepdim=True))
