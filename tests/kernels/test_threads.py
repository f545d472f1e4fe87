"""Parallel parts all run, one run at a time, and without workers the caller does everything."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from forked import check_child

from xnorlab.kernels import threads


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    """As on a machine with two processors, whatever this one has."""
    monkeypatch.setattr(threads, "available_threads", lambda: 2)


def test_every_part_runs_once_and_part_0_in_the_caller():
    seen: list[tuple[int, int, int]] = []
    threads.run_parts(lambda part, parts: seen.append((part, parts, threading.get_ident())), 2)
    assert sorted(entry[:2] for entry in seen) == [(0, 2), (1, 2)]
    by_part = {part: thread for part, _, thread in seen}
    assert by_part[0] == threading.get_ident() != by_part[1]


def test_one_thread_takes_no_lock():
    with ThreadPoolExecutor(1) as other:

        def hold():
            with threads.run_lock:
                return other.submit(threads.run_parts, seen.append_part, 1).result(timeout=10)

        class Seen(list):
            def append_part(self, part, parts):
                self.append((part, parts))

        seen = Seen()
        hold()
    assert seen == [(0, 1)]


def test_one_parallel_run_at_a_time():
    running, most = 0, 0
    guard = threading.Lock()

    def work(part: int, parts: int) -> None:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with guard:
            running -= 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: threads.run_parts(work, 2), range(30)))
    assert most == 2


def test_the_holder_of_the_lock_may_run_in_parallel():
    seen: list[int] = []
    with threads.run_lock:
        threads.run_parts(lambda part, parts: seen.append(part), 2)
    assert sorted(seen) == [0, 1]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_any_part_reaches_the_caller_after_all_parts_ended(failing: int):
    ended: list[int] = []

    def work(part: int, parts: int) -> None:
        if part == failing:
            raise ArithmeticError("part failed")
        time.sleep(0.01)
        ended.append(part)

    with pytest.raises(ArithmeticError, match="part failed"):
        threads.run_parts(work, 2)
    assert ended == [1 - failing]
    threads.run_parts(lambda part, parts: ended.append(part), 2)
    assert sorted(ended[1:]) == [0, 1]


def test_without_workers_the_caller_does_everything(monkeypatch):
    def refused(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_workers", [])
    monkeypatch.setattr(threading.Thread, "start", refused)
    seen: list[tuple[int, int]] = []
    threads.run_parts(lambda part, parts: seen.append((part, parts)), 4)
    assert seen == [(0, 1)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_starts_its_own_workers():
    threads.run_parts(lambda part, parts: None, 2)
    child = os.fork()
    if child == 0:
        seen: list[int] = []
        threads.run_parts(lambda part, parts: seen.append(part), 2)
        os._exit(0 if sorted(seen) == [0, 1] else 1)
    check_child(child)


def test_nobody_works_on_once_an_interrupt_has_come_through():
    ended: list[int] = []

    def work(part: int, parts: int) -> None:
        if part == 0:
            raise KeyboardInterrupt
        time.sleep(0.05)
        ended.append(part)

    with pytest.raises(KeyboardInterrupt):
        threads.run_parts(work, 2)
    assert ended == [1]


def test_a_count_is_held_to_the_processors():
    assert [threads.thread_count(n) for n in (1, 2, 64)] == [1, 2, 2]
    for bad in (0, -1, 1.0, True, "2", None):
        with pytest.raises(ValueError, match="threads="):
            threads.thread_count(bad)


def test_there_is_a_processor():
    assert threads.available_threads() >= 1
