"""What a second thread brings: one process with several threads against as many processes with one thread each."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from xnorlab.benchmark.machine import Machine, describe
from xnorlab.kernels.threads import available_threads

CONV = (256, 56)
"""Channels and map size of the convolution."""

WARM_UP = 5

Job = tuple[str, int]
"""The path of a packed network, or "" for the convolution CONV, and the number of pictures at once."""


@dataclass(frozen=True)
class Scaling:
    """How one kind of work scales.

    Attributes:
        alone_s: Seconds of one call on one thread, nothing else running; one entry per round, as below.
        threads_s: Seconds of one call on all threads of one process.
        processes_s: Seconds of one call in each of as many processes with one thread, the harmonic mean over them.
    """

    alone_s: tuple[float, ...]
    threads_s: tuple[float, ...]
    processes_s: tuple[float, ...]

    def share(self, threads: int) -> tuple[float, ...]:
        """Calls a second of `threads` threads over those of as many processes together, for each round."""
        pairs = zip(self.threads_s, self.processes_s, strict=True)
        return tuple(apart / (threads * together) for together, apart in pairs)

    def to_dict(self, threads: int) -> dict[str, Any]:
        """Return the times, and the median share, as values that JSON can hold."""
        shares = self.share(threads)
        times = {"alone_s": self.alone_s, "threads_s": self.threads_s, "processes_s": self.processes_s}
        return {**{name: list(value) for name, value in times.items()}, "share": statistics.median(shares)}


@dataclass(frozen=True)
class ThreadScaling:
    """The result of `bench_threads`: by kind of work, its times; the number of threads; the machine."""

    threads: int
    machine: Machine
    scaling: dict[str, Scaling]

    def to_dict(self) -> dict[str, Any]:
        """Return the results as values that JSON can hold."""
        work = {name: scaling.to_dict(self.threads) for name, scaling in self.scaling.items()}
        return {"threads": self.threads, "machine": self.machine.to_dict(), "work": work}


def bench_threads(
    networks: Mapping[str, tuple[str | Path, int]],
    *,
    threads: int,
    rounds: int = 5,
    seconds: float = 1.0,
    progress: Callable[[float, str], object] | None = None,
) -> ThreadScaling:
    """Time a convolution of CONV and networks on one thread, on all threads, and in as many processes at once.

    Each round takes the three in turn. A call's time is the median of those that fit into `seconds`.

    Args:
        networks: By name, the packed file and the number of pictures at once.
        threads: Threads, and processes, at least 2.
        rounds: How often.
        seconds: Of each measurement.
        progress: See `timing.Progress`.

    Raises:
        ValueError: `threads` is below 2 or more than this process may use.
    """
    if not 2 <= threads <= available_threads():
        raise ValueError(f"threads={threads!r} must be from 2 to the processors of this process, {available_threads()}")
    channels, size = CONV
    jobs = {f"3×3 {channels}@{size}": ("", 1)} | {name: (str(path), n) for name, (path, n) in networks.items()}
    scaling = {}
    for number, (name, job) in enumerate(jobs.items()):
        with ExitStack() as stack:
            workers = [stack.enter_context(_Worker(job)) for _ in range(threads)]
            alone, together, apart = [], [], []
            for turn in range(rounds):
                if progress is not None:
                    progress((number + turn / rounds) / len(jobs), name)
                alone += _measure(workers[:1], 1, seconds)
                together += _measure(workers[:1], threads, seconds)
                apart.append(statistics.harmonic_mean(_measure(workers, 1, seconds)))
            scaling[name] = Scaling(tuple(alone), tuple(together), tuple(apart))
    return ThreadScaling(threads, describe(), scaling)


class _Worker:
    """A process that runs a job when told to."""

    def __init__(self, job: Job):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, job), daemon=True)

    def __enter__(self) -> "_Worker":
        self._process.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.join()


def _measure(workers: list[_Worker], threads: int, seconds: float) -> list[float]:
    """Seconds of a call in each of the workers, which run at the same time."""
    for worker in workers:
        worker.pipe.send((threads, None))
    for worker in workers:
        worker.pipe.recv()
    for worker in workers:
        worker.pipe.send((threads, seconds))
    return [worker.pipe.recv() for worker in workers]


def _serve(pipe: Connection, job: Job) -> None:
    """Answer (threads, None) after a warm-up, and (threads, seconds) with the median of the calls in that time."""
    calls: dict[int, Callable[[], Any]] = {}
    while True:
        threads, seconds = pipe.recv()
        call = calls.setdefault(threads, _call(job, threads))
        if seconds is None:
            for _ in range(WARM_UP):
                call()
            pipe.send(None)
        else:
            pipe.send(_median(call, seconds))


def _median(call: Callable[[], Any], seconds: float) -> float:
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while not times or time.perf_counter() < stop:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _call(job: Job, threads: int) -> Callable[[], Any]:
    path, pictures = job
    random = np.random.default_rng(0)
    if path:
        from xnorlab.runtime import Network

        network = Network.open(path)
        network.threads = threads
        x = random.integers(0, 256, (pictures, 256, 256, 3), np.uint8)
        if network.preprocessing is None:
            raise ValueError(f"network={path!r} must store its preprocessing")
        batch = network.preprocessing(list(x))
        return lambda: network.run(batch)
    from xnorlab.kernels.packing import pack_filters
    from xnorlab.kernels.xnor_conv import XnorConv2d

    channels, size = CONV
    layer = XnorConv2d(pack_filters(random.standard_normal((channels, 3, 3, channels))), channels, padding=1)
    x = random.standard_normal((pictures, size, size, channels), np.float32)
    out = layer(x)
    return lambda: layer(x, threads=threads, out=out)
