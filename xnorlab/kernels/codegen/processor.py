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
        shuffles: whether a byte shuffle looks tables of 16 bytes up.
    """

    bits: int
    counts: bool
    ternary: bool
    arm: bool = False
    shuffles: bool = False

    @classmethod
    def of(cls, features: str, triple: str = "") -> "VectorUnit":
        """The unit that LLVM's target describes, so that code, cache key and weight layout agree.

        ARM is told by the triple: LLVM lists no features on macOS, nor for a processor that it does not know; every
        64-bit ARM processor has NEON.
        """
        has = {feature[1:] for feature in features.split(",") if feature.startswith("+")}
        wide = {"avx512f", "avx512bw"} <= has
        arm = triple.startswith(("aarch64", "arm64"))
        return cls(
            bits=512 if wide else 256 if "avx2" in has else 128,
            counts=wide and "avx512vpopcntdq" in has,
            ternary=wide,
            arm=arm,
            shuffles=arm or "ssse3" in has,
        )

    @property
    def looks_up(self) -> bool:
        """Whether signs are summed by tables (lookup.py): bytes can be shuffled, bits of whole vectors not counted."""
        return self.shuffles and not self.counts

    def lookup_columns(self, filters: int) -> int:
        """Vectors of filters in a tile that sums by tables: two, or one where half of the last pair would be empty.

        A tile of two is about a seventh faster per filter.
        """
        vectors = -(-filters * 8 // self.bits)
        return 1 if vectors in (1, 3, 5) else COLUMNS

    def holds_groups(self, filters: int, channels: int) -> bool:
        """Whether a register of floats holds several groups of so many filters, which see as many channels.

        Narrower registers hold few groups, and lack the loads that leave out what lies beside the map.
        """
        return self.bits > 128 and filters == channels > 1 and self.bits // 32 % channels == 0

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
        """Pixels in the tall and in the short tile: as many as the registers hold beside the operands.

        For "lookup" pairs of pixels.
        """
        if arithmetic == "gathered":
            return self.rows("xnor", 1)
        plain = group == 1
        if arithmetic in ("real", "sign", "ternary") and not plain:
            return 4, 2  # taller ones keep inputs or weights in memory: 8 rows take 1.5 to 1.9 times as long
        if arithmetic == "lookup":
            return (2, 1) if group == COLUMNS else (3, 1)
        if self.bits == 256:
            return (3, 1) if plain and arithmetic == "xnor" else (5, 2) if plain else (2, 1)
        if self.bits == 128 and group > 2:
            return 2, 1
        return (8, 4) if plain and (self.bits == 512 or arithmetic != "xnor") else (4, 2)


def compiler_target(context: Any = None) -> tuple[str, str, str]:
    """The (triple, processor, features) that LLVM compiles for; NUMBA_CPU_NAME and NUMBA_CPU_FEATURES change them."""
    context = cpu_target.target_context if context is None else context
    return context.codegen().magic_tuple()


def vector_unit(context: Any = None) -> VectorUnit:
    """The vector unit that LLVM compiles for. context: Numba's target context, or None for this process's own."""
    triple, _, features = compiler_target(context)
    return VectorUnit.of(features, triple)
