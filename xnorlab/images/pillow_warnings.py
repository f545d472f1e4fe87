"""Pillow's warnings kept quiet in any number of threads."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

_lock = threading.Lock()
_threads = 0
_filters = warnings.catch_warnings()


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Pillow warns on suspicious sizes and corrupt metadata; both are dealt with by the readers here.

    `warnings.catch_warnings` alone is not thread-safe: of two threads that overlap, the later one would restore the
    filters that the earlier one had set. So the first to come sets them and the last to go restores them.
    """
    global _threads, _filters
    with _lock:
        _threads += 1
        if _threads == 1:
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _lock:
            _threads -= 1
            if _threads == 0:
                _filters.__exit__(None, None, None)
