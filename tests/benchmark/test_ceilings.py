"""The machine's limits: measured alone, plausible, and above what real code reaches."""

import json

import numpy as np
import pytest

from xnorlab.benchmark import measure_ceilings
from xnorlab.benchmark.ceilings import popcount_ceiling
from xnorlab.kernels.register_loops import multiply_add_loop


def test_rates_are_those_of_a_processor():
    ceilings = measure_ceilings(0.02)
    assert ceilings.binary_macs_per_s > ceilings.float_macs_per_s > 1e8, "64 at a time against a few at a time"
    assert ceilings.bytes_per_s > 1e7
    assert json.loads(json.dumps(ceilings.to_dict()))["float_macs_per_s"] == ceilings.float_macs_per_s


def test_the_popcount_ceiling_is_between_a_slow_and_an_impossible_processor():
    assert 10 < popcount_ceiling(0.05) < 1e5


@pytest.mark.parametrize("rounds", [1, 7])
def test_the_timed_loop_really_multiplies_and_adds(rounds: int):
    total = multiply_add_loop(rounds, np.float32(0.5))
    before = multiply_add_loop(0, np.float32(0.5))
    lanes = multiply_add_loop(200, np.float32(0.5))  # s · 0.5 + 0.5 has come to rest at 1 in every lane
    assert total == pytest.approx(before * 0.5**rounds + lanes * (1 - 0.5**rounds))
