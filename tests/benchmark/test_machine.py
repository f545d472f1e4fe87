"""Every result describes the machine that it was measured on."""

import os
import platform
import subprocess
import sys

import pytest

from xnorlab.benchmark import describe


def test_description_names_processor_instructions_and_versions():
    machine = describe()
    assert machine.cpu
    assert machine.instructions
    assert machine.cores >= 1
    assert machine.versions["python"] == platform.python_version()
    assert machine.versions["xnorlab"]
    assert machine.to_dict()["taken"].endswith("+00:00")


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the forced features are those of x86-64")
@pytest.mark.parametrize(
    ("features", "expected"),
    [("+sse2,+ssse3,+avx2", "AVX2"), ("+sse2", "SSE"), ("+avx2,+avx512f,+avx512bw", "AVX-512")],
)
def test_instructions_are_those_that_numba_is_told_to_use(features: str, expected: str):
    code = "from xnorlab.benchmark import describe; print(describe().instructions)"
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features, "XNORLAB_CPU": ""}
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout.split()[0] == expected
