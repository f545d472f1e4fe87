"""Jobs that several threads share without the interpreter: workers wait for the next one in compiled code.

To wake a sleeping thread takes about 50 µs, as long as a whole small convolution. So a worker that has done its part
of a job watches memory for the next one for a while (`PATIENCE_S`) before it goes to sleep. A job is a list of kernels
that share their work by counters of their own: a thread that comes late finds nothing left to take, and nobody waits
for a thread that did not come.
"""

import os
import time
from functools import partial
from typing import Self

import numpy as np

from xnorlab.kernels import threads as pool
from xnorlab.kernels.codegen.memory import atomic_load, atomic_store, call_kernel, fetch_and_add, pause, store_word
from xnorlab.kernels.codegen.records import COUNTER, TASK, TEAM, offset_of, record_at
from xnorlab.kernels.filter_blocks import aligned
from xnorlab.kernels.jit import Kernel, kernel

PATIENCE_S = 5e-4
"""Seconds for which a worker watches for the next job: longer than a network's steps on one thread take."""

WAKING = 32
"""How many parts, each worth a thread that watches, are worth waking one that sleeps."""

TASK_SIZE = TASK.itemsize
JOB, OPEN, ACTIVE = (offset_of(TEAM, name) for name in ("job", "open", "active"))


@kernel
def _lead(address, tasks, n_tasks, parts):
    """Do part 0 of a job, offered to the team of the TEAM at `address` where parts > 1; return when all have ended."""
    for at in range(tasks, tasks + TASK_SIZE * n_tasks, TASK_SIZE):
        counters = record_at(at, TASK).counters
        for counter in range(counters, counters + COUNTER * (parts + 1), COUNTER):
            store_word(counter, np.uint64(0))
    if parts > 1:
        team = record_at(address, TEAM)
        team.parts, team.tasks, team.n_tasks = parts, tasks, n_tasks
        atomic_store(address + OPEN, 1)
        fetch_and_add(address + JOB, 1)
    for at in range(tasks, tasks + TASK_SIZE * n_tasks, TASK_SIZE):
        task = record_at(at, TASK)
        call_kernel(task.kernel, task.argument, task.scratch, task.counters, 0, parts)
    if parts > 1:
        # Who enters from here on finds the job closed; all who found it open have counted themselves before.
        atomic_store(address + OPEN, 0)
        while atomic_load(address + ACTIVE) != 0:
            pause()


@kernel
def _follow(address, part, patience, dismissed):
    """Do part `part` of one job after the other, until `patience` looks have shown none or workers are dismissed.

    dismissed: address of an int64 that is not 0 then.
    """
    team = record_at(address, TEAM)
    done, looks = 0, 0
    while looks < patience and atomic_load(dismissed) == 0:
        job = atomic_load(address + JOB)
        if job == done:
            looks += 1
            pause()
            continue
        # Counted first: from here on the leader changes nothing of an open job before this thread has left.
        fetch_and_add(address + ACTIVE, 1)
        if atomic_load(address + OPEN) != 0 and part < team.parts:
            for at in range(team.tasks, team.tasks + TASK_SIZE * team.n_tasks, TASK_SIZE):
                task = record_at(at, TASK)
                scratch = task.scratch + part * task.scratch_step
                call_kernel(task.kernel, task.argument, scratch, task.counters, part, team.parts)
        fetch_and_add(address + ACTIVE, -1)
        done, looks = job, 0


@kernel
def _pause_often(times):
    for _ in range(times):
        pause()


class _Team:
    """The workers of this process that watch for jobs."""

    def __init__(self):
        self._record = np.zeros(1, TEAM)
        self.address = self._record.ctypes.data
        self._following: list[bool] = []
        self._patience = 0

    def gather(self, threads: int, wake: bool) -> int:
        """Have so many threads, less the caller, watch; returns the parts that a job may have. Holds the run lock."""
        workers = pool.start_workers(threads - 1)
        self._following += [False] * (len(workers) - len(self._following))
        if not wake or all(self._following[: len(workers)]):
            return len(workers) + 1
        if self._patience == 0:
            self._patience = _looks(PATIENCE_S)
        pool.dismissed[0] = 0
        for index, worker in enumerate(workers):
            if not self._following[index]:
                self._following[index] = True
                worker.put(partial(self._watch, index))
        return len(workers) + 1

    def _watch(self, index: int) -> None:
        try:
            _follow(self.address, index + 1, self._patience, pool.dismissed.ctypes.data)
        finally:
            self._following[index] = False


def _looks(seconds: float) -> int:
    """How many looks take so long; processors pause for 10 to 140 cycles."""
    _pause_often(1)
    start = time.perf_counter()
    _pause_often(2000)
    return max(1, int(2000 * seconds / (time.perf_counter() - start)))


_team = _Team()


def _forget_team() -> None:
    """After a fork nobody watches in the child."""
    global _team
    _team = _Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_team)


class Job:
    """Kernels that a team runs one after the other, each thread once.

    Each is given the address of its record, the scratch of the thread that calls it, the address of the job's counters
    (one per part and one more, `COUNTER` bytes apart, 0 at the start), its part and the number of parts. It takes the
    work of its own part first, so that a map's rows stay in the cache of the core that wrote them, then what the others
    have left. Where the next kernel reads what it writes, it returns in no thread before all of its work is done.

    Args:
        tasks: kernel, record that it is given the address of, and, where it needs one, the scratch of each thread,
            uint8 (threads, bytes).
    """

    def __init__(self, *tasks: tuple[Kernel, np.ndarray] | tuple[Kernel, np.ndarray, np.ndarray]):
        self._arrays = [task[1:] for task in tasks]  # kept: the records below hold their addresses
        self._tasks = np.zeros(len(tasks), TASK)
        for i, (code, record, *scratch) in enumerate(tasks):
            self._tasks[i]["kernel"], self._tasks[i]["argument"] = code.address(), record.ctypes.data
            if scratch and scratch[0].size:
                self._tasks[i]["scratch"], self._tasks[i]["scratch_step"] = (
                    scratch[0].ctypes.data,
                    scratch[0].strides[0],
                )
        self._make_counters(1)

    def _make_counters(self, parts: int) -> None:
        self._parts, self._address = parts, self._tasks.ctypes.data
        self._counters = aligned((len(self._tasks), parts + 1, COUNTER), np.uint8)
        for task, counters in zip(self._tasks, self._counters, strict=True):
            task["counters"] = counters.ctypes.data

    @classmethod
    def of(cls, *jobs: "Job") -> Self:
        """The tasks of several jobs, one after the other, as one."""
        whole = cls()
        whole._arrays = [arrays for job in jobs for arrays in job._arrays]
        whole._tasks = np.concatenate([job._tasks for job in jobs])
        whole._make_counters(1)
        return whole

    def run(self, threads: int = 1, wake: bool = True) -> None:
        """Do the job by at most so many threads. wake: whether threads that sleep are worth waking for it."""
        if threads == 1:
            _lead(0, self._address, len(self._tasks), 1)
            return
        with pool.run_lock:
            parts = _team.gather(threads, wake)
            if parts > self._parts:
                self._make_counters(parts)
            _lead(_team.address, self._address, len(self._tasks), parts)
