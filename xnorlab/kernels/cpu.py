"""What this processor can do: the vector path that kernels take, and its limit of xor, count and add."""

import platform
import time
from collections.abc import Callable
from functools import reduce
from pathlib import Path

import llvmlite
import numba
import numpy as np
from llvmlite import ir
from numba import types

from xnorlab.kernels import threads
from xnorlab.kernels.codegen.emitter import Emitter
from xnorlab.kernels.codegen.processor import VectorUnit, compiler_target, vector_unit
from xnorlab.kernels.jit import instruction, kernel

TELLING_FEATURES = ("avx512vpopcntdq", "avx512bw", "avx512f", "avx2", "fma", "popcnt", "ssse3", "sse2", "neon", "sve")


def describe_cpu() -> dict:
    """The processor and the path that kernels take on it.

    cpu: its own name. target: LLVM's name for it. vector_bits: register width used. path: the instructions that
    count bits. features: those that matter here. threads: processors that this process may use. numba, llvmlite:
    versions.
    """
    unit = vector_unit()
    triple, target, flags = compiler_target()
    has = {flag[1:] for flag in flags.split(",") if flag.startswith("+")}
    if unit.bits > 128:
        path = "AVX2" if unit.bits == 256 else "AVX-512 VPOPCNTDQ" if unit.counts else "AVX-512"
    else:
        path = "NEON" if triple.startswith(("aarch64", "arm64")) else "SSE"
    return {
        "cpu": _cpu_name(),
        "target": target,
        "vector_bits": unit.bits,
        "path": path,
        "features": [name for name in TELLING_FEATURES if name in has],
        "threads": threads.available_threads(),
        "numba": numba.__version__,
        "llvmlite": llvmlite.__version__,
    }


def _cpu_name() -> str:
    """What the processor calls itself; Linux tells it in a file, other systems through `platform`."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def accumulators(unit: VectorUnit) -> int:
    """Independent sums that hide the latency of a count: 16, or 8 where there are only 16 registers."""
    return 8 if unit.bits == 256 else 16


@instruction
def _count_on_registers(typing, rounds, seed):
    """`rounds` times xor, count, add on each accumulator; returns their sum, so that nothing is left out."""

    def emit(context, builder, signature, arguments):
        e, unit = Emitter(builder), vector_unit(context)
        lanes, n = unit.bits // 64, accumulators(unit)
        vector = ir.VectorType(ir.IntType(64), lanes)
        pattern = e.splat(arguments[1], lanes)

        def one_round(_, sums):
            counts = [e.call(f"llvm.ctpop.v{lanes}i64", vector, builder.xor(s, pattern)) for s in sums]
            return [builder.add(s, c) for s, c in zip(sums, counts, strict=True)]

        sums = e.repeat(arguments[0], [ir.Constant(vector, [i] * lanes) for i in range(n)], one_round)
        return e.across(builder.add, reduce(builder.add, sums))

    return types.int64(types.int64, types.int64), emit


@kernel
def _spin(rounds, seed):
    return _count_on_registers(rounds, seed)


def popcount_ceiling(seconds: float = 0.3) -> float:
    """Billions of binary multiply-adds a second that one core reaches with nothing but xor, count and add.

    Operands stay in registers and every lane of 64 bits counts as 64 multiply-adds: the limit of a kernel that
    counts every word. Kernels that count carries instead (see tile.py) may pass it. Best of the rounds that fit
    into `seconds`; holds the run lock.
    """
    unit = vector_unit()
    rounds = 200_000
    work = rounds * accumulators(unit) * unit.bits
    _spin(10, 1)
    with threads.run_lock:
        return work / fastest(lambda: _spin(rounds, 12345), seconds) / 1e9


def fastest(call: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest of the calls that fit into `seconds`; at least one."""
    best, stop = np.inf, time.perf_counter() + seconds
    while best == np.inf or time.perf_counter() < stop:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best
