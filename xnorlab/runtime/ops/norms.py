"""Norms by an input's own statistics: group, instance and layer normalisation. A BatchNorm is an `Affine`."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from xnorlab.runtime.ops.base import REAL, OnnxGraph, Shape
from xnorlab.runtime.ops.elementwise import PerChannel

__all__ = ["GroupNorm", "PixelNorm"]

_MAX_GROUPS = 2**20


@dataclass(frozen=True, eq=False, kw_only=True)
class _Norm(PerChannel):
    """(x − mean) / √(variance + eps) · scale[c] + bias[c]; eps: above 0; scale, bias: float32 (C,), or None."""

    eps: float
    scale: np.ndarray | None = field(default=None, metadata=REAL)
    bias: np.ndarray | None = field(default=None, metadata=REAL)

    def _prepare(self) -> None:
        super()._prepare()
        if type(self.eps) is not float or not 0 < self.eps <= 1e6:
            raise ValueError(f"{self.name}: eps={self.eps!r} must be above 0 and at most 1e6")

    def _onnx_scaled(self, graph: OnnxGraph, x: str, rank: int) -> None:
        one = graph.per_channel(np.ones(1, np.float32), rank)
        scaled = graph.node("Mul", [x, one if self.scale is None else graph.per_channel(self.scale, rank)])
        if self.bias is not None:
            graph.node("Add", [scaled, graph.per_channel(self.bias, rank)])


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupNorm(_Norm):
    """The norm of each group of channels over all pixels (Wu & He 2018).

    groups: of the channels; 1 is layer normalisation over (C, H, W), one per channel instance normalisation.
    """

    kind: ClassVar[str] = "group_norm"
    since: ClassVar[int] = 4

    groups: int

    def _prepare(self) -> None:
        super()._prepare()
        self._integer("groups", 1, _MAX_GROUPS)

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        if shapes[0][-1] % self.groups:
            raise ValueError(f"{self.name}: groups={self.groups} does not divide {shapes[0][-1]} channels")
        return super().output_shape(*shapes)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …, C) → the same shape."""
        x = arrays[0]
        batch, channels = len(x), x.shape[-1]
        pixels = x.reshape(batch, -1, channels)
        out = np.empty_like(x) if out is None else out
        centred = out.reshape(pixels.shape)
        np.subtract(pixels, self._of_groups(pixels).astype(np.float32)[:, None], out=centred)
        scale = 1 / np.sqrt(self._of_groups(np.square(centred)) + self.eps)
        centred *= (scale if self.scale is None else scale * self.scale).astype(np.float32)[:, None]
        if self.bias is not None:
            centred += self.bias
        return out

    def _of_groups(self, pixels: np.ndarray) -> np.ndarray:
        """The mean over each channel's group, summed in float64: (B, pixels, C) → (B, C)."""
        sums = pixels.sum(1, dtype=np.float64).reshape(len(pixels), self.groups, -1)
        means = sums.mean(2) / pixels.shape[1]
        return np.repeat(means, sums.shape[2], axis=1)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's InstanceNormalization of the groups, then scale and bias."""
        like = graph.node("Shape", inputs)
        grouped = graph.node("Reshape", [*inputs, graph.integers(0, self.groups, -1)])
        ones, zeros = graph.tensor(np.ones(self.groups)), graph.tensor(np.zeros(self.groups))
        normed = graph.node("InstanceNormalization", [grouped, ones, zeros], epsilon=self.eps)
        self._onnx_scaled(graph, graph.node("Reshape", [normed, like]), rank)


@dataclass(frozen=True, eq=False, kw_only=True)
class PixelNorm(_Norm):
    """The norm of each pixel over its channels: layer normalisation over C (Ba et al. 2016; ConvNeXt)."""

    kind: ClassVar[str] = "pixel_norm"
    since: ClassVar[int] = 4

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …, C) → the same shape."""
        centred = arrays[0] - arrays[0].mean(-1, dtype=np.float64, keepdims=True)
        variance = np.square(centred).mean(-1, keepdims=True)
        normed = (centred / np.sqrt(variance + self.eps)).astype(np.float32)
        if self.scale is not None:
            normed *= self.scale
        if self.bias is not None:
            normed += self.bias
        if out is None:
            return normed
        out[...] = normed
        return out

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """Mean, variance, quotient, scale and bias."""
        axes = [1]
        centred = graph.node("Sub", [*inputs, graph.node("ReduceMean", inputs, axes=axes, keepdims=1)])
        square = graph.node("Mul", [centred, centred])
        variance = graph.node(
            "Add", [graph.node("ReduceMean", [square], axes=axes, keepdims=1), graph.tensor(np.array(self.eps))]
        )
        self._onnx_scaled(graph, graph.node("Div", [centred, graph.node("Sqrt", [variance])]), rank)
