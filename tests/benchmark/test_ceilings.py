"""The machine's limits: measured alone, plausible, and above what real code reaches."""

import json

import numpy as np
import pytest

from xnorlab.benchmark import measure_ceilings
from xnorlab.benchmark.ceilings import binary_ceiling, binary_loop
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.register_loops import look_up_loop, multiply_add_loop


def test_rates_are_those_of_a_processor():
    ceilings = measure_ceilings(0.02)
    assert ceilings.binary_macs_per_s > ceilings.float_macs_per_s > 1e8, "64 at a time against a few at a time"
    assert ceilings.bytes_per_s > 1e7
    assert json.loads(json.dumps(ceilings.to_dict()))["float_macs_per_s"] == ceilings.float_macs_per_s


def test_the_binary_ceiling_is_between_a_slow_and_an_impossible_processor():
    assert 1e10 < binary_ceiling(0.05) < 1e14


def test_the_ceiling_is_that_of_the_method_in_use():
    assert binary_loop().startswith("byte shuffles" if vector_unit().looks_up else "xor, count and add")


@pytest.mark.skipif(not vector_unit().shuffles, reason="needs a byte shuffle")
@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_the_timed_loop_really_looks_up(rounds: int):
    """By hand: every byte of a table is alike, whatever the nibble that names it."""
    n = vector_unit().bits // 8
    lows, highs = [np.full(n, i + 1, np.uint8) for i in range(4)], [np.full(n // 2, i + 1, np.uint16) for i in range(4)]
    for _ in range(rounds):
        totals = [lows[i] + lows[(i + 1) % 4] + lows[(i + 2) % 4] for i in range(4)]
        lows = [low + (s & 15) for low, s in zip(lows, totals, strict=True)]
        highs = [high + (s.view(np.uint16) >> 4) for high, s in zip(highs, totals, strict=True)]
    sums = [int(array.view(np.uint16).sum(dtype=np.int64)) for array in (*lows, *highs)]
    assert look_up_loop(rounds, 12345) == sum(sums) % 2**16


@pytest.mark.parametrize("rounds", [1, 7])
def test_the_timed_loop_really_multiplies_and_adds(rounds: int):
    total = multiply_add_loop(rounds, np.float32(0.5))
    before = multiply_add_loop(0, np.float32(0.5))
    lanes = multiply_add_loop(200, np.float32(0.5))  # s · 0.5 + 0.5 has come to rest at 1 in every lane
    assert total == pytest.approx(before * 0.5**rounds + lanes * (1 - 0.5**rounds))
