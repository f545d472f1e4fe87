"""Arithmetic: products and quotients, and operations on two values of which one may be spread over the other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from xnorlab.kernels.codegen.epilogue import Epilogue
from xnorlab.runtime.ops.base import REAL, OnnxGraph, Shape
from xnorlab.runtime.ops.elementwise import EpilogueOp, PerChannel, Pointwise

__all__ = ["Constant", "Divide", "Multiply", "Pairwise"]

OPERATIONS: dict[str, tuple[Callable[..., np.ndarray], str]] = {
    "add": (np.add, "Add"),
    "divide": (np.divide, "Div"),
    "maximum": (np.maximum, "Max"),
    "minimum": (np.minimum, "Min"),
    "multiply": (np.multiply, "Mul"),
    "subtract": (np.subtract, "Sub"),
}
"""By name, numpy's function of two arrays and ONNX's operator."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Multiply(EpilogueOp):
    """The product x · y of two values of one shape."""

    kind: ClassVar[str] = "multiply"
    since: ClassVar[int] = 4
    n_inputs: ClassVar[int] = 2

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """Two arrays of one shape → the same shape."""
        return np.multiply(arrays[0], arrays[1], out=out)

    def output_shape(self, *shapes: Shape) -> Shape:
        """Both inputs' shape."""
        if shapes[0] != shapes[1]:
            raise ValueError(f"{self.name}: cannot multiply shapes {shapes[0]} and {shapes[1]}")
        return shapes[0]

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """Multiply by the other map, from memory."""
        (other,) = others
        epilogue.multiply(other)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Mul."""
        graph.node("Mul", inputs)


@dataclass(frozen=True, eq=False, kw_only=True)
class Divide(PerChannel, EpilogueOp):
    """The quotient x / divisor[c], rounded once. divisor: float32 (C,), nowhere 0."""

    kind: ClassVar[str] = "divide"
    since: ClassVar[int] = 4

    divisor: np.ndarray = field(metadata=REAL)

    def _prepare(self) -> None:
        super()._prepare()
        if not self.divisor.all():
            raise ValueError(f"{self.name}: divisor holds 0")

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …, C) → the same shape."""
        return np.divide(arrays[0], self.divisor, out=out)

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """A quotient."""
        epilogue.divide(self.divisor)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Div."""
        graph.node("Div", [*inputs, graph.per_channel(self.divisor, rank)])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Operation(Pointwise):
    """An operation of OPERATIONS on two values; of each axis, one of them may have 1, which is spread."""

    operation: str

    def _prepare(self) -> None:
        self._one_of("operation", *OPERATIONS)

    def _spread(self, a: Shape, b: Shape) -> Shape:
        if len(a) != len(b) or any(x != y and 1 not in (x, y) for x, y in zip(a, b, strict=True)):
            raise ValueError(
                f"{self.name}: {self.operation} of shapes {a} and {b}, of which none is spread over the other"
            )
        return tuple(max(x, y) for x, y in zip(a, b, strict=True))

    def _computed(self, a: np.ndarray, b: np.ndarray, out: np.ndarray | None) -> np.ndarray:
        with np.errstate(all="ignore"):
            return OPERATIONS[self.operation][0](a, b, out=out)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pairwise(_Operation):
    """An operation on two values: a map and a gate per channel (squeeze-and-excitation) or per pixel, two maps.

    operation: add, divide, maximum, minimum, multiply or subtract.
    """

    kind: ClassVar[str] = "pairwise"
    since: ClassVar[int] = 4
    n_inputs: ClassVar[int] = 2

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …) twice → (B, …)."""
        return self._computed(arrays[0], arrays[1], out)

    def output_shape(self, *shapes: Shape) -> Shape:
        """The larger of both inputs' sizes, axis by axis."""
        return self._spread(*shapes)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own operator."""
        graph.node(OPERATIONS[self.operation][1], inputs)


@dataclass(frozen=True, eq=False, kw_only=True)
class Constant(_Operation):
    """An operation on a value and a constant: an embedding of places, or limits per channel.

    operation: as in `Pairwise`, the value first.
    constant: float32 of as many axes as the value, (H, W, C) or (F,), each of its size or 1.
    """

    kind: ClassVar[str] = "constant"
    since: ClassVar[int] = 4

    constant: np.ndarray = field(metadata=REAL)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …) → (B, …)."""
        return self._computed(arrays[0], self.constant, out)

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        if self._spread(shapes[0], self.constant.shape) != shapes[0]:
            raise self._fail_shape(shapes[0], f"that of the constant, {self.constant.shape}, which may be spread")
        return shapes[0]

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own operator."""
        value = self.constant.transpose(2, 0, 1) if self.constant.ndim == 3 else self.constant
        graph.node(OPERATIONS[self.operation][1], [*inputs, graph.tensor(value)])
