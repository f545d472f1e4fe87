"""AlexNet (Krizhevsky 2014, "one weird trick" widths) in the order of XNOR-Net's Table 3b."""

from torch import nn

from xnorlab.nn import Scheme, conv_block, first_block, get_scheme
from xnorlab.nn.blocks import chain, classifier, dense_block


def alexnet(scheme: str | Scheme, num_classes: int = 1000, *, head: str = "dense") -> nn.Sequential:
    """AlexNet: 11×11/4, 64 → 5×5, 192 → 3×3, 384 → 256 → 256, then the head; (N, 3, H, W) → (N, num_classes).

    The first convolution and the last matrix stay real (XNOR-Net, section 4), unless the scheme has binary ends.

    Args:
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes.
        num_classes: length of the output.
        head: "dense" has fc6 and fc7 of 4,096 under the scheme, for 224-pixel input (6×6 maps before fc6). "pool"
            takes the mean over the last map, for about 128 pixels and any other size from 63 up; 2.47 M weights.

    Raises:
        ValueError: the scheme or the head is unknown.
    """
    scheme = get_scheme(scheme)
    if head not in ("dense", "pool"):
        raise ValueError(f"head={head!r} must be 'dense' or 'pool'")
    features = chain(
        conv1=first_block(scheme, 64, 11, 4, 2, pool=nn.MaxPool2d(3, 2)),
        conv2=conv_block(scheme, 64, 192, 5, 1, 2, pool=nn.MaxPool2d(3, 2)),
        conv3=conv_block(scheme, 192, 384, 3, 1, 1),
        conv4=conv_block(scheme, 384, 256, 3, 1, 1),
        conv5=conv_block(scheme, 256, 256, 3, 1, 1, pool=nn.MaxPool2d(3, 2) if head == "dense" else None),
    )
    # A chain of norm → sign → conv blocks ends on a convolution; the real classifier needs a normed activation.
    needs_norm = scheme.order == "norm-sign-conv"
    act = nn.ReLU() if needs_norm else None
    if head == "dense":
        width = 4096
        end = chain(
            flatten=nn.Flatten(),
            fc6=dense_block(scheme, 256 * 6 * 6, width),
            fc7=dense_block(scheme, width, width),
            norm=nn.BatchNorm1d(width) if needs_norm else None,
            act=act,
        )
    else:
        width = 256
        norm = nn.BatchNorm2d(width) if needs_norm else None
        end = chain(norm=norm, act=act, pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())
    return chain(features=features, head=end, classifier=classifier(scheme, width, num_classes))
