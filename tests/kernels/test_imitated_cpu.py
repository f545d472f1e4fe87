"""XNORLAB_CPU makes one machine stand for narrower ones, before or after Numba is imported."""

import os
import platform
import subprocess
import sys

import pytest

from xnorlab.kernels.imitated_cpu import LEVELS, ImitationError, available, features_of, imitate

SHUFFLES, MULTIPLIES = ("sse2", "ssse3", "sse4.2", "bmi"), ("avx", "avx2", "fma")
WIDE = dict.fromkeys((*SHUFFLES, *MULTIPLIES, "avx512f", "avx512bw", "avx512vpopcntdq", "avx512bf16"), True)


@pytest.mark.parametrize(
    ("level", "on"),
    [
        ("sse", {"sse2", "ssse3", "sse4.2", "bmi"}),
        ("avx2", {"sse2", "ssse3", "sse4.2", "bmi", "avx", "avx2", "fma"}),
        ("avx512", {"sse2", "ssse3", "sse4.2", "bmi", "avx", "avx2", "fma", "avx512f", "avx512bw"}),
        ("avx512-vpopcntdq", set(WIDE)),
    ],
)
def test_a_level_switches_off_what_it_lacks(level: str, on: set[str]):
    listed = features_of(level, WIDE | {"xop": False}).split(",")
    assert {name[1:] for name in listed if name.startswith("+")} == on
    assert {name[1:] for name in listed} == {*WIDE, "xop"}


@pytest.mark.skipif("avx2" not in available(), reason="this machine has no AVX2 to show")
@pytest.mark.parametrize("first", ["", "import numba; "])
def test_numba_compiles_for_the_imitated_processor(first: str):
    code = first + "from xnorlab.kernels.cpu import describe_cpu; print(describe_cpu()['path'])"
    environment = os.environ | {"XNORLAB_CPU": "avx2"}
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "AVX2 (imitated, XNORLAB_CPU=avx2)"


def test_unknown_levels_are_refused(monkeypatch):
    monkeypatch.setenv("XNORLAB_CPU", "avx1024")
    with pytest.raises(ImitationError, match="XNORLAB_CPU='avx1024' must be one of sse, avx2, avx512"):
        imitate()


def test_more_than_the_machine_has_is_refused(monkeypatch):
    monkeypatch.setattr("xnorlab.kernels.imitated_cpu._host_features", lambda: {"ssse3": True, "sse4.2": True})
    assert available() == ("sse",)
    monkeypatch.setenv("XNORLAB_CPU", "avx2")
    with pytest.raises(ImitationError, match="XNORLAB_CPU='avx2' is more than this machine has; it can imitate sse"):
        imitate()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the levels are those of x86-64")
def test_levels_of_this_machine_are_in_order():
    assert available() == LEVELS[: len(available())]
