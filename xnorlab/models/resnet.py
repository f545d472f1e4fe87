"""ResNet-18 (He et al. 2016) with real shortcuts."""

from torch import nn

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
    scheme = get_scheme(scheme)
    if stem not in STEMS:
        raise ValueError(unknown("stem", stem, STEMS))
    if not isinstance(width, int) or isinstance(width, bool) or width < 1:
        raise ValueError(f"width={width!r} must be an int of at least 1")
    if not (shortcut_every_conv is None or isinstance(shortcut_every_conv, bool)):
        raise ValueError(f"shortcut_every_conv={shortcut_every_conv!r} must be true, false or None")
    kernel, stride = {"imagenet": (7, 2), "tiny": (3, 2), "cifar": (3, 1)}[stem]
    first = first_conv(scheme, width, kernel, stride, kernel // 2)
    # Where a norm stands before each sign, the stem is that of the float network, since the first shortcut carries its
    # output onward. Elsewhere its ReLU is left out, as the authors of Bi-Real Net and ReActNet do, since every sign of
    # a rectified map is +1.
    needs_norm = scheme.order == "norm-sign-conv"
    rectified = needs_norm or scheme.inputs is None
    pool = nn.MaxPool2d(3, 2, 1) if stem == "imagenet" else None
    blocks, channels = [], width
    for stage in range(4):
        for i in range(2):
            out = width * 2**stage
            blocks.append(
                ResidualBlock(scheme, channels, out, 2 if stage > 0 and i == 0 else 1, every_conv=shortcut_every_conv)
            )
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
