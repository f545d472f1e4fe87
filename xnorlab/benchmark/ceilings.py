"""What one core of this machine can do at best: loops of nothing but the arithmetic, or nothing but memory."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from xnorlab.kernels import threads
from xnorlab.kernels.codegen.lookup import macs_of_a_round
from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.register_loops import count_loop, look_up_loop, multiply_add_loop

COPY_BYTES = 2**26
"""Bytes that are copied: far more than the caches of a core hold."""

_COUNT_ROUNDS, _MULTIPLY_ADD_ROUNDS = 200_000, 100_000


@dataclass(frozen=True)
class Ceilings:
    """Best rates of one thread.

    Attributes:
        binary_macs_per_s: what kernels do with signs on this processor, on registers, see `binary_loop`.
        float_macs_per_s: float32 multiply-adds on registers.
        bytes_per_s: bytes read and bytes written while memory is copied.
    """

    binary_macs_per_s: float
    float_macs_per_s: float
    bytes_per_s: float

    def to_dict(self) -> dict[str, float]:
        """The rates by name, for JSON."""
        return asdict(self)


def measure_ceilings(seconds: float = 0.3) -> Ceilings:
    """All three rates, `seconds` each; holds the run lock. A ceiling is what is possible: the fastest round counts."""
    with threads.run_lock:
        return Ceilings(binary_ceiling(seconds), float_ceiling(seconds), copy_bandwidth(seconds))


def looks_up() -> bool:
    """Whether kernels look sums of signs up on this processor, instead of counting bits."""
    return vector_unit().looks_up


def binary_loop() -> str:
    """What the loop of `binary_ceiling` does on this processor, in words."""
    if looks_up():
        return "byte shuffles and additions"
    return "xor, count and add (carries counted for several words may pass it)"


def binary_ceiling(seconds: float = 0.3) -> float:
    """Binary multiply-adds a second that one core reaches with operands in registers; holds the run lock.

    The loop is that of the method in use: the lookups of kernels/codegen/lookup.py, or xor, count and add, where every
    lane of 64 bits counts as 64 multiply-adds. The latter is the limit of a kernel that counts every word; kernels
    that count carries instead (see kernels/codegen/tile.py) may pass it. Best of the rounds that fit into `seconds`.
    """
    unit = vector_unit()
    if unit.looks_up:
        loop, work = look_up_loop, _COUNT_ROUNDS * macs_of_a_round(unit)
    else:
        loop, work = count_loop, _COUNT_ROUNDS * unit.accumulators * unit.bits
    loop(10, 1)
    with threads.run_lock:
        return work / _fastest(lambda: loop(_COUNT_ROUNDS, 12345), seconds)


def float_ceiling(seconds: float = 0.3) -> float:
    """Float32 multiply-adds a second of one core with all operands in registers; holds the run lock."""
    unit = vector_unit()
    work = _MULTIPLY_ADD_ROUNDS * unit.accumulators * unit.bits // 32
    multiply_add_loop(10, np.float32(0.5))
    with threads.run_lock:
        return work / _fastest(lambda: multiply_add_loop(_MULTIPLY_ADD_ROUNDS, np.float32(0.5)), seconds)


def copy_bandwidth(seconds: float = 0.3) -> float:
    """Bytes a second that one thread reads and writes while it copies memory; holds the run lock."""
    source = np.ones(COPY_BYTES // 8)
    target = np.zeros_like(source)
    with threads.run_lock:
        return 2 * COPY_BYTES / _fastest(lambda: np.copyto(target, source), seconds)


def _fastest(call: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest of the calls that fit into `seconds`; at least one."""
    best, stop = np.inf, time.perf_counter() + seconds
    while best == np.inf or time.perf_counter() < stop:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best
