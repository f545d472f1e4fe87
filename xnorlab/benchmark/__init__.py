"""Timing of the packed code and of other engines: same data, taking turns, answers checked, machine recorded."""

from xnorlab.benchmark.ceilings import Ceilings, measure_ceilings
from xnorlab.benchmark.contest import OursIsWrongError, Ready, UnsupportedError
from xnorlab.benchmark.conv_bench import SHAPES, Contestant, ConvBench, bench_conv
from xnorlab.benchmark.conv_problem import ConvProblem, ConvShape
from xnorlab.benchmark.machine import Machine, describe
from xnorlab.benchmark.network_bench import NetworkBench, OpTiming, bench_network
from xnorlab.benchmark.network_logits import NetworkContestant
from xnorlab.benchmark.start import StartBench, bench_start
from xnorlab.benchmark.sweeps import SWEEP_SHAPE, SWEEPS, Sweep, sweep
from xnorlab.benchmark.timing import BenchmarkError, Progress, Timing, interleaved
from xnorlab.benchmark.weight_memory import PackedMemory, binary_memory, ternary_memory

__all__ = [
    "SHAPES",
    "SWEEPS",
    "SWEEP_SHAPE",
    "BenchmarkError",
    "Ceilings",
    "Contestant",
    "ConvBench",
    "ConvProblem",
    "ConvShape",
    "Machine",
    "NetworkBench",
    "NetworkContestant",
    "OpTiming",
    "OursIsWrongError",
    "PackedMemory",
    "Progress",
    "Ready",
    "StartBench",
    "Sweep",
    "Timing",
    "UnsupportedError",
    "bench_conv",
    "bench_network",
    "bench_start",
    "binary_memory",
    "describe",
    "interleaved",
    "measure_ceilings",
    "sweep",
    "ternary_memory",
]
