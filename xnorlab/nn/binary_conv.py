"""Binary convolution layer, with any weight binarizer and any input binarizer."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xnorlab.binarize import WeightBinarizer, input_scale
from xnorlab.conventions import PAD_VALUES, Size, output_size, pair


class BinaryConv2d(nn.Module):
    """y = (binarize(x) ∗ α·sign(W)) ⊙ K + bias, each part optional (XNOR-Net, section 3, eq. 11).

    Args:
        in_channels: C, the input's channels.
        out_channels: N, how many filters there are.
        kernel_size: (kh, kw), or one int for both.
        stride: as in nn.Conv2d.
        padding: as in nn.Conv2d.
        dilation: as in nn.Conv2d.
        groups: as in nn.Conv2d.
        bias: whether to add a bias.
        weight_binarizer: a `WeightBinarizer`; None keeps the weights real.
        input_binarizer: a module x → values of the same shape (`ClippedSign`, `BiRealSign`, `RSign`, `KBit`);
            None keeps the input real.
        pad_value: value of the border after binarization: −1, 0 or +1. A real input is padded with 0 only.
        input_scale: multiply by K, the box-filtered mean of |x| before its binarization.

    In evaluation the convolution runs over the signs alone and α multiplies its sums. The sums are then exact
    integers, whatever the order of the additions, so that a packed network can equal them bit for bit.

    Attributes:
        weight: real latent weights, (out_channels, in_channels // groups, kh, kw), which training updates.

    Raises:
        ValueError: an argument is out of range, or two of them contradict each other.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = False,
        *,
        weight_binarizer: WeightBinarizer | None = None,
        input_binarizer: nn.Module | None = None,
        pad_value: int = 0,
        input_scale: bool = False,
    ):
        super().__init__()
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            if value % groups:
                raise ValueError(f"groups={groups} does not divide {name}={value}")
        if pad_value not in PAD_VALUES:
            raise ValueError(f"pad_value={pad_value!r} must be −1, 0 or +1")
        if pad_value and input_binarizer is None:
            raise ValueError(f"pad_value={pad_value} needs an input_binarizer: a real input is padded with zeros")
        if input_scale and input_binarizer is None:
            raise ValueError("input_scale=True needs an input_binarizer: K replaces the magnitude that the sign drops")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = pair(kernel_size, "kernel_size", 1)
        self.stride = pair(stride, "stride", 1)
        self.padding = pair(padding, "padding", 0)
        self.dilation = pair(dilation, "dilation", 1)
        self.pad_value, self.input_scale = pad_value, input_scale
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *self.kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.weight_binarizer, self.input_binarizer = weight_binarizer, input_binarizer
        nn.init.kaiming_normal_(self.weight, mode="fan_in", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """y: (N, in_channels, H, W) real → (N, out_channels, OH, OW) real.

        Raises:
            ValueError: x has another shape, or is smaller than the kernel.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise ValueError(f"x has shape {tuple(x.shape)}; the rule is (N, in_channels={self.in_channels}, H, W)")
        for axis in (0, 1):
            output_size(
                x.shape[2 + axis], self.kernel_size[axis], self.stride[axis], self.padding[axis], self.dilation[axis]
            )
        weight, scale = binary_weight(self.weight, self.weight_binarizer, self.training)
        inputs = x if self.input_binarizer is None else self.input_binarizer(x)
        padding = self.padding
        if self.pad_value and any(padding):
            inputs = F.pad(inputs, (padding[1], padding[1], padding[0], padding[0]), value=float(self.pad_value))
            padding = (0, 0)
        plain = scale is None and not self.input_scale
        y = F.conv2d(inputs, weight, self.bias if plain else None, self.stride, padding, self.dilation, self.groups)
        if scale is not None:
            y = y * scale.view(1, -1, 1, 1)
        if self.input_scale:
            y = y * input_scale(x, self.kernel_size, self.stride, self.padding, self.dilation, exact=not self.training)
        return y if plain or self.bias is None else y + self.bias.view(1, -1, 1, 1)

    def extra_repr(self) -> str:
        """Arguments that print(model) shows."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        parts += [f"padding={self.padding}, pad_value={self.pad_value}"] if any(self.padding) else []
        parts += [f"dilation={self.dilation}"] if self.dilation != (1, 1) else []
        parts += [f"groups={self.groups}"] if self.groups != 1 else []
        parts += ["input_scale=True"] if self.input_scale else []
        return ", ".join(parts)


def binary_weight(weight: Tensor, binarizer: WeightBinarizer | None, training: bool) -> tuple[Tensor, Tensor | None]:
    """Weight to sum with, and the scale (N,) to multiply the sums by, or None.

    In training α multiplies the weights, of which there are few; in evaluation it multiplies the sums. The two are
    equal but for rounding.
    """
    if binarizer is None or (binarizer.real_in_eval and not training):
        return weight, None
    return (binarizer(weight), None) if training else (binarizer.signs(weight), binarizer.scale(weight))
