"""QuickNet, small, standard and large (Bannink et al. 2021, "Larq Compute Engine"; Larq Zoo)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xnorlab.models.widths import require_width
from xnorlab.nn import Scheme, get_scheme
from xnorlab.nn.blocks import Residual, chain, classifier, conv, first_conv
from xnorlab.suggestions import unknown

SIZES = {
    "small": ((4, 4, 4, 4), (0.5, 1, 4, 8)),
    "standard": ((4, 4, 4, 4), (1, 2, 4, 8)),
    "large": ((6, 8, 12, 6), (1, 2, 4, 8)),
}
"""Binary convolutions of each stage, and its channels in units of w."""


def quicknet(
    scheme: str | Scheme, num_classes: int = 1000, *, size: str = "standard", width: int = 64
) -> nn.Sequential:
    """QuickNet: four stages of 3×3 convolutions with a real shortcut around each; (N, 3, H, W) → (N, num_classes).

    The order is the paper's under every scheme: sign → convolution → ReLU → norm, + shortcut. A scheme with an
    activation of its own has it in place of the ReLU. QuickNet itself has signs of weights without α, which is the
    scheme "bnn"; its border is +1 where ours is 0, as in all networks here. The stem, the 1×1 convolutions between the
    stages, with a fixed blur ahead of them, and the classifier stay real, unless the scheme has binary ends.

    Args:
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes.
        num_classes: length of the output.
        size: "small", "standard" or "large".
        width: w, 64 for the networks at their full size; the last stage has 8w channels.

    Raises:
        ValueError: the scheme or the size is unknown, or the width is out of range.
    """
    scheme = get_scheme(scheme)
    if size not in SIZES:
        raise ValueError(unknown("size", size, SIZES))
    require_width(width, multiple_of=8)
    depths, units = SIZES[size]
    widths = [int(unit * width) for unit in units]
    few = widths[0] // 4
    stem = chain(
        conv=first_conv(scheme, few, 3, 2, 1),
        norm=nn.BatchNorm2d(few),
        act=nn.ReLU(),
        depthwise=nn.Conv2d(few, few, 3, 2, 1, groups=few, bias=False),
        norm2=nn.BatchNorm2d(few),
        pointwise=nn.Conv2d(few, widths[0], 1, bias=False),
        norm3=nn.BatchNorm2d(widths[0]),
    )
    parts: dict[str, nn.Module] = {}
    for stage, (depth, channels) in enumerate(zip(depths, widths, strict=True)):
        if stage:
            parts[f"transition{stage}"] = _transition(widths[stage - 1], channels)
        parts[f"stage{stage + 1}"] = nn.Sequential(*(_block(scheme, channels) for _ in range(depth)))
    return chain(
        stem=stem,
        **parts,
        act=nn.ReLU(),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=classifier(scheme, widths[-1], num_classes),
    )


class Blur(nn.Module):
    """Every other pixel of a map smoothed by (1, 2, 1)/4 in both directions (Zhang 2019, blur pooling).

    Args:
        channels: C, the size of the input's dimension 1.
    """

    kernel: Tensor

    def __init__(self, channels: int):
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("kernel", (line[:, None] * line).repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """y: (N, C, H, W) → (N, C, ⌈H/2⌉, ⌈W/2⌉); beyond the border are zeros."""
        return F.conv2d(x, self.kernel, stride=2, padding=1, groups=len(self.kernel))


def _block(scheme: Scheme, channels: int) -> Residual:
    branch = chain(
        conv=conv(scheme, channels, channels, 3, 1, 1),
        act=nn.ReLU() if scheme.activation is None else scheme.activation(channels),
        norm=nn.BatchNorm2d(channels) if scheme.norm else None,
    )
    return Residual(branch, nn.Identity(), nn.Identity())


def _transition(in_channels: int, out_channels: int) -> nn.Sequential:
    return chain(
        act=nn.ReLU(),
        pool=nn.MaxPool2d(2, 1),
        blur=Blur(in_channels),
        conv=nn.Conv2d(in_channels, out_channels, 1, bias=False),
        norm=nn.BatchNorm2d(out_channels),
    )
