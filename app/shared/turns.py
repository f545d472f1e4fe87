"""The queue of visitors who measure: one timing run at a time in the process, first come, first served."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.delta_generator import DeltaGenerator

from xnorlab.kernels import threads

LOOK_SECONDS = 0.25  # how often a waiting visitor sees the place in the queue anew

_queue: deque[object] = deque()
_change = threading.Lock()


@contextmanager
def turn(place: DeltaGenerator) -> Iterator[None]:
    """Wait for this visitor's turn, then hold the library's timing lock.

    A visitor who leaves or reloads while waiting leaves the queue: Streamlit ends the script at its next message.

    Args:
        place: Where the page says how many runs are ahead.
    """
    ticket = object()
    with _change:
        _queue.append(ticket)
    try:
        while _ahead(ticket) or not threads.run_lock.acquire(timeout=LOOK_SECONDS):
            ahead = _ahead(ticket)
            who = "one run is" if ahead <= 1 else f"{ahead} runs are"
            place.info(f"Waiting for the machine: {who} ahead of yours.", icon=":material/hourglass_top:")
            if ahead:
                time.sleep(LOOK_SECONDS)
        try:
            place.empty()
            yield
        finally:
            threads.run_lock.release()
    finally:
        with _change:
            _queue.remove(ticket)


def waiting() -> int:
    """How many runs are under way or waiting."""
    return len(_queue)


def _ahead(ticket: object) -> int:
    with _change:
        return _queue.index(ticket)
