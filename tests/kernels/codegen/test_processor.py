"""Tiles are as wide as the processor's features say."""

import pytest

from xnorlab.kernels.codegen.processor import VectorUnit


@pytest.mark.parametrize(
    ("features", "bits", "counts"),
    [
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
