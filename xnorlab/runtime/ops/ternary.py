"""Ternary weights with real inputs: a convolution and a matrix product, two bits per weight."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from xnorlab.kernels.packing import unpack_bits, unpack_signs
from xnorlab.kernels.ternary_conv import TernaryWeightConv2d
from xnorlab.kernels.ternary_conv import TernaryWeightLinear as TernaryWeightLinearKernel
from xnorlab.runtime.ops.base import WORDS
from xnorlab.runtime.ops.kernel_weights import KernelWeights
from xnorlab.runtime.ops.matrices import PackedMatrix, RealInputMatrix
from xnorlab.runtime.ops.packed_convolutions import PackedWeightConv

__all__ = ["TernaryWeightConv", "TernaryWeightLinear"]


class _TernaryWeights(KernelWeights):
    """Mixin of ops with two planes of bits: `words`, 1 for +1, and `nonzero`, 1 for −1 and for +1."""

    since: ClassVar[int] = 4
    _beside: ClassVar[tuple[str, ...]] = ("nonzero",)

    words: np.ndarray
    nonzero: np.ndarray

    def _check_nonzero(self, bits: int) -> None:
        """Raise unless `nonzero` fits to `words`, which have been checked to hold so many bits along the last axis."""
        if self.nonzero.shape != self.words.shape:
            rule = f"the rule is that of words, {self.words.shape}"
            raise ValueError(f"{self.name}: nonzero has shape {self.nonzero.shape}; {rule}")
        self._check_words(self.nonzero, bits, "nonzero")
        if (self.words & ~self.nonzero).any():
            raise ValueError(f"{self.name}: words has a 1 where nonzero has a 0; the rule is 0 for a weight that is 0")

    @property
    def weight_bits(self) -> int:
        """Always 2."""
        return 2

    def _planes(self, bits: int) -> np.ndarray:
        """The weights as float32 (…, bits) of −1, 0 and +1."""
        return unpack_signs(self.words, bits) * unpack_bits(self.nonzero, bits)


@dataclass(frozen=True, eq=False, kw_only=True)
class TernaryWeightConv(_TernaryWeights, PackedWeightConv):
    """The convolution (x ∗ T)·scale + bias with a real x and T in {−1, 0, +1}: BitNet b1.58, Ternary Weight Networks.

    Padding is zeros.

    Attributes:
        words: uint64 (N, kh, kw, n_words(channels // groups)), bit 1 for +1.
        nonzero: uint64 of the same shape, bit 1 for −1 and for +1.
    """

    kind: ClassVar[str] = "ternary_weight_conv"

    nonzero: np.ndarray = field(metadata=WORDS)

    @property
    def _filters(self) -> np.ndarray:
        return self._planes(self.channels // self.groups)

    @cached_property
    def _kernel(self) -> TernaryWeightConv2d:
        self._check_packed()
        self._check_nonzero(self.channels // self.groups)
        return TernaryWeightConv2d(
            self.words, self.nonzero, self.channels, scale=self.scale, bias=self.bias, **self._geometry
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class TernaryWeightLinear(_TernaryWeights, PackedMatrix, RealInputMatrix):
    """The product (x·Tᵀ)·scale + bias with a real x and T in {−1, 0, +1}.

    Attributes:
        words: uint64 (N, n_words(features)), bit 1 for +1.
        nonzero: uint64 of the same shape, bit 1 for −1 and for +1.
    """

    kind: ClassVar[str] = "ternary_weight_linear"

    nonzero: np.ndarray = field(metadata=WORDS)

    @property
    def _filters(self) -> np.ndarray:
        return self._planes(self.features)

    @cached_property
    def _kernel(self) -> TernaryWeightLinearKernel:
        self._check_nonzero(self.features)
        return TernaryWeightLinearKernel(self.words, self.nonzero, self.features, scale=self.scale, bias=self.bias)
