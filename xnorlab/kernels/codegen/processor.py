"""The vector unit that code is generated for, and how wide and tall tiles are on it."""

from dataclasses import dataclass
from typing import Any

from numba.core.registry import cpu_target

COLUMNS = 2
"""Vectors of filters in a tile."""


@dataclass(frozen=True)
class VectorUnit:
    """What the compiler may use.

    Attributes:
        bits: width of a vector register.
        counts: whether there is a vector population count.
        ternary: whether there is three-input logic.
        arm: whether registers have ARM's names.
    """

    bits: int
    counts: bool
    ternary: bool
    arm: bool = False

    @classmethod
    def of(cls, features: str) -> "VectorUnit":
        """The unit that LLVM's feature list describes, so that code, cache key and weight layout agree."""
        has = {feature[1:] for feature in features.split(",") if feature.startswith("+")}
        wide = {"avx512f", "avx512bw"} <= has
        return cls(
            512 if wide else 256 if "avx2" in has else 128, wide and "avx512vpopcntdq" in has, wide, "neon" in has
        )

    @property
    def register(self) -> str:
        """The assembler's letter for vector registers."""
        return "w" if self.arm else "v"

    @property
    def float_filters(self) -> int:
        """Filters in a tile of real activations."""
        return COLUMNS * self.bits // 32

    @property
    def packed_filters(self) -> int:
        """Filters in a tile of packed activations."""
        return COLUMNS * self.bits // 64

    @property
    def accumulators(self) -> int:
        """Independent sums that hide the latency of an addition: 16, or 8 where there are only 16 registers."""
        return 8 if self.bits == 256 else 16

    def rows(self, arithmetic: str, group: int) -> tuple[int, int]:
        """Pixels in the tall and in the short tile: as many as the registers hold beside the operands."""
        plain = group == 1
        if self.bits == 256:
            return (3, 1) if plain and arithmetic.startswith("xnor") else (4, 2) if plain else (2, 1)
        if self.bits == 128 and group > 2:
            return 2, 1
        return (8, 4) if plain and (self.bits == 512 or not arithmetic.startswith("xnor")) else (4, 2)


def compiler_target(context: Any = None) -> tuple[str, str, str]:
    """The (triple, processor, features) that LLVM compiles for; NUMBA_CPU_NAME and NUMBA_CPU_FEATURES change them."""
    context = cpu_target.target_context if context is None else context
    return context.codegen().magic_tuple()


def vector_unit(context: Any = None) -> VectorUnit:
    """The vector unit that LLVM compiles for. context: Numba's target context, or None for this process's own."""
    return VectorUnit.of(compiler_target(context)[2])
