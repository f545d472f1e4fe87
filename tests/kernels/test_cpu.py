"""The processor is described as the compiler sees it."""

import json

from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.cpu import describe_cpu
from xnorlab.kernels.threads import available_threads


def test_the_description_is_plain_data():
    described = describe_cpu()
    assert json.loads(json.dumps(described)) == described
    assert described["vector_bits"] == vector_unit().bits
    assert described["threads"] == available_threads()
    assert described["cpu"]
