"""One module of a table, and the pieces that most of them are built from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from xnorlab.binarize import ClippedSign, MeanScale
from xnorlab.nn import BinaryConv2d


@dataclass(frozen=True)
class Case:
    """A module to pack.

    Attributes:
        make: builds it.
        shape: of one input, (C, H, W) or (F,).
        refused: pattern of the error where it cannot be packed; empty where it must pack.
    """

    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = (3, 8, 8)
    refused: str = ""


def binary(channels: int, out: int, kernel: int = 3, stride: int = 1, **options: Any) -> BinaryConv2d:
    """A binary convolution with a border of half its kernel."""
    return BinaryConv2d(
        channels,
        out,
        kernel,
        stride,
        kernel // 2,
        weight_binarizer=MeanScale(),
        input_binarizer=ClippedSign(),
        **options,
    )


class Around(nn.Module):
    """A real stem with its norm, a step that a function computes, a binary convolution behind it, and a head.

    Args:
        step: of (module, map); its result has `channels` channels.
        channels: of the step's result.
        parts: further layers, which the step finds as attributes.
    """

    def __init__(self, step: Callable[[Any, Tensor], Tensor], channels: int = 8, **parts: nn.Module):
        super().__init__()
        self.step = step
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        for name, part in parts.items():
            self.add_module(name, part)
        self.middle, self.last = nn.BatchNorm2d(channels), binary(channels, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 3, H, W)."""
        y = self.step(self, self.norm(self.stem(x)))
        return self.head(self.last(self.middle(y)).mean((2, 3)))


class Tail(nn.Module):
    """A real stem, a binary convolution with its norm, and a function of the map behind it.

    Args:
        step: of (module, map of 8 channels).
        parts: further layers, which the step finds as attributes.
    """

    def __init__(self, step: Callable[[Any, Tensor], Any], **parts: nn.Module):
        super().__init__()
        self.step = step
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.binary, self.after = binary(8, 8), nn.BatchNorm2d(8)
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Any:
        """x: (N, 3, H, W)."""
        return self.step(self, self.after(self.binary(self.norm(self.stem(x)))))
