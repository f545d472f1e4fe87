"""A live run in its thread: starts, stops, resumes without a trace, gives way to timings, ends when nobody looks."""

import time

import pytest

from xnorlab.kernels import threads
from xnorlab.training.digits import Digits

PATIENCE_S = 600
STEPS = 20


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits(130, 20)


@pytest.fixture
def live_run(app_modules, monkeypatch):
    """The module, with short runs, which wait for somebody to look as long as a loaded machine makes them."""
    from views.how_it_learns import live_run

    from xnorlab.training import live_training

    monkeypatch.setattr(live_run, "STEPS", STEPS)
    monkeypatch.setattr(live_training, "STEPS", STEPS)
    monkeypatch.setattr(live_run, "SHOWN_PICTURES", 5)
    monkeypatch.setattr(live_run, "UNWATCHED_SECONDS", PATIENCE_S)
    monkeypatch.setattr(live_run, "LONGEST_SECONDS", PATIENCE_S)
    return live_run


@pytest.fixture
def begin(live_run, digits):
    """begin(seed=…) → a run of the smallest network, not started; all threads are ended with the test."""
    from xnorlab.training.live_training import LiveSettings

    runs = []

    def begin_(pace: float = float("inf"), **settings):
        runs.append(live_run.LiveRun(LiveSettings(width=1, **settings), pace, digits))
        return runs[-1]

    yield begin_
    for run in runs:
        run.stop()


def wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_untrained_network_can_be_looked_at_before_the_start(begin):
    run = begin()
    snapshot = run.watch()
    assert (run.state, snapshot.step, snapshot.curves.step) == ("ready", 0, [])
    assert snapshot.probabilities.shape == (5, 10)
    assert snapshot.weights["conv1"].shape == (1, 1, 5, 5)


def test_a_started_run_ends_by_itself_with_every_record(begin):
    run = begin()
    run.start()
    wait_for(lambda: not run.running)
    assert run.state == "done"
    assert run.watch().step == STEPS
    assert run.watch().curves.step == [5, 10, 15, 20]


def test_stopped_and_resumed_it_draws_the_curve_of_an_unbroken_run(begin, live_run, monkeypatch):
    monkeypatch.setattr(live_run, "SLICE_SECONDS", 0.0)  # one step, then a look at whether to stop
    whole, cut = begin(seed=3), begin(seed=3)
    advance = cut._training.advance

    def advance_and_stop():  # from here, since another thread may come too late for it
        advance()
        if cut._training.step in (3, 9):
            cut._stop.set()

    monkeypatch.setattr(cut._training, "advance", advance_and_stop)
    whole.start()
    for step in (3, 9):
        cut.start()
        wait_for(lambda: not cut.running)
        assert cut.state == "stopped"
        assert cut.watch().step == cut._training.step == step
    cut.start()
    wait_for(lambda: cut.state == whole.state == "done")
    assert cut.watch().curves == whole.watch().curves


def test_nothing_happens_while_stopped(begin):
    run = begin(pace=100.0)
    run.start()
    wait_for(lambda: run._training.step >= 1)
    run.stop()
    step = run._training.step
    time.sleep(0.1)
    assert run._training.step == step


def test_the_pace_limits_the_steps_a_second(begin):
    run = begin(pace=20.0)
    started = time.monotonic()
    run.start()
    wait_for(lambda: not run.running)
    assert time.monotonic() - started > 0.9 * STEPS / 20.0


def test_two_visitors_runs_do_not_touch_each_other(begin):
    alone, one, other = begin(seed=1), begin(seed=1), begin(seed=2)
    for run in (one, other):
        run.start()
    wait_for(lambda: not one.running and not other.running)
    alone.start()
    wait_for(lambda: not alone.running)
    assert one.watch().curves == alone.watch().curves != other.watch().curves


def test_it_stands_still_while_somebody_holds_the_timing_lock(begin):
    run = begin()
    with threads.run_lock:
        run.start()
        wait_for(lambda: run.waiting)
        time.sleep(0.2)
        assert run.watch().step == run._training.step == 0
    wait_for(lambda: run.state == "done")


def test_it_gives_way_to_a_queue_of_timings(begin, monkeypatch, live_run):
    monkeypatch.setattr(live_run.turns, "waiting", lambda: 1)
    run = begin()
    run.start()
    wait_for(lambda: run.waiting)
    time.sleep(0.2)
    assert run._training.step == 0
    monkeypatch.setattr(live_run.turns, "waiting", lambda: 0)
    wait_for(lambda: run.state == "done")


def test_a_timing_run_gets_its_turn_while_training_goes_on(begin):
    run = begin(pace=200.0)
    run.start()
    wait_for(lambda: run._training.step >= 1)
    assert threads.run_lock.acquire(timeout=PATIENCE_S)
    step = run._training.step
    time.sleep(0.1)
    assert run._training.step == step
    threads.run_lock.release()


def test_it_ends_when_nobody_looks_and_can_be_resumed(begin, live_run, monkeypatch):
    monkeypatch.setattr(live_run, "UNWATCHED_SECONDS", 0.0)
    run = begin(pace=50.0)
    run.start()
    wait_for(lambda: not run.running)
    assert run.state == "left"
    monkeypatch.setattr(live_run, "UNWATCHED_SECONDS", PATIENCE_S)
    run.start()
    wait_for(lambda: run.state == "done")
    assert run.watch().step == STEPS


def test_no_thread_lives_longer_than_it_may(begin, live_run, monkeypatch):
    monkeypatch.setattr(live_run, "LONGEST_SECONDS", 0.0)
    run = begin()
    run.start()
    wait_for(lambda: not run.running)
    assert run.state == "late"


def test_a_failure_is_kept_for_the_page_and_frees_the_lock(begin, monkeypatch):
    run = begin()
    monkeypatch.setattr(run._training, "advance", lambda: 1 / 0)
    run.start()
    wait_for(lambda: not run.running)
    assert run.state == "failed"
    assert "ZeroDivisionError" in run.problem
    assert threads.run_lock.acquire(timeout=1)
    threads.run_lock.release()


def test_a_finished_run_does_not_start_again(begin):
    run = begin()
    run.start()
    wait_for(lambda: run.state == "done")
    run.start()
    assert run.state == "done"
