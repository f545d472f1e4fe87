"""The processor is described as the compiler sees it, and its ceiling is a rate."""

import json

from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.cpu import describe_cpu, popcount_ceiling
from xnorlab.kernels.threads import available_threads


def test_the_description_is_plain_data():
    found = describe_cpu()
    assert json.loads(json.dumps(found)) == found
    assert found["vector_bits"] == vector_unit().bits
    assert found["threads"] == available_threads()
    assert found["cpu"]


def test_the_ceiling_is_between_a_slow_and_an_impossible_processor():
    assert 10 < popcount_ceiling(0.05) < 1e5
