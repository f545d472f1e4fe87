"""Ops over the positions of a map: pools, the mean over a whole map, and flattening."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from xnorlab.conventions import output_size, output_size_rounded_up
from xnorlab.kernels import pooling as kernels
from xnorlab.runtime.limits import check_work
from xnorlab.runtime.ops.base import OnnxGraph, Op, Shape

__all__ = ["AvgPool", "CeilMaxPool", "CountedAvgPool", "Flatten", "GlobalAvgPool", "MaxPool"]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Windows(Op):
    """Windows over a map: kernel, stride, padding, each (vertical, horizontal); padding is at most half the kernel."""

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
        rule = output_size_rounded_up if self._rounds_up else output_size
        try:
            rows = rule(height, self.kernel[0], self.stride[0], self.padding[0])
            columns = rule(width, self.kernel[1], self.stride[1], self.padding[1])
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        work = rows * columns * channels * self.kernel[0] * self.kernel[1]
        check_work(self.name, work, "values under its windows")
        return rows, columns, channels

    def touched(self, *shapes: Shape) -> int:
        """Each value once for every window that it lies in."""
        return super().touched(*shapes) + math.prod(self.output_shape(*shapes)) * math.prod(self.kernel)

    @property
    def _rounds_up(self) -> bool:
        """Whether a last window may reach beyond the border (torch's ceil_mode)."""
        return False

    @property
    def _onnx_window(self) -> dict[str, Any]:
        window = {"kernel_shape": self.kernel, "strides": self.stride, "pads": [*self.padding, *self.padding]}
        return {**window, "ceil_mode": 1} if self._rounds_up else window


@dataclass(frozen=True, eq=False, kw_only=True)
class WindowPool(_Windows):
    """A pool that a kernel computes whole."""

    _which: ClassVar[str]

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, OH, OW, C)."""
        function = kernels.max_pool if self._which == "max" else kernels.avg_pool
        window = self.kernel, self.stride, self.padding
        return function(arrays[0], *window, out, threads=threads, ceil_mode=self._rounds_up)

    def pool(self, shape: tuple[int, int, int, int]) -> kernels.Pool:
        """What computes it for inputs (B, H, W, C), for one caller at a time."""
        return kernels.Pool(self._which, shape, self.kernel, self.stride, self.padding, self._rounds_up)


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
class CeilMaxPool(WindowPool):
    """`MaxPool` with as many windows as torch's ceil_mode=True has; the last ones may reach beyond the border."""

    kind: ClassVar[str] = "max_pool_ceil"
    since: ClassVar[int] = 4
    _which: ClassVar[str] = "max"

    @property
    def _rounds_up(self) -> bool:
        return True

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own MaxPool."""
        graph.node("MaxPool", inputs, **self._onnx_window)


@dataclass(frozen=True, eq=False, kw_only=True)
class CountedAvgPool(_Windows):
    """The sum under each window divided by a count of its own.

    Attributes:
        ceil_mode: whether a last window may reach beyond the border.
        count_include_pad: whether the border counts, as zeros; what lies beyond it never does.
        divisor: of every window in place of its count; 0 for none.
    """

    kind: ClassVar[str] = "avg_pool_counted"
    since: ClassVar[int] = 4

    ceil_mode: bool
    count_include_pad: bool
    divisor: int = 0

    def _prepare(self) -> None:
        super()._prepare()
        for name in ("ceil_mode", "count_include_pad"):
            self._flag(name)
        self._integer("divisor", 0, 2**24)

    @property
    def _rounds_up(self) -> bool:
        return self.ceil_mode

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, OH, OW, C)."""
        window = self.kernel, self.stride, self.padding
        mean = kernels.avg_pool(arrays[0], *window, out, threads=threads, ceil_mode=self.ceil_mode)
        mean *= self._factors(arrays[0].shape[1:3], mean.shape[1:3])
        return mean

    def _factors(self, size: tuple[int, ...], out_size: tuple[int, ...]) -> np.ndarray:
        """The area of each window over its count, float32 (OH, OW, 1)."""
        area = self.kernel[0] * self.kernel[1]
        if self.divisor:
            return np.full((*out_size, 1), area / self.divisor, np.float32)
        rows, columns = (
            _counts(*sides, included=self.count_include_pad)
            for sides in zip(size, out_size, self.kernel, self.stride, self.padding, strict=True)
        )
        return (area / (rows[:, None] * columns)[..., None]).astype(np.float32)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own AveragePool, which has no divisor; engines differ where a window reaches beyond the border."""
        if self.divisor or (self.ceil_mode and self.count_include_pad):
            super().to_onnx(graph, inputs, rank)
            return
        graph.node("AveragePool", inputs, **self._onnx_window, count_include_pad=int(self.count_include_pad))


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
        """(H, W, C), or any other shape, → (H·W·C,)."""
        return (math.prod(shapes[0]),)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """Channels last, then flat: where the map is 1 × 1 engines drop the transposition."""
        graph.node("Flatten", [graph.node("Transpose", inputs, perm=[0, 2, 3, 1])] if rank == 3 else inputs)


def _counts(size: int, windows: int, kernel: int, stride: int, padding: int, *, included: bool) -> np.ndarray:
    """How many places along one axis each window counts, int64 (windows,): within the map, or within its border too."""
    starts = np.arange(windows) * stride - padding
    ends = np.minimum(starts + kernel, size + padding)
    return ends - starts if included else np.minimum(ends, size) - np.maximum(starts, 0)
