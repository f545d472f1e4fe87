"""Straight-through estimators of the sign, by name, each over any clip range, and the curves that they imply.

The derivative of a sign is 0 wherever it exists. An estimator keeps the sign in the forward pass and gives the
backward pass the slope of a smoother function.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xnorlab.binarize.sign import sign_bireal, sign_clipped, sign_identity, stochastic_sign


@dataclass(frozen=True)
class Estimator:
    """Straight-through estimator: x → sign(x) forward, another function's slope backward.

    Attributes:
        name: key in ESTIMATORS.
        title: name to print.
        source: paper and equation.
        slope: ∂sign/∂x as a formula, for a clip range t.
        function: x → ±1 with the estimator's gradient for t = 1.
        ranged: whether the gradient is 0 beyond a clip range.
    """

    name: str
    title: str
    source: str
    slope: str
    function: Callable[[Tensor], Tensor]
    ranged: bool

    def __call__(self, x: Tensor, clip_range: float = 1.0) -> Tensor:
        """sign(x), with the gradient of `function(x / clip_range)` where the estimator has a range.

        A division by a positive number changes no sign. By the chain rule the slope becomes wider and flatter, and the
        area under it stays 2, the height of the sign's jump.

        Args:
            x: any shape, real.
            clip_range: t, above 0; without effect where `ranged` is false.

        Returns:
            −1 or +1 for each x, in its shape and dtype.

        Raises:
            ValueError: clip_range is not a finite number above 0.
        """
        if not (math.isfinite(clip_range) and clip_range > 0):
            raise ValueError(f"clip_range={clip_range!r} must be a number above 0")
        return self.function(x / clip_range) if self.ranged and clip_range != 1.0 else self.function(x)


ESTIMATORS: dict[str, Estimator] = {
    estimator.name: estimator
    for estimator in (
        Estimator(
            "clipped",
            "Clipped (BNN, XNOR-Net)",
            "Hubara et al. 2016, eq. 4; XNOR-Net, section 3.1",
            "1/t where |x| ≤ t, else 0",
            sign_clipped,
            ranged=True,
        ),
        Estimator(
            "bireal",
            "Polynomial (Bi-Real Net)",
            "Liu et al. 2018, section 3.3, eq. 5",
            "max(0, 2 − 2|x|/t) / t",
            sign_bireal,
            ranged=True,
        ),
        Estimator(
            "identity",
            "Identity (plain straight-through)",
            "Bengio, Léonard, Courville 2013",
            "1 everywhere",
            sign_identity,
            ranged=False,
        ),
        Estimator(
            "stochastic",
            "Stochastic (BinaryConnect)",
            "Courbariaux et al. 2015, section 2.3",
            "1 everywhere",
            stochastic_sign,
            ranged=False,
        ),
    )
}


class EstimatedSign(nn.Module):
    """Input binarizer sign(x), with the gradient of a named estimator over a clip range.

    Args:
        estimator: key of ESTIMATORS.
        clip_range: t, above 0.

    Raises:
        ValueError: the estimator is unknown, or clip_range is not a finite number above 0.
    """

    def __init__(self, estimator: str, clip_range: float = 1.0):
        super().__init__()
        if estimator not in ESTIMATORS:
            raise ValueError(f"estimator={estimator!r} is not one of {', '.join(ESTIMATORS)}")
        self.estimator, self.clip_range = ESTIMATORS[estimator], clip_range
        self(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """sign(x): any shape, real → −1 and +1, same shape."""
        return self.estimator(x, self.clip_range)

    def extra_repr(self) -> str:
        """Arguments that print(model) shows."""
        return f"{self.estimator.name}, clip_range={self.clip_range:g}"


def forward_and_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Values of an elementwise function, and the slopes that its backward pass uses, by torch's autograd.

    Args:
        function: elementwise, differentiable in torch.
        x: any shape, real; it is left as it is.

    Returns:
        `function(x)` and the gradient at every x, both of x's shape.
    """
    leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        y = function(leaf)
        (gradient,) = torch.autograd.grad(y.sum(), leaf)
    return y.detach(), gradient


def integral_from_zero(x: Tensor, slope: Tensor) -> Tensor:
    """Integral of a slope by the trapezoid rule, 0 at the x nearest to 0: the function that the backward pass assumes.

    Args:
        x: (n,), rising.
        slope: (n,), the slope at every x.

    Returns:
        (n,), the integral at every x.
    """
    area = torch.cat([torch.zeros(1, dtype=slope.dtype), torch.cumulative_trapezoid(slope, x)])
    return area - area[x.abs().argmin()]
