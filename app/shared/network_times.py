"""The networks' times on this machine: measured once per process, in the background, and shared by all visitors.

No page waits for them: it asks for them, shows what is known, and looks again.
"""

import collections
import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from shared import turns
from shared.notices import NOISY
from xnorlab import pretrained
from xnorlab.benchmark import Timing, describe, interleaved
from xnorlab.kernels import threads

RUNS = 15
PAUSES_S = (0.0, 1.0, 4.0, 15.0)
"""Pauses before each attempt at networks whose runs lie further apart than NOISY; the calmest attempt counts."""
LOOK_SECONDS = 1.0
"""How often a page that waits for times looks for them."""


@dataclass(frozen=True)
class NetworkTime:
    """The time of one picture on one thread.

    Attributes:
        timing: Its runs; the networks of a family took turns.
        taken: When, in UTC, ISO 8601.
    """

    timing: Timing
    taken: str


_times: dict[str, NetworkTime] = {}  # by the file's sha256: another file of the same name is another network
_refused: set[str] = set()
_asked: dict[str, str] = {}  # the file's sha256 → its network's name, until it is measured or refused
_change = threading.Lock()


def known(names: Iterable[str]) -> dict[str, NetworkTime]:
    """Name → the time of each of these networks that was measured in this process."""
    digests = {name: pretrained.entry(name).sha256 for name in names}
    return {name: _times[digest] for name, digest in digests.items() if digest in _times}


def ask(names: Sequence[str]) -> bool:
    """Have these networks measured in the background where that was not done yet; returns whether any is under way."""
    digests = {pretrained.entry(name).sha256: name for name in names}
    with _change:
        missing = {d: name for d, name in digests.items() if d not in _times and d not in _refused}
        idle = not _asked
        _asked.update(missing)
        waiting = any(digest in _asked for digest in digests)
    if missing and idle:
        _begin(measure_asked)
    return waiting


def measure_asked() -> None:
    """Measure every network that was asked for, a family at a time, while no visitor measures.

    Where something else keeps the machine busy, they are measured again, after those that have no time yet.
    """
    attempts: collections.Counter[str] = collections.Counter()
    while True:
        with _change:
            asked = dict(_asked)
        if not asked:
            return
        attempt = min(attempts[digest] for digest in asked)
        time.sleep(PAUSES_S[attempt])
        now = {digest: name for digest, name in asked.items() if attempts[digest] == attempt}
        for family in dict.fromkeys(map(_family, now.values())):
            _measure({digest: name for digest, name in now.items() if _family(name) == family})
        attempts.update(now.keys())
        with _change:
            _refused.update(now.keys() - _times.keys())
            for digest in now:
                calm = digest in _times and _times[digest].timing.spread <= NOISY
                if calm or digest in _refused or attempts[digest] == len(PAUSES_S):
                    del _asked[digest]


def _measure(names: dict[str, str]) -> None:
    calls = {}
    for digest, name in names.items():
        with contextlib.suppress(ValueError, OSError):  # the page that uses a damaged network reports it
            network = pretrained.load(name)
            calls[digest] = partial(network.run, np.zeros((1, *network.input_shape), np.float32))
    while turns.waiting():
        time.sleep(turns.LOOK_SECONDS)
    measured: dict[str, Timing] = {}
    with threads.run_lock, contextlib.suppress(ValueError):
        measured = interleaved(calls, repeats=RUNS)
    taken = describe().taken
    with _change:
        for digest, timing in measured.items():
            if digest not in _times or timing.spread < _times[digest].timing.spread:
                _times[digest] = NetworkTime(timing, taken)


def _begin(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="xnorlab-times", daemon=True).start()


def _family(name: str) -> str:
    return name.partition("-")[0]
