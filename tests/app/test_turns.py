"""Timing runs take turns: one at a time, first come first served, with the length of the queue on show."""

import threading

from xnorlab.kernels import threads

PATIENCE_S = 600


class Place:
    """Stands in for a Streamlit container; remembers what was shown."""

    def __init__(self):
        self.messages: list[str] = []
        self.shown = threading.Event()

    def info(self, text: str, icon: str = "") -> None:
        self.messages.append(text)
        self.shown.set()

    def empty(self) -> None:
        pass


def test_the_second_waits_for_the_first_and_is_told_so(app_modules):
    from shared import turns

    order, place, first_in, let_go = [], Place(), threading.Event(), threading.Event()

    def first():
        with turns.turn(Place()):
            first_in.set()
            let_go.wait(PATIENCE_S)
            order.append("first")

    def second():
        with turns.turn(place):
            order.append("second")

    workers = [threading.Thread(target=first), threading.Thread(target=second)]
    workers[0].start()
    assert first_in.wait(PATIENCE_S)
    workers[1].start()
    assert place.shown.wait(PATIENCE_S)
    let_go.set()
    for worker in workers:
        worker.join(PATIENCE_S)
    assert order == ["first", "second"]
    assert "one run is ahead" in place.messages[0]


def test_a_visitor_who_leaves_the_queue_does_not_block_it(app_modules):
    from shared import turns

    class Leaves(Place):
        def info(self, text: str, icon: str = "") -> None:
            raise RuntimeError("the page was reloaded")

    left = threading.Event()

    def leave():
        try:
            with turns.turn(Leaves()):
                raise AssertionError("the lock was held by another")
        except RuntimeError:
            left.set()

    with threads.run_lock:
        worker = threading.Thread(target=leave)
        worker.start()
        assert left.wait(PATIENCE_S)
        worker.join(PATIENCE_S)
    with turns.turn(Place()):
        assert turns.waiting() == 1
    assert turns.waiting() == 0
