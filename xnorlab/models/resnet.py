"""ResNet-18 and ResNet-34 with real shortcuts, and ResNet-20 for 32-pixel pictures (He et al. 2016)."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from xnorlab.models.widths import require_width
from xnorlab.nn import ResidualBlock, Scheme, get_scheme
from xnorlab.nn.blocks import chain, classifier, first_conv
from xnorlab.suggestions import unknown

STEMS = ("imagenet", "tiny", "cifar")
"""First layers by the size of the pictures, see `resnet18`."""


def resnet18(
    scheme: str | Scheme,
    num_classes: int = 1000,
    *,
    width: int = 64,
    stem: str = "imagenet",
    shortcut_every_conv: bool | None = None,
) -> nn.Sequential:
    """ResNet-18: eight residual blocks of two 3×3 convolutions; (N, 3, H, W) → (N, num_classes).

    The 1×1 shortcut convolutions stay real under every scheme. The stem and the classifier stay real, too, unless the
    scheme has binary ends.

    Args:
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes.
        num_classes: length of the output.
        width: w, 64 in the paper; the four stages have w, 2w, 4w and 8w channels.
        stem: "imagenet" is 7×7/2 and max-pool/2 (128 to 224 pixels), "tiny" 3×3/2 (64 pixels), "cifar" 3×3 (32 pixels).
        shortcut_every_conv: real shortcuts around each convolution instead of each pair; None is the scheme's own.

    Raises:
        ValueError: the scheme or the stem is unknown, or another value is out of range.
    """
    return _resnet(scheme, num_classes, (2, 2, 2, 2), width, stem, shortcut_every_conv)


def resnet34(
    scheme: str | Scheme,
    num_classes: int = 1000,
    *,
    width: int = 64,
    stem: str = "imagenet",
    shortcut_every_conv: bool | None = None,
) -> nn.Sequential:
    """ResNet-34: stages of 3, 4, 6 and 3 residual blocks; otherwise built like ResNet-18.

    Args:
        scheme: see `resnet18`.
        num_classes: length of the output.
        width: see `resnet18`.
        stem: see `resnet18`.
        shortcut_every_conv: see `resnet18`.

    Raises:
        ValueError: the scheme or the stem is unknown, or another value is out of range.
    """
    return _resnet(scheme, num_classes, (3, 4, 6, 3), width, stem, shortcut_every_conv)


def resnet20(
    scheme: str | Scheme, num_classes: int = 10, *, width: int = 16, shortcut_every_conv: bool | None = None
) -> nn.Sequential:
    """ResNet-20 for CIFAR: three stages of three residual blocks; (N, 3, H, W) → (N, num_classes).

    Its shortcuts have no weights: option A takes every other pixel and fills the new channels with zeros (He et al.
    2016, section 4.2). The paper does not print where the zeros stand; here they follow the others.

    Args:
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes.
        num_classes: length of the output.
        width: w, 16 in the paper; the three stages have w, 2w and 4w channels.
        shortcut_every_conv: see `resnet18`.

    Raises:
        ValueError: the scheme is unknown, or another value is out of range.
    """
    return _resnet(scheme, num_classes, (3, 3, 3), width, "cifar", shortcut_every_conv, ZeroPadded)


class ZeroPadded(nn.Module):
    """Shortcut of option A (He et al. 2016, section 3.3): every stride-th pixel, and zeros in the new channels.

    Args:
        in_channels: of the input.
        out_channels: of the output, at least as many.
        stride: between the pixels that are kept.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        self.new_channels, self.stride = out_channels - in_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """y: (N, in_channels, H, W) → (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def _resnet(
    scheme: str | Scheme,
    num_classes: int,
    depths: tuple[int, ...],
    width: int,
    stem: str,
    every_conv: bool | None,
    down: Callable[[int, int, int], nn.Module] | None = None,
) -> nn.Sequential:
    """The network of `len(depths)` stages; `down` makes the shortcuts that change shape, None is `ResidualBlock`'s."""
    scheme = get_scheme(scheme)
    if stem not in STEMS:
        raise ValueError(unknown("stem", stem, STEMS))
    require_width(width)
    if not (every_conv is None or isinstance(every_conv, bool)):
        raise ValueError(f"shortcut_every_conv={every_conv!r} must be true, false or None")
    kernel, stride = {"imagenet": (7, 2), "tiny": (3, 2), "cifar": (3, 1)}[stem]
    first = first_conv(scheme, width, kernel, stride, kernel // 2)
    # Where a norm stands before each sign, the stem is that of the float network, since the first shortcut carries its
    # output onward. Elsewhere its ReLU is left out, as the authors of Bi-Real Net and ReActNet do, since every sign of
    # a rectified map is +1.
    needs_norm = scheme.order == "norm-sign-conv"
    rectified = needs_norm or scheme.inputs is None
    pool = nn.MaxPool2d(3, 2, 1) if stem == "imagenet" else None
    blocks, channels = [], width
    for stage, depth in enumerate(depths):
        for i in range(depth):
            out, stride = width * 2**stage, 2 if stage > 0 and i == 0 else 1
            shortcut = None if down is None else down(channels, out, stride)
            blocks.append(ResidualBlock(scheme, channels, out, stride, every_conv=every_conv, down=shortcut))
            channels = out
    return chain(
        stem=chain(conv=first, norm=nn.BatchNorm2d(width), act=nn.ReLU() if rectified else None, pool=pool),
        blocks=nn.Sequential(*blocks),
        norm=nn.BatchNorm2d(channels) if needs_norm else None,
        act=nn.ReLU() if needs_norm else None,
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=classifier(scheme, channels, num_classes),
    )
