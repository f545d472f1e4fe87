"""`python tests/e2e/app_server.py app …` is `streamlit run app …`, whose time a test can stop.

A line on standard input is one of COMMANDS and is answered by the same line on standard output once it is done; what
Streamlit prints goes to standard error. So a test waits for what must come and never races with what may be over.
"""

import math
import os
import signal
import sys
import threading
from functools import partial
from typing import IO

from streamlit.web.cli import main

from xnorlab import benchmark
from xnorlab.kernels import threads

_bench_network = benchmark.bench_network


class _Gate:
    """Lets `bench_network`, which a page calls once a round, through as often as it was told."""

    def __init__(self):
        self._left, self._change = math.inf, threading.Condition()

    def open_for(self, calls: float) -> None:
        with self._change:
            self._left = calls
            self._change.notify_all()

    def bench_network(self, *args, **options) -> benchmark.NetworkBench:
        with self._change:
            self._change.wait_for(lambda: self._left > 0)
            self._left -= 1
        return _bench_network(*args, **options)


_gate = _Gate()


_patience: dict[str, float] = {}  # of live runs, by the names of views.how_it_learns.live_run


def _watch_long() -> None:
    live_run = sys.modules["views.how_it_learns.live_run"]  # there once a page that trains was opened
    for name in ("UNWATCHED_SECONDS", "LONGEST_SECONDS"):
        _patience.setdefault(name, getattr(live_run, name))
        setattr(live_run, name, 3600.0)


def _watch_as_usual() -> None:
    for name, seconds in _patience.items():
        setattr(sys.modules["views.how_it_learns.live_run"], name, seconds)


COMMANDS = {
    "hold": threads.run_lock.acquire,  # nobody measures and nobody trains
    "let go": threads.run_lock.release,
    "one round": partial(_gate.open_for, 1),  # of a network's timing
    "all rounds": partial(_gate.open_for, math.inf),
    "watch long": _watch_long,  # a live run does not take a slow page for one that was left
    "watch as usual": _watch_as_usual,  # runs whose pages are closed end
}


def _obey(answers: IO[str]) -> None:
    """Until standard input ends: the test is over, or was killed, and nobody has use for the server."""
    for line in sys.stdin:
        COMMANDS[line.strip()]()
        answers.write(line)
        answers.flush()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    benchmark.bench_network = _gate.bench_network
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=_obey, args=(answers,), daemon=True).start()
    sys.argv = ["streamlit", "run", *sys.argv[1:]]
    main()
