"""Loading in the background: not while somebody measures, and whatever one file is like."""

import threading

from xnorlab import pretrained
from xnorlab.kernels import threads

PATIENCE_S = 600


def test_one_damaged_file_does_not_stop_the_rest(pretrained_copy, app_modules, monkeypatch):
    from shared import warm_up

    names = pretrained.names()
    (pretrained_copy / pretrained.entry(names[0]).file).write_bytes(b"damaged")
    loaded = []
    load = pretrained.load

    def loading(name):
        network = load(name)
        loaded.append(name)
        return network

    monkeypatch.setattr(pretrained, "load", loading)
    warm_up._load()
    assert loaded == list(names[1:])


def test_it_waits_while_somebody_measures_and_holds_the_timing_lock_while_it_runs(app_modules, monkeypatch):
    from shared import turns, warm_up

    class Network:
        input_shape = (1, 1, 3)

        def run(self, x):
            others = []
            taker = threading.Thread(target=lambda: others.append(threads.run_lock.acquire(blocking=False)))
            taker.start()
            taker.join()
            ran.append(others)

    ran, looks, looked = [], [], threading.Event()
    waiting = turns.waiting

    def look():
        looks.append(waiting())
        if len(looks) == 3:
            looked.set()
        return looks[-1]

    monkeypatch.setattr(turns, "waiting", look)
    monkeypatch.setattr(pretrained, "names", lambda: ("one",))
    monkeypatch.setattr(pretrained, "load", lambda name: Network())
    turns._queue.append(ticket := object())
    try:
        thread = threading.Thread(target=warm_up._load)
        thread.start()
        assert looked.wait(PATIENCE_S)
        assert not ran
    finally:
        turns._queue.remove(ticket)
    thread.join(PATIENCE_S)
    assert ran == [[False]]
