"""Network in Network (Lin, Chen, Yan 2014) for 32-pixel pictures."""

from torch import nn

from xnorlab.nn import Scheme, conv_block, first_block, get_scheme
from xnorlab.nn.blocks import chain


def nin(scheme: str | Scheme, num_classes: int = 10) -> nn.Sequential:
    """Network in Network: three groups of one spatial and two 1×1 convolutions; (N, 3, 32, 32) → (N, num_classes).

    Widths are 192-160-96, 192-192-192, 192-192-num_classes. The first and the last convolution stay real.

    Args:
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes.
        num_classes: length of the output.

    Raises:
        ValueError: the scheme is unknown, or has binary ends.
    """
    scheme = get_scheme(scheme)
    if scheme.binary_ends:
        raise ValueError(f"scheme={scheme.name!r} has binary ends, which nin's last convolution cannot be")
    features = chain(
        conv1=first_block(scheme, 192, 5, 1, 2),
        conv2=conv_block(scheme, 192, 160, 1),
        conv3=conv_block(scheme, 160, 96, 1, pool=nn.MaxPool2d(3, 2, 1)),
        conv4=conv_block(scheme, 96, 192, 5, 1, 2),
        conv5=conv_block(scheme, 192, 192, 1),
        conv6=conv_block(scheme, 192, 192, 1, pool=nn.AvgPool2d(3, 2, 1)),
        conv7=conv_block(scheme, 192, 192, 3, 1, 1),
        conv8=conv_block(scheme, 192, 192, 1),
    )
    needs_norm = scheme.order == "norm-sign-conv"
    return chain(
        features=features,
        norm=nn.BatchNorm2d(192) if needs_norm else None,
        act=nn.ReLU() if needs_norm else None,
        classifier=nn.Conv2d(192, num_classes, 1),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
    )
