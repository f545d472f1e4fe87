"""Ops that work on each value alone: norms, activations, signs, sums, borders. The package says how to add one."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from xnorlab.kernels.codegen.epilogue import Epilogue
from xnorlab.kernels.per_channel import multiply_add, parametric_relu
from xnorlab.runtime.limits import MAX_VALUES
from xnorlab.runtime.ops.base import EXTENDED, FLAGS, REAL, OnnxGraph, Op, Shape
from xnorlab.runtime.ops.onnx_steps import add_sign

__all__ = ["Add", "Affine", "Hardtanh", "PReLU", "Pad", "Quantize", "ReLU", "Sign"]


class Pointwise(Op):
    """An op whose output at a pixel and a channel comes from its inputs at that pixel and channel."""


class EpilogueOp(Pointwise):
    """An op that can work on the values of the convolution ahead of it while they are in registers."""

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """Append the op to a convolution's epilogue.

        Args:
            epilogue: whose values are one of the op's inputs.
            others: addresses of the values of the other inputs, in order.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False, kw_only=True)
class PerChannel(Op):
    """An op with tensors (C,), one entry per channel, the last axis of its input."""

    def _prepare(self) -> None:
        shapes = {name: array.shape for name, array in self.tensors().items()}
        if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise ValueError(f"{self.name}: {shapes} must all have one and the same shape (C,)")

    def output_shape(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        for array in self.tensors().values():
            if shapes[0][-1:] != array.shape:
                raise self._fail_shape(shapes[0], f"(…, {array.shape[0]})")
        return shapes[0]


@dataclass(frozen=True, eq=False, kw_only=True)
class Affine(PerChannel, EpilogueOp):
    """scale[c]·x + bias[c], rounded once: a BatchNorm that could not be folded, or a learned shift.

    One rounding (a fused multiply-add) is what torch's BatchNorm does on every CPU with AVX2 or AVX-512, measured
    with torch 2.15: contiguous and channels-last agree with it in every bit, two roundings in 7 of 10 values.
    """

    kind: ClassVar[str] = "affine"

    scale: np.ndarray = field(metadata=REAL)
    bias: np.ndarray = field(metadata=REAL)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …, C) → the same shape."""
        return multiply_add(arrays[0], self.scale, self.bias, out)

    def macs(self, *shapes: Shape) -> tuple[int, int]:
        """One real multiply-add per value."""
        return 0, int(np.prod(shapes[0]))

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """One fused multiply-add."""
        epilogue.affine(self.scale, self.bias)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """A product and a sum."""
        scaled = graph.node("Mul", [*inputs, graph.per_channel(self.scale, rank)])
        graph.node("Add", [scaled, graph.per_channel(self.bias, rank)])


@dataclass(frozen=True, eq=False, kw_only=True)
class PReLU(PerChannel, EpilogueOp):
    """x where x > 0, else slope[c]·x."""

    kind: ClassVar[str] = "prelu"

    slope: np.ndarray = field(metadata=REAL)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …, C) → the same shape."""
        return parametric_relu(arrays[0], self.slope, out)

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """A product and a choice."""
        epilogue.prelu(self.slope)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own PRelu."""
        graph.node("PRelu", [*inputs, graph.per_channel(self.slope, rank)])


@dataclass(frozen=True, eq=False, kw_only=True)
class ReLU(EpilogueOp):
    """max(x, 0)."""

    kind: ClassVar[str] = "relu"

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """Any shape → the same."""
        # clip is one vector pass: 38 µs on (56, 56, 64), where np.maximum with a scalar takes 96 µs.
        return np.clip(arrays[0], np.float32(0), np.float32(np.inf), out=out)

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """A clip without an upper limit."""
        epilogue.clip(0.0, np.inf)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Relu."""
        graph.node("Relu", inputs)


@dataclass(frozen=True, eq=False, kw_only=True)
class Hardtanh(EpilogueOp):
    """x clipped to [low, high]."""

    kind: ClassVar[str] = "hardtanh"

    low: float = -1.0
    high: float = 1.0

    def _prepare(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if type(value) is not float or not abs(value) <= float(np.finfo(np.float32).max):
                raise ValueError(f"{self.name}: {name}={value!r} must be a finite real number")
        if self.low > self.high:
            raise ValueError(f"{self.name}: low={self.low} must not exceed high={self.high}")

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """Any shape → the same."""
        return np.clip(arrays[0], np.float32(self.low), np.float32(self.high), out=out)

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """A clip."""
        epilogue.clip(self.low, self.high)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Clip."""
        limits = [graph.tensor(np.array(limit)) for limit in (self.low, self.high)]
        graph.node("Clip", [*inputs, *limits])


@dataclass(frozen=True, eq=False, kw_only=True)
class Sign(PerChannel):
    """The sign that `BinaryConv` takes, as real values −1 and +1: for a layer with binary inputs and real weights."""

    kind: ClassVar[str] = "sign"

    threshold: np.ndarray | None = field(default=None, metadata=EXTENDED)
    flip: np.ndarray | None = field(default=None, metadata=FLAGS)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, …, C) → the same shape."""
        bits = arrays[0] >= (np.float32(0) if self.threshold is None else self.threshold)
        if self.flip is not None:
            bits ^= self.flip
        signs = np.multiply(bits, np.float32(2), out=out)
        signs -= np.float32(1)
        return signs

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """GreaterOrEqual and Where."""
        add_sign(graph, inputs[0], rank, self.threshold, self.flip)


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantize(Pointwise):
    """The k-bit quantizer of XNOR-Net, section 3.2.

    q_k(x) = 2·(round((2^k − 1)·(x + 1)/2)/(2^k − 1) − 1/2) of x clipped to [−1, 1], k = `bits`.
    """

    kind: ClassVar[str] = "quantize"

    bits: int

    def _prepare(self) -> None:
        self._integer("bits", 2, 16)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """Any shape → the same."""
        # Each step rounds as the torch layer's step does: the order matters for the last bit.
        levels = np.float32(2**self.bits - 1)
        steps = np.clip(arrays[0], np.float32(-1), np.float32(1), out=out)
        steps += np.float32(1)
        steps *= levels
        steps /= np.float32(2)
        np.rint(steps, out=steps)
        steps /= levels
        steps -= np.float32(0.5)
        steps *= np.float32(2)
        return steps

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """Each step by itself, as it is rounded here; ONNX's Round takes halves to the even neighbour, too."""
        levels = 2**self.bits - 1
        limits = [graph.tensor(np.array(limit)) for limit in (-1, 1)]
        value = graph.node("Clip", [*inputs, *limits])
        for kind, number in (("Add", 1), ("Mul", levels), ("Div", 2)):
            value = graph.node(kind, [value, graph.tensor(np.array(number))])
        value = graph.node("Round", [value])
        for kind, number in (("Div", levels), ("Sub", 0.5), ("Mul", 2)):
            value = graph.node(kind, [value, graph.tensor(np.array(number))])


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(EpilogueOp):
    """The sum x + y of two values of one shape: a shortcut."""

    kind: ClassVar[str] = "add"
    n_inputs: ClassVar[int] = 2

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """Two arrays of one shape → the same shape."""
        return np.add(arrays[0], arrays[1], out=out)

    def output_shape(self, *shapes: Shape) -> Shape:
        """Both inputs' shape."""
        if shapes[0] != shapes[1]:
            raise ValueError(f"{self.name}: cannot add shapes {shapes[0]} and {shapes[1]}")
        return shapes[0]

    def append_to(self, epilogue: Epilogue, *others: int) -> None:
        """Add the other map, from memory."""
        (other,) = others
        epilogue.add(other)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Add."""
        graph.node("Add", inputs)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(Op):
    """A border of `value`, −1 or +1, around the map: what follows is a layer whose own padding is zeros."""

    kind: ClassVar[str] = "pad"

    padding: tuple[int, int]
    value: int

    def _prepare(self) -> None:
        self._int_pair("padding", 0)
        if type(self.value) is not int or self.value not in (-1, 1):
            raise ValueError(f"{self.name}: value={self.value!r} must be −1 or +1")

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, H, W, C) → (B, H + 2·vertical, W + 2·horizontal, C)."""
        v, h = self.padding
        batch, height, width, channels = arrays[0].shape
        if out is None:
            out = np.empty((batch, height + 2 * v, width + 2 * h, channels), np.float32)
        out[...] = self.value
        out[:, v : v + height, h : h + width] = arrays[0]
        return out

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) → (H + 2·vertical, W + 2·horizontal, C)."""
        height, width, channels = self._map(shapes[0])
        shape = (height + 2 * self.padding[0], width + 2 * self.padding[1], channels)
        if shape[0] * shape[1] * channels > MAX_VALUES:
            raise ValueError(f"{self.name}: the padded map {shape} has more than {MAX_VALUES:,} values")
        return shape

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Pad."""
        border = graph.integers(0, 0, *self.padding, 0, 0, *self.padding)
        graph.node("Pad", [*inputs, border, graph.tensor(np.array(self.value))])
