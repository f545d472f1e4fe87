"""Ops over the positions of a map: pools, the mean over a whole map, and flattening."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from xnorlab.conventions import output_size
from xnorlab.kernels import pooling as kernels
from xnorlab.runtime.limits import check_work
from xnorlab.runtime.ops.base import OnnxGraph, Op, Shape

__all__ = ["AvgPool", "Flatten", "GlobalAvgPool", "MaxPool"]


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowPool(Op):
    """A pool: kernel, stride and padding, each (vertical, horizontal); padding is at most half the kernel."""

    _which: ClassVar[str]

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)

    def _prepare(self) -> None:
        for name, minimum in (("kernel", 1), ("stride", 1), ("padding", 0)):
            self._int_pair(name, minimum)
        if any(p > k // 2 for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(f"{self.name}: padding={self.padding} must be at most half of kernel={self.kernel}")

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → (OH, OW, C)."""
        height, width, channels = self._map(shapes[0])
        try:
            rows = output_size(height, self.kernel[0], self.stride[0], self.padding[0])
            columns = output_size(width, self.kernel[1], self.stride[1], self.padding[1])
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        work = rows * columns * channels * self.kernel[0] * self.kernel[1]
        check_work(self.name, work, "values under its windows")
        return rows, columns, channels

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, OH, OW, C)."""
        function = kernels.max_pool if self._which == "max" else kernels.avg_pool
        return function(arrays[0], self.kernel, self.stride, self.padding, out, threads=threads)

    def pool(self, shape: tuple[int, int, int, int]) -> kernels.Pool:
        """What computes it for inputs (B, H, W, C), for one caller at a time."""
        return kernels.Pool(self._which, shape, self.kernel, self.stride, self.padding)

    @property
    def _onnx_window(self) -> dict[str, Any]:
        return {"kernel_shape": self.kernel, "strides": self.stride, "pads": [*self.padding, *self.padding]}


@dataclass(frozen=True, eq=False, kw_only=True)
class MaxPool(WindowPool):
    """The largest value under each window; the border never wins."""

    kind: ClassVar[str] = "max_pool"
    _which: ClassVar[str] = "max"

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own MaxPool."""
        graph.node("MaxPool", inputs, **self._onnx_window)


@dataclass(frozen=True, eq=False, kw_only=True)
class AvgPool(WindowPool):
    """The mean under each window; the border counts as zeros (torch's count_include_pad=True)."""

    kind: ClassVar[str] = "avg_pool"
    _which: ClassVar[str] = "avg"

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own AveragePool."""
        graph.node("AveragePool", inputs, **self._onnx_window, count_include_pad=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class GlobalAvgPool(Op):
    """The mean over a whole map."""

    kind: ClassVar[str] = "global_avg_pool"

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, 1, 1, C)."""
        return kernels.global_avg_pool(arrays[0], None if out is None else out[:, 0, 0])[:, None, None, :]

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → (1, 1, C)."""
        return 1, 1, self._map(shapes[0])[2]

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own GlobalAveragePool."""
        graph.node("GlobalAveragePool", inputs)


@dataclass(frozen=True, eq=False, kw_only=True)
class Flatten(Op):
    """A map as one vector, in the order (H, W, C) in which it lies in memory: no value moves."""

    kind: ClassVar[str] = "flatten"

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, H·W·C)."""
        flat = np.ascontiguousarray(arrays[0]).reshape(len(arrays[0]), -1)
        if out is None:
            return flat
        out[...] = flat
        return out

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → (H·W·C,)."""
        height, width, channels = self._map(shapes[0])
        return (height * width * channels,)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """Channels last, then flat: where the map is 1 × 1 engines drop the transposition."""
        graph.node("Flatten", [graph.node("Transpose", inputs, perm=[0, 2, 3, 1])])
