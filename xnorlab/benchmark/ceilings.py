"""What one core of this machine can do at best: loops of nothing but the arithmetic, or nothing but memory."""

from dataclasses import asdict, dataclass
from functools import reduce

import numpy as np
from llvmlite import ir
from numba import types

from xnorlab.kernels import threads
from xnorlab.kernels.codegen.emitter import Emitter
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.cpu import accumulators, fastest, popcount_ceiling
from xnorlab.kernels.jit import instruction, kernel

COPY_BYTES = 2**26
"""What is copied: far more than the caches of a core hold."""

_ROUNDS = 100_000


@dataclass(frozen=True)
class Ceilings:
    """Best rates of one thread.

    binary_macs_per_s: xor, count and add on registers; a kernel that adds words up before it counts may pass it.
    float_macs_per_s: float32 multiply-adds on registers. bytes_per_s: copying memory, bytes read and bytes written.
    """

    binary_macs_per_s: float
    float_macs_per_s: float
    bytes_per_s: float

    def to_dict(self) -> dict[str, float]:
        """As JSON knows it."""
        return asdict(self)


def measure_ceilings(seconds: float = 0.3) -> Ceilings:
    """All three, `seconds` each; holds the run lock. A ceiling is what is possible: the fastest round counts."""
    with threads.run_lock:
        return Ceilings(1e9 * popcount_ceiling(seconds), float_ceiling(seconds), copy_bandwidth(seconds))


def float_ceiling(seconds: float = 0.3) -> float:
    """Float32 multiply-adds a second of one core with all operands in registers; holds the run lock."""
    unit = vector_unit()
    work = _ROUNDS * accumulators(unit) * unit.bits // 32
    _spin(10, np.float32(0.5))
    with threads.run_lock:
        return work / fastest(lambda: _spin(_ROUNDS, np.float32(0.5)), seconds)


def copy_bandwidth(seconds: float = 0.3) -> float:
    """Bytes a second that one thread reads and writes while it copies memory; holds the run lock."""
    source = np.ones(COPY_BYTES // 8)
    target = np.zeros_like(source)
    with threads.run_lock:
        return 2 * COPY_BYTES / fastest(lambda: np.copyto(target, source), seconds)


@instruction
def _multiply_add_on_registers(typing, rounds, factor):
    """`rounds` times s · factor + factor on each accumulator; returns their sum, so that nothing is left out."""

    def emit(context, builder, signature, arguments):
        e, unit = Emitter(builder), vector_unit(context)
        lanes = unit.bits // 32
        vector = ir.VectorType(ir.FloatType(), lanes)
        pattern = e.splat(arguments[1], lanes)
        name = f"llvm.fmuladd.v{lanes}f32"  # one instruction where there is one, else two

        def one_round(_, sums):
            return [e.call(name, vector, s, pattern, pattern) for s in sums]

        starts = [ir.Constant(vector, [float(i)] * lanes) for i in range(accumulators(unit))]
        return e.across(builder.fadd, reduce(builder.fadd, e.repeat(arguments[0], starts, one_round)))

    return types.float32(types.int64, types.float32), emit


@kernel
def _spin(rounds, factor):
    return _multiply_add_on_registers(rounds, factor)
