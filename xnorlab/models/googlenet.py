"""The GoogLeNet variant of XNOR-Net's Table 2, in a reading: the paper prints no layer table.

XNOR-Net says of it that it has about GoogLeNet's parameters and connections, no branches, and 21 convolutions that
alternate between 1×1 and 3×3. The widths here are a reading. They are those of the network that one of the authors
published in the same months as the first stage of YOLO (Redmon, Divvala, Girshick, Farhadi 2016, figure 3): its 20
convolutions and a 1×1 convolution to the classes make 21, and most of them alternate between 1×1 and 3×3.
"""

from torch import nn

from xnorlab.models.widths import require_width
from xnorlab.nn import Scheme, conv_block, first_block, get_scheme
from xnorlab.nn.blocks import chain, classifier

STAGES = (((2, 4), (4, 8)), (*((4, 8),) * 4, (8, 16)), ((8, 16), (8, 16)))
"""Filters of each pair of a 1×1 and a 3×3 convolution, in units of w, by stage; a pool stands between two stages."""


def googlenet(scheme: str | Scheme, num_classes: int = 1000, *, width: int = 64) -> nn.Sequential:
    """GoogLeNet variant: 7×7/2, 3×3, then nine pairs of 1×1 and 3×3 convolutions; (N, 3, H, W) → (N, num_classes).

    Four pools halve the maps. The 21st convolution, 1×1 to the classes with a mean over the map behind it, is computed
    as the matrix behind that mean, which is equal. The first and the last layer stay real, unless the scheme has binary
    ends.

    Args:
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes.
        num_classes: length of the output.
        width: w, 64 for the network at its full size; the layers have w to 16w filters.

    Raises:
        ValueError: the scheme is unknown, or the width is out of range.
    """
    scheme = get_scheme(scheme)
    require_width(width)
    blocks = [
        first_block(scheme, width, 7, 2, 3, pool=nn.MaxPool2d(2)),
        conv_block(scheme, width, 3 * width, 3, 1, 1, pool=nn.MaxPool2d(2)),
    ]
    channels = 3 * width
    for stage, pairs in enumerate(STAGES):
        for i, (reduced, out) in enumerate(pairs):
            pool = nn.MaxPool2d(2) if stage < len(STAGES) - 1 and i == len(pairs) - 1 else None
            blocks.append(conv_block(scheme, channels, reduced * width, 1))
            blocks.append(conv_block(scheme, reduced * width, out * width, 3, 1, 1, pool=pool))
            channels = out * width
    needs_norm = scheme.order == "norm-sign-conv"
    return chain(
        features=nn.Sequential(*blocks),
        norm=nn.BatchNorm2d(channels) if needs_norm else None,
        act=nn.ReLU() if needs_norm else None,
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=classifier(scheme, channels, num_classes),
    )
