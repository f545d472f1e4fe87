"""Ops over one or more axes of a value: means, extremes, sums, softmax."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xnorlab.runtime.ops.base import OnnxGraph, Op, Shape
from xnorlab.runtime.ops.joining import onnx_axis

__all__ = ["Reduce", "Softmax"]

_REDUCE = {"mean": np.mean, "max": np.max, "min": np.min, "sum": np.sum}


@dataclass(frozen=True, eq=False, kw_only=True)
class Reduce(Op):
    """The mean, largest or smallest value, or sum over some axes, which keep the size 1.

    Attributes:
        how: "mean", "max", "min" or "sum".
        axes: rising, counted without the batch; of a map 0 is height, 1 is width and 2 is channels.
    """

    kind: ClassVar[str] = "reduce"
    since: ClassVar[int] = 4

    how: str
    axes: tuple[int, ...]

    def _prepare(self) -> None:
        self._one_of("how", *_REDUCE)
        fits = isinstance(self.axes, tuple) and all(type(axis) is int and 0 <= axis < 8 for axis in self.axes)
        if not fits or not self.axes or list(self.axes) != sorted(set(self.axes)):
            raise ValueError(f"{self.name}: axes={self.axes!r} must be rising integers from 0 to 7")

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's shape with 1 for each of the axes."""
        if self.axes[-1] >= len(shapes[0]):
            raise self._fail_shape(shapes[0], f"more than {self.axes[-1]} axes")
        return tuple(1 if axis in self.axes else size for axis, size in enumerate(shapes[0]))

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …) → (B, …) with 1 for each of the axes."""
        return _REDUCE[self.how](arrays[0], axis=tuple(axis + 1 for axis in self.axes), keepdims=True, out=out)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own ReduceMean, ReduceMax, ReduceMin or ReduceSum."""
        axes = [onnx_axis(axis, rank) for axis in self.axes]
        if self.how == "sum":
            graph.node("ReduceSum", [*inputs, graph.integers(*axes)])
        else:
            graph.node(f"Reduce{self.how.capitalize()}", inputs, axes=axes)


@dataclass(frozen=True, eq=False, kw_only=True)
class Softmax(Op):
    """exp(x) / Σ exp(x) over the last axis, or its logarithm where `log` is true."""

    kind: ClassVar[str] = "softmax"
    since: ClassVar[int] = 4

    log: bool = False

    def _prepare(self) -> None:
        self._flag("log")

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's shape, which has an axis."""
        if not shapes[0]:
            raise self._fail_shape(shapes[0], "(…, C)")
        return shapes[0]

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …, C) → the same shape."""
        shifted = np.subtract(arrays[0], arrays[0].max(axis=-1, keepdims=True), out=out)
        if self.log:
            shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
            return shifted
        np.exp(shifted, out=shifted)
        shifted /= shifted.sum(axis=-1, keepdims=True)
        return shifted

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Softmax or LogSoftmax."""
        graph.node("LogSoftmax" if self.log else "Softmax", inputs, axis=onnx_axis(rank - 1, rank))
