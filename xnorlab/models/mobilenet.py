"""MobileNetV1 in the form of ReActNet-A (Liu, Shen, Savvides, Cheng 2020, section 4.1 and figure 2)."""

import torch
from torch import Tensor, nn

from xnorlab.models.widths import require_width
from xnorlab.nn import Scheme, get_scheme
from xnorlab.nn.blocks import Residual, after_sum, branch, chain, classifier, first_conv

BLOCKS = ((2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2), *((16, 1),) * 5, (32, 2), (32, 1))
"""Filters in units of w, and stride, of MobileNetV1's 13 blocks (Howard et al. 2017, table 1)."""


def mobilenet(scheme: str | Scheme, num_classes: int = 1000, *, width: int = 32) -> nn.Sequential:
    """ReActNet-A: MobileNetV1's 13 blocks of a 3×3 and a 1×1 convolution, with shortcuts; (N, 3, H, W) → (N, n).

    A 3×3 convolution over all channels stands where MobileNetV1 has a depthwise one. Each convolution has a shortcut
    without weights: a mean over 2×2 pixels where the stride is 2, and the input twice where the channels double. The
    authors compute the doubled channels by two 1×1 convolutions over one input; one of twice the filters, as here, is
    equal. The first convolution and the classifier stay real, unless the scheme has binary ends.

    Args:
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes; "reactnet" is the paper's.
        num_classes: length of the output.
        width: w, 32 in the paper: the filters of the first convolution. The last block has 32w.

    Raises:
        ValueError: the scheme is unknown, or the width is out of range.
    """
    scheme = get_scheme(scheme)
    require_width(width)
    needs_norm = scheme.order == "norm-sign-conv"
    rectified = needs_norm or scheme.inputs is None  # see `resnet18`
    blocks, channels = [], width
    for units, stride in BLOCKS:
        out = units * width
        pool = nn.AvgPool2d(2, 2, ceil_mode=True) if stride > 1 else nn.Identity()
        first = Residual(branch(scheme, channels, channels, 3, stride), pool, after_sum(scheme, channels))
        copies = Twice() if out > channels else nn.Identity()
        second = Residual(branch(scheme, channels, out, 1, 1), copies, after_sum(scheme, out))
        blocks.append(chain(first=first, second=second))
        channels = out
    return chain(
        stem=chain(
            conv=first_conv(scheme, width, 3, 2, 1), norm=nn.BatchNorm2d(width), act=nn.ReLU() if rectified else None
        ),
        blocks=nn.Sequential(*blocks),
        norm=nn.BatchNorm2d(channels) if needs_norm else None,
        act=nn.ReLU() if needs_norm else None,
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=classifier(scheme, channels, num_classes),
    )


class Twice(nn.Module):
    """Shortcut that doubles the channels: the input, and the input again."""

    def forward(self, x: Tensor) -> Tensor:
        """y: (N, C, H, W) → (N, 2C, H, W)."""
        return torch.cat((x, x), 1)
