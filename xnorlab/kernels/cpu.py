"""The processor, and the vector path that kernels take on it."""

import platform
from pathlib import Path

import llvmlite
import numba

from xnorlab.conventions import WORD_BITS
from xnorlab.kernels import threads
from xnorlab.kernels.codegen.processor import compiler_target, vector_unit
from xnorlab.kernels.imitated_cpu import VARIABLE, imitated

FEATURES = ("avx512vpopcntdq", "avx512bw", "avx512f", "avx2", "fma", "popcnt", "ssse3", "sse2", "neon", "sve")


def describe_cpu() -> dict:
    """Describe the processor and the instructions that kernels use on it.

    Returns:
        `cpu`: the processor's own name; `target`: LLVM's name for it; `vector_bits`: width of the registers used;
        `path`: the instruction set that signs are summed with, and what imitates it; `features`: those of the processor
        that matter here; `threads`: processors that this process may use; `numba`, `llvmlite`: versions.
    """
    unit = vector_unit()
    _, target, flags = compiler_target()
    has = {flag[1:] for flag in flags.split(",") if flag.startswith("+")}
    if unit.bits > 128:
        path = "AVX2" if unit.bits == 256 else "AVX-512 VPOPCNTDQ" if unit.counts else "AVX-512"
    else:
        path = "NEON" if unit.arm else "SSE"
    if imitated():
        path += f" (imitated, {VARIABLE}={imitated()})"
    return {
        "cpu": _cpu_name(),
        "target": target,
        "vector_bits": unit.bits,
        "path": path,
        "features": [name for name in FEATURES if name in has],
        "threads": threads.available_threads(),
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
    }


def floats_at_once() -> int:
    """Float32 values in a vector register: as many multiply-adds are one instruction."""
    return vector_unit().bits // 32


def signs_at_once() -> int:
    """Packed signs in a vector register."""
    return vector_unit().bits


def sums_of_signs() -> str:
    """What the kernels do with signs on this processor, in words that end a sentence."""
    unit = vector_unit()
    if unit.looks_up:
        return (
            "look the sum of four signs up in a table, by byte shuffles, since the bits of a vector register cannot "
            "be counted here"
        )
    return f"XOR and count {unit.bits // WORD_BITS} words of {WORD_BITS} bits in one vector register"


def _cpu_name() -> str:
    """The processor's own name: from a file on Linux, through `platform` elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
