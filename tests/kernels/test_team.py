"""Jobs of compiled code: every piece of work is done once, whoever comes, late or not at all."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from forked import check_child

from xnorlab.kernels import team, threads
from xnorlab.kernels.codegen.memory import fetch_and_add, load_int
from xnorlab.kernels.codegen.records import COUNTER
from xnorlab.kernels.jit import kernel
from xnorlab.kernels.team import Job

N = 1000


@kernel
def _count(address, scratch, counters, part, parts):
    """Add 1 to each of N int64 at `address`, and to the one after them that belongs to the thread."""
    for turn in range(parts):
        owner = (part + turn) % parts
        counter = counters + COUNTER * owner
        first, end = N * owner // parts, N * (owner + 1) // parts
        i = first + fetch_and_add(counter, 1)
        while i < end:
            fetch_and_add(address + 8 * i, 1)
            fetch_and_add(address + 8 * (N + part), 1)
            i = first + fetch_and_add(counter, 1)


@kernel
def _sum_up(address, scratch, counters, part, parts):
    """Have one thread write the N int64 at `address` that it sees behind them, and count in its scratch."""
    if fetch_and_add(counters, 1) == 0:
        total = 0
        for i in range(N):
            total += load_int(address + 8 * i)
        fetch_and_add(address + 8 * (N + 8), total)
        fetch_and_add(scratch, part + 1)


@pytest.fixture(autouse=True)
def four_processors(monkeypatch):
    """As on a machine with four processors, whatever this one has."""
    monkeypatch.setattr(threads, "available_threads", lambda: 4)


def record() -> np.ndarray:
    return np.zeros(N + 16, np.int64)


@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("wake", [True, False])
def test_every_piece_is_done_once_in_every_run(n_threads: int, wake: bool):
    values = record()
    job = Job((_count, values))
    for run in range(1, 300):
        job.run(n_threads, wake)
        assert (values[:N] == run).all()
    assert values[N : N + n_threads].sum() == 299 * N


def test_workers_that_watch_take_their_own_share_first():
    values = record()
    job, deadline = Job((_count, values)), time.monotonic() + 60
    while not values[N + 1] and time.monotonic() < deadline:  # a worker comes when the system lets it run
        job.run(2)
    assert values[N + 1] > 0


def test_tasks_run_one_after_the_other_with_the_scratch_of_their_thread():
    values, scratch = record(), np.zeros((2, 64), np.uint8)
    first, second = Job((_count, values)), Job((_sum_up, values, scratch))
    first.run(2)
    second.run(2)
    assert values[N + 8] == N
    by_thread = scratch.view(np.int64)[:, 0]
    assert sorted(by_thread.tolist()) in ([0, 1], [0, 2])
    assert by_thread[0] in (0, 1)
    assert by_thread[1] in (0, 2)
    whole = Job.of(first, Job((_count, values)))
    whole.run(2)
    assert (values[:N] == 3).all()


def test_jobs_and_parts_of_python_take_turns():
    values = record()
    job = Job((_count, values))
    for run in range(1, 50):
        seen: list[int] = []
        job.run(4)
        threads.run_parts(lambda part, parts, seen=seen: seen.append(part), 4)
        assert sorted(seen) == [0, 1, 2, 3]
        assert (values[:N] == run).all()


def test_many_callers_at_once():
    def work(_) -> bool:
        values = record()
        job = Job((_count, values))
        for _ in range(20):
            job.run(3)
        return bool((values[:N] == 20).all())

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(30)))


def test_without_workers_the_caller_does_everything(monkeypatch):
    def refused(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_workers", [])
    monkeypatch.setattr(team, "_team", team._Team())
    monkeypatch.setattr(threading.Thread, "start", refused)
    values = record()
    Job((_count, values)).run(4)
    assert (values[:N] == 1).all()
    assert values[N] == N


def test_workers_go_to_sleep():
    Job((_count, record())).run(4)
    deadline = time.monotonic() + 60
    while any(team._team._following) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(team._team._following)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_gathers_a_team_of_its_own():
    values = record()
    job = Job((_count, values))
    job.run(2)
    child = os.fork()
    if child == 0:
        job.run(2)
        os._exit(0 if (values[:N] == 2).all() else 1)
    check_child(child)
