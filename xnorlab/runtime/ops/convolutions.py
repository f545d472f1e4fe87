"""What all convolutions of a packed network share, and the real one; packed weights: packed_convolutions.py."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from xnorlab.conventions import output_size
from xnorlab.kernels.depthwise_conv import DepthwiseConv2d
from xnorlab.kernels.fixed_conv import FixedConv2d
from xnorlab.kernels.float_conv import FloatConv2d
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.tiled_conv import TiledConv
from xnorlab.runtime.limits import check_taps, check_tiles, check_work
from xnorlab.runtime.ops.base import REAL, OnnxGraph, Op, Shape
from xnorlab.runtime.ops.kernel_weights import KernelWeights

__all__ = ["Conv"]

MAX_CHANNELS = 2**20
"""Most channels of a map."""

FEW_CHANNELS = 4
"""Most channels of a picture; an input with more is a feature map."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Convolution(KernelWeights, Op):
    """A convolution: stride, padding and dilation, each (vertical, horizontal), and groups, as in torch.nn.Conv2d."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    _main: ClassVar[str] = "words"

    @cached_property
    def _shape(self) -> tuple[int, int, int, int]:
        """(N, kh, kw, channels of a group, or their words)."""
        weight = getattr(self, self._main)
        if weight.ndim != 4:
            raise ValueError(f"{self.name}: {self._main} of shape {weight.shape} must be (N, kh, kw, …)")
        return weight.shape

    @property
    def _window(self) -> tuple[int, int, int]:
        """(N, kh, kw)."""
        return self._shape[:3]

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        raise NotImplementedError

    def _prepare(self) -> None:
        filters = self._window[0]
        for name, minimum in (("stride", 1), ("padding", 0), ("dilation", 1)):
            self._int_pair(name, minimum)
        self._integer("groups", 1, MAX_CHANNELS)
        for name, value in (("filters", filters), ("channels", self.in_channels)):
            if value % self.groups:
                raise ValueError(f"{self.name}: groups={self.groups} does not divide {name}={value}")
        for name in ("scale", "bias"):
            self._per_channel(name, filters)
        check_tiles(self.name, filters, self.groups, self._window[1:], self.in_channels)
        self._kernel  # noqa: B018 (built here, so that a network that opens also runs)
        self._leave_weights_to_kernel()

    @cached_property
    def _kernel(self) -> TiledConv:
        raise NotImplementedError

    @property
    def is_tiled(self) -> bool:
        """Whether tiles of filters compute it, in whose epilogue other ops can run."""
        return True

    @property
    def kernel(self) -> TiledConv:
        """The kernel that computes it, with the operands in the order in which it reads them."""
        return self._kernel

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → (OH, OW, N)."""
        height, width, _ = self._map(shapes[0], self.in_channels)
        filters, kh, kw = self._window
        sizes = []
        for size, kernel, stride, pad, dilation in zip(
            (height, width), (kh, kw), self.stride, self.padding, self.dilation, strict=True
        ):
            try:
                sizes.append(output_size(size, kernel, stride, pad, dilation))
            except ValueError as error:
                raise ValueError(f"{self.name}: {error}") from None
        window = Window((kh, kw), self.stride, self.padding, self.dilation)
        check_taps(self.name, window, self.groups, height, width, self.in_channels)
        check_work(self.name, self._macs_at(sizes[0] * sizes[1]), "multiply-adds")
        return sizes[0], sizes[1], filters

    def _macs_at(self, pixels: int) -> int:
        filters, kh, kw = self._window
        return pixels * filters * kh * kw * (self.in_channels // self.groups)

    def _all_macs(self, shapes: tuple[Shape, ...]) -> int:
        height, width, _ = self.output_shape(*shapes)
        return self._macs_at(height * width)

    def touched(self, *shapes: Shape) -> int:
        """The padded border counts as well: some kernels lay the input out with it."""
        padded = math.prod(size + 2 * pad for size, pad in zip(shapes[0], self.padding, strict=False))
        return super().touched(*shapes) + padded * self.in_channels

    @property
    def _geometry(self) -> dict[str, Any]:
        names = ("stride", "padding", "dilation", "groups")
        return {name: getattr(self, name) for name in names}

    @property
    def _onnx_geometry(self) -> dict[str, Any]:
        return {
            "strides": self.stride,
            "pads": [*self.padding, *self.padding],
            "dilations": self.dilation,
            "group": self.groups,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Convolution):
    """The real convolution x ∗ (scale·W) + bias; padding is zeros.

    Attributes:
        weight: W, float32 (N, kh, kw, C // groups).
        scale: float32 (N,) or None: a folded BatchNorm, kept apart from the weight so that the file stays small where
            the weight is exact in float16.
        bias: float32 (N,) or None.
    """

    kind: ClassVar[str] = "conv"
    _main: ClassVar[str] = "weight"

    weight: np.ndarray = field(metadata=REAL)
    scale: np.ndarray | None = field(default=None, metadata=REAL)
    bias: np.ndarray | None = field(default=None, metadata=REAL)

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return self._shape[3] * self.groups

    @property
    def _scaled(self) -> np.ndarray:
        return self._times_scale(self.weight, self.scale)

    @property
    def is_tiled(self) -> bool:
        """Whether it is none with one filter per channel, which share no input that a tile could keep."""
        filters, *_, per_group = self._shape
        return not filters == self.groups > per_group == 1

    @cached_property
    def _kernel(self) -> FloatConv2d | DepthwiseConv2d:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._check_scaled(self.weight, self.scale)
        geometry = self._geometry
        if self.is_tiled:
            return FloatConv2d(self.weight, scale=self.scale, bias=self.bias, **geometry)
        del geometry["groups"]
        return DepthwiseConv2d(self.weight, scale=self.scale, bias=self.bias, **geometry)

    def bound(self, arrays: tuple[np.ndarray, ...], out: np.ndarray) -> Callable[[int], object]:
        """The kernel's call, made once."""
        return self._kernel.bound(arrays[0], out)

    @cached_property
    def fixed(self) -> FixedConv2d | None:
        """The kernel for pictures, in integers; None where that is not exact, not possible or not faster."""
        if self.groups > 1 or self.dilation != (1, 1) or self.in_channels > FEW_CHANNELS:
            return None
        return FixedConv2d.of(self._scaled, bias=self.bias, stride=self.stride, padding=self.padding)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, OH, OW, N)."""
        return self._kernel(arrays[0], threads=threads, out=out)

    def macs(self, *shapes: Shape) -> tuple[int, int]:
        """All real."""
        return 0, self._all_macs(shapes)

    @property
    def weight_bits(self) -> int:
        """16 where the file holds float16, else 32."""
        return self._weight_bits

    @cached_property
    def _weight_bits(self) -> int:
        return self._bits_of(self.weight)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Conv, its weight scaled."""
        bias = [] if self.bias is None else [graph.tensor(self.bias)]
        weight = graph.tensor(self._scaled.transpose(0, 3, 1, 2))
        graph.node("Conv", [*inputs, weight, *bias], **self._onnx_geometry)
