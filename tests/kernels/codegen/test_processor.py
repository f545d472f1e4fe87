"""Tiles are as wide as the processor's features say."""

import pytest

from xnorlab.kernels.codegen.processor import VectorUnit


@pytest.mark.parametrize(
    ("features", "bits", "counts"),
    [
        ("+sse2,+ssse3", 128, False),
        ("+sse2,+avx2,+avx512f,+avx512bw,+avx512vpopcntdq", 512, True),
        ("+avx2,+avx512f,+avx512bw,-avx512vpopcntdq", 512, False),
        ("+avx2,+avx512f", 256, False),
        ("+avx,+avx2", 256, False),
        ("+avx,-avx2", 128, False),
        ("+neon,+fp-armv8", 128, False),
        ("", 128, False),
    ],
)
def test_the_vector_width_follows_the_features(features: str, bits: int, counts: bool):
    unit = VectorUnit.of(features)
    assert (unit.bits, unit.counts, unit.ternary) == (bits, counts, bits == 512)
    assert (unit.packed_filters, unit.float_filters) == (bits // 32, bits // 16)
    assert unit.looks_up == (not counts and "+ssse3" in features)


@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "arm64-apple-darwin23.6.0"])
@pytest.mark.parametrize("features", ["+neon,+fp-armv8", ""])
def test_arm_is_told_by_the_triple(triple: str, features: str):
    """LLVM lists no features on macOS; every 64-bit ARM processor has NEON and its names for registers."""
    unit = VectorUnit.of(features, triple)
    assert (unit.bits, unit.arm, unit.register, unit.looks_up) == (128, True, "w", True)


@pytest.mark.parametrize(
    ("filters", "columns"), [(16, 1), (32, 1), (33, 2), (64, 2), (96, 1), (128, 2), (160, 1), (224, 2)]
)
def test_columns_of_tables_leave_few_registers_empty(filters: int, columns: int):
    assert VectorUnit.of("+ssse3,+avx2").lookup_columns(filters) == columns
