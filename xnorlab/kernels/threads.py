"""Thread counts, and the one lock that every parallel run and every timing run goes through."""

import os
import threading

run_lock = threading.RLock()
"""Held by whoever runs in parallel or measures time: one at a time in a process."""


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count(threads: int) -> int:
    """`threads`, at most the processors there are; raises ValueError where it is not an int of at least 1."""
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"threads={threads!r} must be an int of at least 1")
    return min(threads, available_threads())
