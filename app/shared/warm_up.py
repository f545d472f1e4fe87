"""Loading in the background, once the first page is there, so that no later page waits for networks or libraries."""

import contextlib
import threading
import time

from shared import turns
from xnorlab import pretrained
from xnorlab.kernels import threads

_started = threading.Event()


def warm() -> None:
    """Start a thread, once per process, that runs every network once, then loads plotly, scikit-learn and torch.

    It waits while somebody measures, and nobody's measurement starts while one of its networks runs. To be called at
    the end of a run of the app: before that, the imports would only slow the first page down.
    """
    if not _started.is_set():
        _started.set()
        threading.Thread(target=_load, name="xnorlab-warm", daemon=True).start()


def _load() -> None:
    try:
        names = pretrained.names()
    except ValueError:
        names = ()
    for name in names:
        _wait()
        with contextlib.suppress(ValueError, OSError):  # the page that asks for a damaged network reports it
            _run(name)
    _wait()
    import plotly.graph_objects  # noqa: F401

    _wait()
    import sklearn.linear_model  # noqa: F401

    _wait()
    import torch  # noqa: F401


def _wait() -> None:
    """Wait until nobody measures or is in the queue."""
    while turns.waiting():
        time.sleep(turns.LOOK_SECONDS)


def _run(name: str) -> None:
    import numpy as np

    network = pretrained.load(name)
    with threads.run_lock:
        network.run(np.zeros((1, *network.input_shape), np.float32))
