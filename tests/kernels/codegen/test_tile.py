"""Tiles are right on every vector unit, and read nothing past their operands."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from xnorlab.kernels.imitated_cpu import LEVELS, available

READ_TO_THE_EDGE = f"""
import ctypes, mmap, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
import naive, numpy as np
from xnorlab.kernels import xnor_conv
from xnorlab.kernels.float_conv import FloatConv2d
from xnorlab.kernels.packing import pack_filters
from xnorlab.kernels.xnor_conv import XnorConv2d, aligned

def at_the_edge(array):
    page = mmap.PAGESIZE
    pages = -(-array.nbytes // page)
    memory = mmap.mmap(-1, (pages + 1) * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + pages * page), page, 0) == 0
    copy = np.frombuffer(memory, array.dtype, array.size, pages * page - array.nbytes).reshape(array.shape)
    copy[...] = array
    return copy

for seed in range(60):
    geometry = (naive.narrow_groups if seed % 3 == 0 else naive.random_geometry)(np.random.default_rng(seed))
    x, weight = geometry.tensors(np.random.default_rng(seed))
    limits = at_the_edge(np.zeros(geometry.channels, np.float32))
    layer = XnorConv2d(pack_filters(weight), geometry.channels, **geometry.options)
    expected = layer(x)
    xnor_conv.aligned = lambda shape, dtype: at_the_edge(np.zeros(shape, dtype))
    assert (layer(at_the_edge(x), threshold=limits) == expected).all()
    xnor_conv.aligned = aligned
    if seed % 6 == 0:
        real = FloatConv2d(weight, **geometry.options)
        assert (real(at_the_edge(x)) == real(x)).all()
print("read to the edge and no further")
"""


@pytest.mark.skipif(platform.system() != "Linux", reason="protects a page through Linux's mprotect")
def test_nothing_is_read_past_the_input():
    """Inputs that end where the next page may not be touched: one byte too many ends the process."""
    run = subprocess.run([sys.executable, "-c", READ_TO_THE_EDGE], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "no further" in run.stdout


NARROW = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
import naive, numpy as np
from xnorlab.kernels.cpu import describe_cpu
from xnorlab.kernels.float_conv import BinaryWeightConv2d, FloatConv2d
from xnorlab.kernels.packing import pack_filters, pack_ternary
from xnorlab.kernels.ternary_conv import TernaryWeightConv2d
from xnorlab.kernels.xnor_conv import XnorConv2d

for seed in range(48):
    geometry = (naive.narrow_groups if seed % 6 == 0 else naive.random_geometry)(np.random.default_rng(seed))
    x, weight = geometry.tensors(np.random.default_rng(seed))
    packed = pack_filters(weight)
    sums = naive.convolve(naive.signs(x), naive.signs(weight), **geometry.options)
    assert (XnorConv2d(packed, geometry.channels, **geometry.options)(x) == sums).all(), geometry
    if seed % 6 == 0 or seed % 8 == 1:
        real = naive.convolve(x.astype(float), weight.astype(float), **geometry.options)
        np.testing.assert_allclose(FloatConv2d(weight, **geometry.options)(x), real, atol=1e-3)
        signed = naive.convolve(x.astype(float), naive.signs(weight).astype(float), **geometry.options)
        layer = BinaryWeightConv2d(packed, geometry.channels, **geometry.options)
        np.testing.assert_allclose(layer(x), signed, atol=1e-3)
        kept = np.sign(weight) * (np.abs(weight) > 0.5)
        layer = TernaryWeightConv2d(*pack_ternary(kept), geometry.channels, **geometry.options)
        np.testing.assert_allclose(layer(x), naive.convolve(x, kept, **geometry.options), atol=1e-3)
print(describe_cpu()["path"])
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="imitates x86-64 processors")
@pytest.mark.parametrize("level", [*LEVELS, "no SSSE3"])
def test_a_narrow_processor_gives_the_same(level: str, monkeypatch):
    if level in LEVELS:
        if level not in available():
            pytest.skip(f"this machine cannot imitate {level}")
        monkeypatch.setenv("XNORLAB_CPU", level)
    else:  # the oldest 64-bit processors: neither counts nor shuffles
        monkeypatch.delenv("XNORLAB_CPU", raising=False)
        monkeypatch.setenv("NUMBA_CPU_NAME", "x86-64")
        monkeypatch.setenv("NUMBA_CPU_FEATURES", "+sse,+sse2")
    run = subprocess.run([sys.executable, "-c", NARROW], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    paths = {"avx2": "AVX2", "avx512": "AVX-512", "avx512-vpopcntdq": "AVX-512 VPOPCNTDQ"}
    imitation = f" (imitated, XNORLAB_CPU={level})" if level in LEVELS else ""
    assert run.stdout.strip() == paths.get(level, "SSE") + imitation
