"""What the compiler may use of this processor, and how wide and tall tiles are on it."""

from dataclasses import dataclass
from typing import Any

from numba.core.registry import cpu_target

COLUMNS = 2
"""Vectors of filters in a tile."""


@dataclass(frozen=True)
class VectorUnit:
    """What the compiler may use: register width in bits, vector population count, three-input logic, ARM's names."""

    bits: int
    counts: bool
    ternary: bool
    arm: bool = False

    @classmethod
    def of(cls, features: str) -> "VectorUnit":
        """From the features that LLVM is given, so that code, cache key and weight layout agree."""
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

    def rows(self, arithmetic: str, group: int) -> tuple[int, int]:
        """Pixels of the tall and of the short tile: as many as the registers hold beside the operands."""
        plain = group == 1
        if self.bits == 256:
            return (3, 1) if plain and arithmetic.startswith("xnor") else (4, 2) if plain else (2, 1)
        if self.bits == 128 and group > 2:
            return 2, 1
        return (8, 4) if plain and (self.bits == 512 or not arithmetic.startswith("xnor")) else (4, 2)


def compiler_target(context: Any = None) -> tuple[str, str, str]:
    """(triple, processor, features) that LLVM compiles for; NUMBA_CPU_NAME and NUMBA_CPU_FEATURES decide too."""
    context = cpu_target.target_context if context is None else context
    return context.codegen().magic_tuple()


def vector_unit(context: Any = None) -> VectorUnit:
    """The vector unit that LLVM compiles for, by Numba's target context where one is at hand."""
    return VectorUnit.of(compiler_target(context)[2])
