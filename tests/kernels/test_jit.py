"""The disk cache is hit by a second process, and a bad cache folder only costs time."""

import gc
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import xnorlab.kernels
from xnorlab.kernels.jit import REVISION, JitDisabledError, hollow_kernels, kernel, revision, watch_compiling

KERNELS = Path(xnorlab.kernels.__path__[0])

ONE_OF_EACH = """
import numpy as np
from xnorlab.kernels import packing
from xnorlab.kernels.float_conv import BinaryWeightConv2d, FloatConv2d
from xnorlab.kernels.packing import pack_filters
from xnorlab.kernels.xnor_conv import XnorConv2d

weight, x = np.ones((8, 1, 1, 64), np.float32), np.ones((1, 2, 3, 64), np.float32)
packed = pack_filters(weight)
layers = [XnorConv2d(packed, 64), FloatConv2d(weight), BinaryWeightConv2d(packed, 64)]
assert all((layer(x) == 64).all() for layer in layers)
kernels = [packing.pack_kernel, *(layer._kernel for layer in layers)]
print(sum(sum(k._dispatcher.stats.cache_hits.values()) for k in kernels), "of", len(kernels))
"""


def run(monkeypatch, cache: Path) -> str:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache))
    done = subprocess.run([sys.executable, "-c", ONE_OF_EACH], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_second_process_compiles_nothing_and_a_damaged_cache_is_made_anew(tmp_path: Path, monkeypatch):
    assert run(monkeypatch, tmp_path) == "0 of 4"
    assert run(monkeypatch, tmp_path) == "4 of 4"
    for file in tmp_path.rglob("*.nb[ci]"):
        file.write_bytes(file.read_bytes()[:40])
    assert run(monkeypatch, tmp_path) == "0 of 4"
    assert run(monkeypatch, tmp_path) == "4 of 4"


def test_every_kernel_of_many_has_a_cache_file_of_its_own_named_after_all_sources(tmp_path: Path, monkeypatch):
    run(monkeypatch, tmp_path)
    indices = [file.name for file in tmp_path.rglob("*.nbi")]
    for kernel_name in ("convolve_real_1_", "convolve_sign_1_"):
        assert sum(kernel_name in name for name in indices) == 1
    assert all(REVISION in name for name in indices)
    for index in indices:  # so that no two processes number their kernels in one index
        assert len(list(tmp_path.rglob(f"{index.removesuffix('.nbi')}.*.nbc"))) == 1


@pytest.mark.parametrize("changed", ["kernels/codegen/tile.py", "kernels/codegen/memory.py", "conventions.py"])
def test_a_changed_byte_in_any_source_of_the_kernels_changes_the_cache_key(changed: str, tmp_path: Path):
    shutil.copytree(KERNELS, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(KERNELS.parent / "conventions.py", tmp_path)
    assert revision(tmp_path / "kernels") == REVISION
    source = bytearray((tmp_path / changed).read_bytes())
    source[len(source) // 2] ^= 1
    (tmp_path / changed).write_bytes(source)
    assert revision(tmp_path / "kernels") != REVISION


def test_llvm_code_is_emitted_in_codegen_alone():
    """What emits code elsewhere would be missing from the cache key, or from where readers look for it."""
    emits = re.compile(r"from llvmlite|llvmlite\.ir|\bintrinsic\b|\bEmitter\b|@instruction")
    emitting = [file for file in KERNELS.parent.rglob("*.py") if emits.search(file.read_text("utf-8"))]
    assert {file.parent for file in emitting} == {KERNELS / "codegen"}


def test_a_cache_folder_that_cannot_be_made_only_costs_time(tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    run(monkeypatch, tmp_path / "file" / "cache")


def test_compilation_can_be_watched_and_the_cache_compiles_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    heard: list[tuple[str, float | None]] = []
    for _ in range(2):

        @kernel
        def triple(x):
            for i in range(x.size):
                x[i] *= np.float64(3)

        with watch_compiling(lambda name, seconds: heard.append((name, seconds))):
            triple(x := np.ones(3))
            triple(x)
        np.testing.assert_array_equal(x, 9)
    (begun, nothing), (ended, seconds) = heard
    assert (begun, ended, nothing) == ("triple", "triple", None)
    assert seconds is not None
    assert seconds > 0


@pytest.mark.parametrize("was_on", [True, False])
def test_garbage_waits_for_the_compiler_and_is_collected_again_if_it_was(was_on: bool, monkeypatch):
    seen: list[bool] = []

    @kernel
    def fifth(x):
        x[0] = 5.0

    monkeypatch.setattr(
        fifth, "_from_cache", lambda types: seen.append(gc.isenabled()) or fifth._into_a_new_cache(types)
    )
    (gc.enable if was_on else gc.disable)()
    try:
        fifth(np.zeros(1))
        assert (seen, gc.isenabled()) == ([False], was_on)
    finally:
        gc.enable()


def test_hollow_kernels_do_nothing_for_a_while():
    @kernel
    def fill(x, value):
        for i in range(x.size):
            x[i] = value

    arrays = np.zeros(3), np.zeros(3, np.float32)  # each compiled for itself
    for x in arrays:
        fill(x, 1.0)
    for value in (2.0, 3.0):
        with hollow_kernels():
            for x in arrays:
                fill(x, value)
                np.testing.assert_array_equal(x, value - 1)
        for x in arrays:
            fill(x, value)
            np.testing.assert_array_equal(x, value)


def test_a_full_disk_only_costs_time(monkeypatch, tmp_path: Path):
    from numba.core.caching import IndexDataCacheFile

    def full(self, key, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)

    @kernel
    def double(x):
        for i in range(x.size):
            x[i] *= 2

    x = np.arange(4.0)
    double(x)
    np.testing.assert_array_equal(x, [0, 2, 4, 6])


def test_without_the_compiler_a_kernel_says_which_variable_to_unset(monkeypatch):
    @kernel
    def halve(x):
        for i in range(x.size):
            x[i] /= 2

    monkeypatch.setattr("numba.core.config.DISABLE_JIT", 1)
    with pytest.raises(JitDisabledError, match="unset the environment variable NUMBA_DISABLE_JIT"):
        halve(np.ones(3))
    monkeypatch.undo()
    halve(x := np.ones(3))
    np.testing.assert_array_equal(x, 0.5)


def test_an_error_in_a_kernel_is_not_hidden():
    @kernel
    def broken(x):
        return x.no_such_thing

    with pytest.raises(Exception, match="no_such_thing"):
        broken(np.zeros(1))
