"""Matrix products: real, with binary weights and real inputs, and wholly binary."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from xnorlab.kernels.float_conv import BinaryWeightLinear as BinaryWeightLinearKernel
from xnorlab.kernels.float_conv import FloatLinear
from xnorlab.kernels.packing import unpack_signs
from xnorlab.kernels.xnor_linear import XnorLinear
from xnorlab.runtime.limits import MAX_VALUES
from xnorlab.runtime.ops.base import EXTENDED, FLAGS, REAL, WORDS, OnnxGraph, Op, Shape
from xnorlab.runtime.ops.kernel_weights import KernelWeights
from xnorlab.runtime.ops.onnx_steps import add_scaled, add_sign

__all__ = ["BinaryLinear", "BinaryWeightLinear", "Linear"]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Matrix(KernelWeights, Op):
    _main: ClassVar[str] = "words"

    @cached_property
    def _shape(self) -> tuple[int, int]:
        """(N, F)."""
        raise NotImplementedError

    def _prepare(self) -> None:
        for name in ("scale", "bias"):
            self._per_channel(name, self._shape[0])
        self._kernel  # noqa: B018 (built here, so that a network that opens also runs)
        self._leave_weights_to_kernel()

    @cached_property
    def _kernel(self):
        raise NotImplementedError

    def output_shape(self, *shapes: Shape) -> Shape:
        """(F,) → (N,)."""
        filters, features = self._shape
        if shapes[0] != (features,):
            raise self._fail_shape(shapes[0], f"({features},)")
        return (filters,)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, F) → (B, N)."""
        return self._kernel(arrays[0], threads=threads, out=out)

    def macs(self, *shapes: Shape) -> tuple[int, int]:
        """All real; sums of real values over binary weights count as real."""
        return 0, self._shape[0] * self._shape[1]


@dataclass(frozen=True, eq=False, kw_only=True)
class RealInputMatrix(_Matrix):
    """A matrix product of real vectors."""

    def bound(self, arrays: tuple[np.ndarray, ...], out: np.ndarray) -> Callable[[int], object]:
        """The kernel's call, made once."""
        return self._kernel.bound(arrays[0], out)


@dataclass(frozen=True, eq=False, kw_only=True)
class Linear(RealInputMatrix):
    """The real matrix product x·(scale·W)ᵀ + bias. weight: (N, F); scale, bias: (N,) or None, as in `Conv`."""

    kind: ClassVar[str] = "linear"
    _main: ClassVar[str] = "weight"

    weight: np.ndarray = field(metadata=REAL)
    scale: np.ndarray | None = field(default=None, metadata=REAL)
    bias: np.ndarray | None = field(default=None, metadata=REAL)

    @cached_property
    def _shape(self) -> tuple[int, int]:
        return self.weight.shape[0], self.weight.shape[1]

    def _prepare(self) -> None:
        if self.weight.ndim != 2:
            raise ValueError(f"{self.name}: weight of shape {self.weight.shape} must be (N, F)")
        super()._prepare()

    @property
    def _scaled(self) -> np.ndarray:
        return self._times_scale(self.weight, self.scale)

    @cached_property
    def _kernel(self) -> FloatLinear:
        self._check_scaled(self.weight, self.scale)
        return FloatLinear(self.weight, scale=self.scale, bias=self.bias)

    @property
    def weight_bits(self) -> int:
        """16 where the file holds float16, else 32."""
        return self._weight_bits

    @cached_property
    def _weight_bits(self) -> int:
        return self._bits_of(self.weight)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Gemm, its weight scaled."""
        bias = [] if self.bias is None else [graph.tensor(self.bias)]
        graph.node("Gemm", [*inputs, graph.tensor(self._scaled), *bias], transB=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class PackedMatrix(_Matrix):
    """A matrix with packed weights, one bit each unless a subclass has more.

    Attributes:
        features: F, of the input.
        words: uint64 (N, n_words(features)).
        scale: float32 (N,) or None.
        bias: float32 (N,) or None.
    """

    features: int
    words: np.ndarray = field(metadata=WORDS)
    scale: np.ndarray | None = field(default=None, metadata=REAL)
    bias: np.ndarray | None = field(default=None, metadata=REAL)

    @cached_property
    def _shape(self) -> tuple[int, int]:
        return self.words.shape[0], self.features

    def _prepare(self) -> None:
        if self.words.ndim != 2:
            raise ValueError(f"{self.name}: words of shape {self.words.shape} must be (N, n_words(features))")
        self._integer("features", 1, MAX_VALUES)
        self._check_words(self.words, self.features)
        super()._prepare()

    @property
    def weight_bits(self) -> int:
        """Always 1."""
        return 1

    @property
    def _filters(self) -> np.ndarray:
        """The weights as float32 (N, F) of −1, +1 and, where the op has them, 0."""
        return unpack_signs(self.words, self.features)

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """ONNX's own Gemm with weights of −1 and +1, or 0; then a product and a sum."""
        sums = graph.node("Gemm", [*inputs, graph.tensor(self._filters)], transB=1)
        add_scaled(graph, sums, rank, self.scale, self.bias)


@dataclass(frozen=True, eq=False, kw_only=True)
class BinaryWeightLinear(PackedMatrix, RealInputMatrix):
    """The product (x·Bᵀ)·scale + bias with a real x and B in {−1, +1}."""

    kind: ClassVar[str] = "binary_weight_linear"

    @cached_property
    def _kernel(self) -> BinaryWeightLinearKernel:
        return BinaryWeightLinearKernel(self.words, self.features, scale=self.scale, bias=self.bias)


@dataclass(frozen=True, eq=False, kw_only=True)
class BinaryLinear(PackedMatrix):
    """The binary product (sign(x)·Bᵀ)·scale + bias; threshold (F,) and flip (F,) make the sign, as in `BinaryConv`."""

    kind: ClassVar[str] = "binary_linear"

    threshold: np.ndarray | None = field(default=None, metadata=EXTENDED)
    flip: np.ndarray | None = field(default=None, metadata=FLAGS)

    def _prepare(self) -> None:
        super()._prepare()
        for name in ("threshold", "flip"):
            self._per_channel(name, self.features)

    @cached_property
    def _kernel(self) -> XnorLinear:
        return XnorLinear(self.words, self.features, scale=self.scale, bias=self.bias)

    def __call__(self, *arrays: np.ndarray, threads: int = 1, out: np.ndarray | None = None) -> np.ndarray:
        """(B, F) → (B, N)."""
        return self._kernel(arrays[0], threshold=self.threshold, flip=self.flip, threads=threads, out=out)

    def macs(self, *shapes: Shape) -> tuple[int, int]:
        """All binary."""
        return self._shape[0] * self._shape[1], 0

    def to_onnx(self, graph: OnnxGraph, inputs: list[str], rank: int) -> None:
        """Signs ahead of the product, whose sums are exact integers."""
        super().to_onnx(graph, [add_sign(graph, inputs[0], rank, self.threshold, self.flip)], rank)
