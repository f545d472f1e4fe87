"""BinaryDenseNet-28 (Bethge, Yang, Bornstein, Meinel 2019, "Back to Simplicity")."""

import torch
from torch import Tensor, nn

from xnorlab.models.widths import require_width
from xnorlab.nn import Scheme, get_scheme
from xnorlab.nn.blocks import chain, classifier, conv, first_conv

DEPTHS = (6, 6, 6, 5)
"""Binary convolutions of each stage: with the first convolution, three 1×1 ones and the matrix they make 28 layers."""

REDUCTIONS = (2.7, 2.7, 2.2)
"""How many times fewer channels stand behind a stage than before; their number is a multiple of half the width."""


def densenet28(scheme: str | Scheme, num_classes: int = 1000, *, width: int = 64) -> nn.Sequential:
    """BinaryDenseNet-28: each 3×3 convolution reads all maps of its stage and adds w to them; (N, 3, H, W) → (N, n).

    The order is DenseNet's own under every scheme: norm → sign → convolution → concatenation. Real inputs have the
    scheme's activation in place of the sign. The paper's networks have signs of weights without α, which is the scheme
    "bnn". Between two stages stand norm → max-pool → ReLU → a 1×1 convolution, which stays real, as the first layer and
    the classifier do unless the scheme has binary ends.

    Args:
        scheme: a `Scheme`, or a name that `nn.get_scheme` takes.
        num_classes: length of the output.
        width: w, 64 in the paper: the first filters, and those that each convolution adds.

    Raises:
        ValueError: the scheme is unknown, or the width is out of range.
    """
    scheme = get_scheme(scheme)
    require_width(width, multiple_of=2)
    stem = chain(
        conv=first_conv(scheme, width, 7, 2, 3), norm=nn.BatchNorm2d(width), act=nn.ReLU(), pool=nn.MaxPool2d(3, 2, 1)
    )
    parts: dict[str, nn.Module] = {}
    channels, unit = width, width // 2
    for stage, depth in enumerate(DEPTHS):
        layers = []
        for _ in range(depth):
            layers.append(DenseLayer(scheme, channels, width))
            channels += width
        parts[f"stage{stage + 1}"] = nn.Sequential(*layers)
        if stage < len(REDUCTIONS):
            fewer = round(channels / REDUCTIONS[stage] / unit) * unit
            parts[f"transition{stage + 1}"] = chain(
                norm=nn.BatchNorm2d(channels),
                pool=nn.MaxPool2d(2),
                act=nn.ReLU(),
                conv=nn.Conv2d(channels, fewer, 1, bias=False),
            )
            channels = fewer
    return chain(
        stem=stem,
        **parts,
        norm=nn.BatchNorm2d(channels),
        act=nn.ReLU(),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=classifier(scheme, channels, num_classes),
    )


class DenseLayer(nn.Module):
    """A 3×3 convolution behind whose input its output is put: (N, C, H, W) → (N, C + added, H, W).

    Args:
        scheme: of the convolution.
        channels: C.
        added: its filters.
    """

    def __init__(self, scheme: Scheme, channels: int, added: int):
        super().__init__()
        real = scheme.inputs is None
        activation = None if scheme.activation is None else scheme.activation(channels if real else added)
        self.branch = chain(
            norm=nn.BatchNorm2d(channels) if scheme.norm else None,
            before=activation if real else None,
            conv=conv(scheme, channels, added, 3, 1, 1),
            after=None if real else activation,
        )

    def forward(self, x: Tensor) -> Tensor:
        """y: (N, C, H, W) → (N, C + added, H, W)."""
        return torch.cat((x, self.branch(x)), 1)
