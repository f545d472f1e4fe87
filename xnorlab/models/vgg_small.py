"""VGG-small, and the ConvNet of BinaryConnect that it comes from, for 32-pixel pictures."""

from torch import nn

from xnorlab.models.widths import require_width
from xnorlab.nn import Scheme, conv_block, first_block, get_scheme
from xnorlab.nn.blocks import chain, classifier, dense_block
from xnorlab.suggestions import unknown

HEADS = ("flat", "dense", "pool")
"""Ends of the network, see `vgg_small`."""

SIDE = 4
"""Height and width of the last map for 32-pixel pictures."""


def vgg_small(scheme: str | Scheme, num_classes: int = 10, *, width: int = 128, head: str = "flat") -> nn.Sequential:
    """VGG-small: two 3×3 convolutions of w, two of 2w, two of 4w, a pool behind each pair; (N, 3, H, W) → (N, classes).

    BinaryConnect's ConvNet (Courbariaux et al. 2015, section 3.2; BNN and XNOR-Net's results on CIFAR-10) has two
    matrices of 8w behind the convolutions. VGG-small is what later papers make of it, which leave them out.
    The first convolution and the last matrix stay real, unless the scheme has binary ends.

    Args:
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes.
        num_classes: length of the output.
        width: w, 128 in the papers.
        head: "flat" is VGG-small's: the classifier reads all pixels of the last map; 32-pixel pictures. "dense" has the
            ConvNet's two matrices, under the scheme; 32-pixel pictures, too. "pool" takes the mean over the last map,
            for pictures of any size from 8 up.

    Raises:
        ValueError: the scheme or the head is unknown, or the width is out of range.
    """
    scheme = get_scheme(scheme)
    require_width(width)
    if head not in HEADS:
        raise ValueError(unknown("head", head, HEADS))
    last = 4 * width
    features = chain(
        conv1=first_block(scheme, width, 3, 1, 1),
        conv2=conv_block(scheme, width, width, 3, 1, 1, pool=nn.MaxPool2d(2)),
        conv3=conv_block(scheme, width, 2 * width, 3, 1, 1),
        conv4=conv_block(scheme, 2 * width, 2 * width, 3, 1, 1, pool=nn.MaxPool2d(2)),
        conv5=conv_block(scheme, 2 * width, last, 3, 1, 1),
        conv6=conv_block(scheme, last, last, 3, 1, 1, pool=nn.MaxPool2d(2)),
    )
    # A chain of norm → sign → conv blocks ends on a convolution; the real classifier needs a normed activation.
    needs_norm = scheme.order == "norm-sign-conv"
    act = nn.ReLU() if needs_norm else None
    if head == "dense":
        read, hidden = last * SIDE**2, 8 * width
        end = chain(
            flatten=nn.Flatten(),
            fc1=dense_block(scheme, read, hidden),
            fc2=dense_block(scheme, hidden, hidden),
            norm=nn.BatchNorm1d(hidden) if needs_norm else None,
            act=act,
        )
        return chain(features=features, head=end, classifier=classifier(scheme, hidden, num_classes))
    end = chain(
        norm=nn.BatchNorm2d(last) if needs_norm else None,
        act=act,
        pool=nn.AdaptiveAvgPool2d(1) if head == "pool" else None,
        flatten=nn.Flatten(),
    )
    read = last if head == "pool" else last * SIDE**2
    return chain(features=features, head=end, classifier=classifier(scheme, read, num_classes))
