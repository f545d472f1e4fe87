"""Threads for kernels: a pool of workers, and the lock that lets one parallel run or measurement go at a time.

Kernels release the GIL, so plain Python threads run them side by side. Numba's own threading layers are not
used: one of them ("workqueue") aborts the process when two threads enter it at once, another (GNU OpenMP) when
the process forks later.
"""

import os
import queue
import threading
from collections.abc import Callable
from functools import partial

import numpy as np

run_lock = threading.RLock()
"""Held by whoever runs in parallel or measures time: one caller at a time in a process."""

_workers: list[queue.SimpleQueue] = []

dismissed = np.zeros(1, np.int64)
"""Not 0 while workers that watch for jobs of compiled code (kernels/team.py) are wanted back."""


def _forget_workers() -> None:
    """After a fork the child has none of the parent's threads, and perhaps its lock."""
    global run_lock
    run_lock = threading.RLock()
    _workers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count(threads: int) -> int:
    """`threads`, at most the available processors; raises ValueError where it is not an int of at least 1."""
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"threads={threads!r} must be an int of at least 1")
    return threads if threads == 1 else min(threads, available_threads())


def _serve(tasks: queue.SimpleQueue) -> None:
    while True:
        task = tasks.get()
        task()
        del task  # a worker that waits keeps nobody's arrays


def start_workers(count: int) -> list[queue.SimpleQueue]:
    """Start workers until there are `count`, as far as the system allows; returns their queues of what to call.

    What is put there must not raise. The caller holds the run lock.
    """
    while len(_workers) < count:
        tasks: queue.SimpleQueue = queue.SimpleQueue()
        try:
            threading.Thread(target=_serve, args=(tasks,), name="xnorlab-kernel", daemon=True).start()
        except RuntimeError:  # no more threads to be had
            break
        _workers.append(tasks)
    return _workers[:count]


def run_parts(work: Callable[[int, int], object], threads: int) -> None:
    """Call work(part, parts) for every part, side by side; part 0 in the calling thread. Waits for all of them."""
    if threads == 1:
        work(0, 1)
        return
    with run_lock:
        workers = start_workers(threads - 1)
        parts = len(workers) + 1
        ended: list[BaseException | None] = []
        signal: queue.SimpleQueue = queue.SimpleQueue()
        started, errors = 0, []
        dismissed[0] = 1

        def run(part: int) -> None:
            try:
                work(part, parts)
            except BaseException as error:  # handed to the caller, who raises it
                ended.append(error)
            else:
                ended.append(None)
            signal.put(None)

        try:
            for started, tasks in enumerate(workers, 1):
                tasks.put(partial(run, started))
            work(0, parts)
        except BaseException as error:  # raised again, once nobody works on the caller's arrays any more
            errors.append(error)
        # Workers count what has ended; here an interrupt could come between the signal and the count.
        while len(ended) < started:
            try:
                signal.get(timeout=1.0)
            except queue.Empty:
                pass
            except BaseException as error:  # an interrupt from the keyboard while waiting
                errors.append(error)
        for error in [*errors, *ended]:
            if error is not None:
                raise error
