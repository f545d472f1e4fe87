"""Suppression of Pillow's warnings in any number of threads."""

import contextlib
import threading
import warnings
from collections.abc import Iterator

_lock = threading.Lock()
_threads = 0
_filters = warnings.catch_warnings()


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Context manager that suppresses warnings in its block, in all threads that are in such a block.

    Pillow warns of suspicious sizes and corrupt metadata, both of which are handled here. `warnings.catch_warnings`
    alone is not thread-safe: of two threads that overlap, the later one would restore the filters that the earlier one
    had set. Therefore the first thread to enter sets the filters and the last one to leave restores them.
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
