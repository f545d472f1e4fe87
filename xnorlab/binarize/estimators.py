"""The straight-through estimators of the sign by name, each over any clip range, and their curves.

A sign is flat: its derivative is 0 wherever it has one. An estimator keeps the flat forward value and lends the
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
    """One estimator.

    name, title, source: its key, how to write it, and the paper. slope: ∂sign/∂x as a formula for a clip range t.
    function: x → ±1 with the estimator's gradient for t = 1.
    ranged: whether there is a range at all, beyond which the gradient is 0.
    """

    name: str
    title: str
    source: str
    slope: str
    function: Callable[[Tensor], Tensor]
    ranged: bool

    def __call__(self, x: Tensor, clip_range: float = 1.0) -> Tensor:
        """−1 or +1 for each x, any shape; the gradient is that of function(x / clip_range) where there is a range.

        Dividing by a positive number changes no sign; by the chain rule the slope becomes wider and flatter, and the
        area under it stays 2, the height of the sign's jump. Raises ValueError where clip_range is not positive.
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
    """Input binarizer sign(x) with the gradient of ESTIMATORS[estimator] over a clip range.

    Raises ValueError for an unknown estimator, or a clip_range that is not positive.
    """

    def __init__(self, estimator: str, clip_range: float = 1.0):
        super().__init__()
        if estimator not in ESTIMATORS:
            raise ValueError(f"estimator={estimator!r} is not one of {', '.join(ESTIMATORS)}")
        self.estimator, self.clip_range = ESTIMATORS[estimator], clip_range
        self(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """x: any shape, real; returns −1 and +1."""
        return self.estimator(x, self.clip_range)

    def extra_repr(self) -> str:
        """Shown in print(model)."""
        return f"{self.estimator.name}, clip_range={self.clip_range:g}"


def forward_and_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """What an elementwise `function` returns at every x, and the slope that its backward pass uses there.

    x: any shape, real. Both results have its shape and are found by running `function` and torch's autograd.
    """
    leaf = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        y = function(leaf)
        (gradient,) = torch.autograd.grad(y.sum(), leaf)
    return y.detach(), gradient


def integral_from_zero(x: Tensor, slope: Tensor) -> Tensor:
    """The function that is 0 at the x nearest to 0 and has this slope: what the backward pass believes in.

    x: (n,) rising; slope: (n,). Returns (n,), by the trapezoid rule.
    """
    area = torch.cat([torch.zeros(1, dtype=slope.dtype), torch.cumulative_trapezoid(slope, x)])
    return area - area[x.abs().argmin()]
