"""Honest timing: ours and everyone else's, on the same data, in turns, checked, with the machine named."""

from xnorlab.benchmark.conv import SHAPES, Contestant, ConvBench, Peer, bench_conv
from xnorlab.benchmark.machine import Machine, describe
from xnorlab.benchmark.network import NetworkBench, NetworkContestant, NetworkPeer, OpTiming, bench_network
from xnorlab.benchmark.problem import ConvProblem, ConvShape
from xnorlab.benchmark.timing import BenchmarkError, Progress, Timing, interleaved

__all__ = [
    "SHAPES",
    "BenchmarkError",
    "Contestant",
    "ConvBench",
    "ConvProblem",
    "ConvShape",
    "Machine",
    "NetworkBench",
    "NetworkContestant",
    "NetworkPeer",
    "OpTiming",
    "Peer",
    "Progress",
    "Timing",
    "bench_conv",
    "bench_network",
    "describe",
    "interleaved",
]
