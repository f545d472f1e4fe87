"""The convolutions of a packed network: real, binary weights with real inputs, and wholly binary."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from xnorlab.conventions import PAD_VALUES, output_size
from xnorlab.kernels.depthwise_conv import DepthwiseConv2d
from xnorlab.kernels.fixed_conv import FixedConv2d
from xnorlab.kernels.float_conv import BinaryWeightConv2d, FloatConv2d, PackedWeights
from xnorlab.kernels.geometry import Window
from xnorlab.kernels.packing import unpack_signs
from xnorlab.kernels.pooling import bound_input_scale, input_scale_map
from xnorlab.kernels.tiled_conv import TiledConv
from xnorlab.kernels.xnor_conv import XnorConv2d
from xnorlab.runtime.limits import check_taps, check_tiles, check_work
from xnorlab.runtime.ops.base import EXTENDED, FLAGS, REAL, WORDS, OnnxGraph, Op, Shape
from xnorlab.runtime.ops.kernel_weights import KernelWeights
from xnorlab.runtime.ops.onnx_steps import add_scaled, add_sign

__all__ = ["BinaryConv", "BinaryWeightConv", "Conv"]

_MAX_CHANNELS = 2**20

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
        self._integer("groups", 1, _MAX_CHANNELS)
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


@dataclass(frozen=True, eq=False, kw_only=True)
class PackedConvolution(Convolution):
    """A convolution with packed weights, one bit each unless a subclass has more.

    Attributes:
        channels: of the input.
        words: uint64 (N, kh, kw, n_words(channels // groups)).
        scale: float32 (N,) or None.
        bias: float32 (N,) or None.
    """

    channels: int
    words: np.ndarray = field(metadata=WORDS)
    scale: np.ndarray | None = field(default=None, metadata=REAL)
    bias: np.ndarray | None = field(default=None, metadata=REAL)

    def _prepare(self) -> None:
        self._integer("channels", 1, _MAX_CHANNELS)
        super()._prepare()

    def _check_packed(self) -> None:
        self._check_words(self.words, self.channels // self.groups)

    @property
    def _filters(self) -> np.ndarray:
        """The weights as float32 (N, kh, kw, channels // groups) of −1, +1 and, where the op has them, 0."""
        return unpack_signs(self.words, self.channels // self.groups)

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return self.channels

    @property
    def weight_bits(self) -> int:
        """Always 1."""
        return 1


@dataclass(frozen=True, eq=False, kw_only=True)
class PackedWeightConv(PackedConvolution):
    """A convolution of real inputs with packed weights. Padding is zeros."""

    @cached_property
    def _kernel(self) -> PackedWeights:
        raise NotImplementedError

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, OH, OW, N)."""
        return self._kernel(arrays[0], threads=threads, out=out)

    def macs(self, *shapes: Shape) -> tuple[int, int]:
        """All counted as real: the sums are of real values."""
        return 0, self._all_macs(shapes)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Conv with weights of −1 and +1, or 0; then a product and a sum."""
        weight = graph.tensor(self._filters.transpose(0, 3, 1, 2))
        sums = graph.node("Conv", [*inputs, weight], **self._onnx_geometry)
        add_scaled(graph, sums, rank, self.scale, self.bias)


@dataclass(frozen=True, eq=False, kw_only=True)
class BinaryWeightConv(PackedWeightConv):
    """The convolution (x ∗ B)·scale + bias with a real x and B in {−1, +1}: BWN, BinaryConnect. Padding is zeros."""

    kind: ClassVar[str] = "binary_weight_conv"

    @cached_property
    def _kernel(self) -> BinaryWeightConv2d:
        self._check_packed()
        return BinaryWeightConv2d(self.words, self.channels, scale=self.scale, bias=self.bias, **self._geometry)


@dataclass(frozen=True, eq=False, kw_only=True)
class BinaryConv(PackedConvolution):
    """The binary convolution (sign(x) ⊛ B)·scale [·K] + bias, sums of signs only (XNOR-Net, section 3.2).

    The sign of channel c is +1 where (x >= threshold[c]) differs from flip[c]; a BatchNorm and a learned shift
    ahead of the sign are folded into these.

    Attributes:
        pad_value: what the border holds, −1, 0 or +1.
        input_scale: whether to multiply by K of x.
        threshold: float32 (C,), ±inf for a constant channel, or None for 0.
        flip: bool (C,), or None for no flip.
    """

    kind: ClassVar[str] = "binary_conv"

    pad_value: int = 0
    input_scale: bool = False
    threshold: np.ndarray | None = field(default=None, metadata=EXTENDED)
    flip: np.ndarray | None = field(default=None, metadata=FLAGS)

    def _prepare(self) -> None:
        self._flag("input_scale")
        if type(self.pad_value) is not int or self.pad_value not in PAD_VALUES:
            raise ValueError(f"{self.name}: pad_value={self.pad_value!r} must be −1, 0 or +1")
        super()._prepare()
        for name in ("threshold", "flip"):
            self._per_channel(name, self.channels)

    @property
    def kernel(self) -> XnorConv2d:
        """The kernel that computes it, with the operands in the order in which it reads them."""
        return self._kernel

    @cached_property
    def _kernel(self) -> XnorConv2d:
        self._check_packed()
        return XnorConv2d(
            self.words, self.channels, scale=self.scale, bias=self.bias, pad_value=self.pad_value, **self._geometry
        )

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, OH, OW, N)."""
        x = arrays[0]
        factor = self.factors(x) if self.input_scale else None
        return self._kernel(x, threshold=self.threshold, flip=self.flip, input_scale=factor, threads=threads, out=out)

    def factors(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The input scale K, float32 (B, OH, OW), of an input (B, H, W, C)."""
        return input_scale_map(x, self._window[1:], self.stride, self.padding, self.dilation, out)

    def bound_factors(self, x: np.ndarray, out: np.ndarray) -> Callable[[], object]:
        """A function that writes `factors` of an input that stays where it is."""
        return bound_input_scale(x, self._window[1:], self.stride, self.padding, self.dilation, out)

    def macs(self, *shapes: Shape) -> tuple[int, int]:
        """All binary; K counts one real multiply-add per input value, and per tap of its box at every output pixel."""
        real = 0
        if self.input_scale:
            height, width, _ = self.output_shape(*shapes)
            real = int(np.prod(shapes[0])) + height * width * self._window[1] * self._window[2]
        return self._all_macs(shapes), real

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """Signs, and ONNX's own Conv with weights of −1 and +1, whose sums are exact integers; then α, K and bias.

        K's mean over the channels is rounded to float32 there, and here once at the end: last bits can differ.
        """
        signs = add_sign(graph, inputs[0], rank, self.threshold, self.flip)
        geometry = self._onnx_geometry
        if self.pad_value and any(self.padding):
            border = graph.integers(0, 0, *self.padding, 0, 0, *self.padding)
            signs = graph.node("Pad", [signs, border, graph.tensor(np.array(self.pad_value))])
            geometry["pads"] = [0, 0, 0, 0]
        weight = graph.tensor(self._filters.transpose(0, 3, 1, 2))
        factor = self._onnx_factors(graph, inputs[0]) if self.input_scale else None
        sums = graph.node("Conv", [signs, weight], **geometry)
        add_scaled(graph, sums, rank, self.scale, self.bias, factor)

    def _onnx_factors(self, graph: OnnxGraph, x: str) -> str:
        """Append K; returns its name."""
        mean = graph.node("ReduceMean", [graph.node("Abs", [x])], axes=[1], keepdims=1)
        kernel = self._window[1:]
        box = graph.tensor(np.full((1, 1, *kernel), 1 / (kernel[0] * kernel[1])))
        return graph.node("Conv", [mean, box], **{**self._onnx_geometry, "group": 1})
