"""Binary matrix layer, the counterpart of `BinaryConv2d`."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xnorlab.binarize import WeightBinarizer
from xnorlab.nn.binary_conv import binary_weight


class BinaryLinear(nn.Module):
    """y = binarize(x)·(α·sign(W))ᵀ + bias, each part optional (XNOR-Net, section 3).

    Args:
        in_features: F, as in nn.Linear.
        out_features: N, as in nn.Linear.
        bias: whether to add a bias.
        weight_binarizer: a `WeightBinarizer`; None keeps the weights real.
        input_binarizer: a module x → values of the same shape; None keeps the input real.

    In evaluation the sums run over signs and are scaled afterwards, as in `BinaryConv2d`.

    Attributes:
        weight: real latent weights, (out_features, in_features), which training updates.

    Raises:
        ValueError: in_features or out_features is below 1.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = False,
        *,
        weight_binarizer: WeightBinarizer | None = None,
        input_binarizer: nn.Module | None = None,
    ):
        super().__init__()
        for name, value in (("in_features", in_features), ("out_features", out_features)):
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None
        self.weight_binarizer, self.input_binarizer = weight_binarizer, input_binarizer
        nn.init.kaiming_normal_(self.weight, mode="fan_in", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """y: (N, in_features) real → (N, out_features) real.

        Raises:
            ValueError: x has another shape.
        """
        if x.dim() != 2 or x.shape[1] != self.in_features:
            raise ValueError(f"x has shape {tuple(x.shape)}; the rule is (N, in_features={self.in_features})")
        weight, scale = binary_weight(self.weight, self.weight_binarizer, self.training)
        inputs = x if self.input_binarizer is None else self.input_binarizer(x)
        if scale is None:
            return F.linear(inputs, weight, self.bias)
        y = F.linear(inputs, weight) * scale
        return y if self.bias is None else y + self.bias

    def extra_repr(self) -> str:
        """Arguments that print(model) shows."""
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"
