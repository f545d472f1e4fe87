"""Convolutions with packed weights: binary weights with real inputs, and wholly binary."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from xnorlab.conventions import PAD_VALUES
from xnorlab.kernels.float_conv import BinaryWeightConv2d, PackedWeights
from xnorlab.kernels.packing import unpack_signs
from xnorlab.kernels.pooling import bound_input_scale, input_scale_map
from xnorlab.kernels.xnor_conv import XnorConv2d
from xnorlab.runtime.ops.base import EXTENDED, FLAGS, REAL, WORDS, OnnxGraph, Shape
from xnorlab.runtime.ops.convolutions import MAX_CHANNELS, Convolution
from xnorlab.runtime.ops.onnx_steps import add_scaled, add_sign

__all__ = ["BinaryConv", "BinaryWeightConv"]


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
        self._integer("channels", 1, MAX_CHANNELS)
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
