"""Binary weights W ≈ α·B: the optimal pair, its error, its exact gradient, and the binarizers that layers take.

Dimension 0 of a weight tensor counts its filters: (N, C, kh, kw) and (N, F) have N filters.
"""

import torch
from torch import Tensor, nn

from xnorlab.binarize.sign import sign, sign_clipped, stochastic_sign


def per_filter(scale: Tensor, w: Tensor) -> Tensor:
    """One value per filter, (N,), in a shape that broadcasts over the weights w, (N, ...)."""
    return scale.view(-1, *([1] * (w.dim() - 1)))


def weight_scale(w: Tensor) -> Tensor:
    """α = mean|W|, one factor per filter; with B = sign(W) it minimises ‖W − αB‖².

    It is differentiable. Source: XNOR-Net, section 3.1, eq. 6.

    Args:
        w: (N, ...) real weights.

    Returns:
        (N,).

    Raises:
        ValueError: w has fewer than two dimensions.
    """
    if w.dim() < 2:
        raise ValueError(f"w has shape {tuple(w.shape)}; a weight needs dimension 0 for filters and at least one more")
    return w.abs().flatten(1).mean(1)


def approximation_error(w: Tensor, scale: Tensor) -> Tensor:
    """‖W − α·sign(W)‖² of every filter: a parabola in α, lowest at `weight_scale(w)`.

    Source: XNOR-Net, section 3.1, eq. 3.

    Args:
        w: (N, ...) real weights.
        scale: α, (N,) or (A, N) for A scales per filter.

    Returns:
        The squared errors, in the shape of `scale`.
    """
    flat = w.flatten(1)
    squares, sums, count = flat.square().sum(1), flat.abs().sum(1), flat.shape[1]
    return squares - 2 * scale * sums + count * scale.square()


def exact_gradient(w: Tensor, grad: Tensor) -> Tensor:
    """∂C/∂W_i = (1/n)·sign(W_i)·Σ_j g_j·sign(W_j) + α·g_i·1[|W_i| <= 1], for W̃ = α·sign(W) and g = ∂C/∂W̃.

    The derivative through α reaches every weight of the filter; the paper prints the element-wise short form
    g_i·(1/n + α·∂sign) (XNOR-Net, section 3.1). Automatic differentiation through `MeanScale` gives the same result,
    except for weights that are exactly 0, where torch takes 0 for the slope of |W|. The formula is written out for
    teaching and tests.

    Args:
        w: W, (N, ...) real weights.
        grad: g, the gradient with respect to the binarized weights, in the shape of `w`.

    Returns:
        ∂C/∂W, in the shape of `w`.
    """
    s = sign(w)
    along = per_filter((grad * s).flatten(1).mean(1), w)
    return s * along + per_filter(weight_scale(w), w) * grad * (w.abs() <= 1)


class WeightBinarizer(nn.Module):
    """Weights of a binary layer from its latent ones: W̃ = scale(W) · signs(W). Without a scale, W̃ = sign(W).

    Attributes:
        real_in_eval: True where evaluation uses the real weights (stochastic BinaryConnect).
        gives_zeros: True where `signs` gives 0 as well as −1 and +1 (ternary weights).
    """

    real_in_eval = False
    gives_zeros = False

    def signs(self, w: Tensor) -> Tensor:
        """sign(w), with the clipped straight-through gradient: (N, ...) real → −1 and +1, same shape."""
        return sign_clipped(w)

    def scale(self, w: Tensor) -> Tensor | None:
        """One factor per filter: (N, ...) real → (N,); None stands for 1."""
        return None

    def forward(self, w: Tensor) -> Tensor:
        """scale(w) · signs(w): (N, ...) real → the binarized weights, same shape."""
        scale = self.scale(w)
        return self.signs(w) if scale is None else self.signs(w) * per_filter(scale, w)


class Sign(WeightBinarizer):
    """Weight binarizer sign(W) without a scale: deterministic BinaryConnect, and BNN."""


class StochasticSign(WeightBinarizer):
    """Weight binarizer with p(+1) = clip((W + 1)/2, 0, 1) in training, and with the real weights in evaluation.

    Source: BinaryConnect, sections 2.3 and 2.6 (method 2).
    """

    real_in_eval = True

    def signs(self, w: Tensor) -> Tensor:
        """A new draw at each call: (N, ...) real, in [−1, 1] in training → −1 and +1, same shape."""
        return stochastic_sign(w)


class MeanScale(WeightBinarizer):
    """Weight binarizer α·sign(W), with α = mean|W| per filter: BWN and XNOR-Net (section 3.1).

    Args:
        detach: treat α as a constant in the gradient, as Bi-Real Net and ReActNet do. Otherwise the gradient is exact.
    """

    def __init__(self, *, detach: bool = False):
        super().__init__()
        self.detach = detach

    def scale(self, w: Tensor) -> Tensor:
        """mean|W| of each filter: (N, ...) real → (N,)."""
        return weight_scale(w.detach() if self.detach else w)

    def extra_repr(self) -> str:
        """Arguments that print(model) shows."""
        return f"detach={self.detach}"


class LearnedScale(WeightBinarizer):
    """Weight binarizer a·sign(W), with one learned factor a per filter (the ablation of XNOR-Net's Table 3a).

    Args:
        out_channels: N, how many filters there are.
    """

    def __init__(self, out_channels: int):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(out_channels))

    def scale(self, w: Tensor) -> Tensor:
        """Learned factors: (N, ...) real → (N,), whatever the weights are."""
        return self.factor


def clip_latent_(w: Tensor, limit: float = 1.0) -> Tensor:
    """Clip latent weights to [−limit, limit], in place (BinaryConnect, section 2.4); returns `w`."""
    with torch.no_grad():
        return w.clamp_(-limit, limit)
