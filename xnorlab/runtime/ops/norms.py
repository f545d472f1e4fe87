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

    def _normalised(self, x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and 1/√(variance + eps) over `axes`, float32, summed in float64."""
        mean = x.mean(axes, dtype=np.float64, keepdims=True)
        variance = np.square(x - mean).mean(axes, keepdims=True)
        return mean, 1 / np.sqrt(variance + self.eps)

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
        grouped = x.reshape(batch, -1, self.groups, channels // self.groups)
        mean, factor = self._normalised(grouped, (1, 3))
        out = np.empty_like(x) if out is None else out
        np.subtract(grouped, mean.astype(np.float32), out=out.reshape(grouped.shape))
        spread = np.broadcast_to(factor, (batch, 1, self.groups, channels // self.groups)).reshape(batch, channels)
        scale = spread if self.scale is None else spread * self.scale
        out *= scale.astype(np.float32).reshape(batch, *[1] * (x.ndim - 2), channels)
        if self.bias is not None:
            out += self.bias
        return out

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
        mean, factor = self._normalised(arrays[0], (-1,))
        normed = ((arrays[0] - mean) * factor).astype(np.float32)
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
