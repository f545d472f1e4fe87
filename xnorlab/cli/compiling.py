"""The line on stderr that says why a first answer takes seconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

NOTE = "compiling the network's kernels for this processor, some seconds"


@contextmanager
def compiling_on_stderr() -> Iterator[None]:
    """Context manager that prints a line on stderr as soon as a kernel is compiled, and none for those of the cache.

    On a terminal the line counts the kernels.
    """
    from xnorlab.kernels.jit import watch_compiling

    begun = 0
    counts = sys.stderr.isatty()

    def watch(name: str, seconds: float | None) -> None:
        nonlocal begun
        if seconds is not None:
            return
        begun += 1
        if counts:
            print(f"\rxnorlab: {NOTE}: {begun}", end="", file=sys.stderr, flush=True)
        elif begun == 1:
            print(f"xnorlab: {NOTE}", file=sys.stderr, flush=True)

    try:
        with watch_compiling(watch):
            yield
    finally:
        if begun and counts:
            print(file=sys.stderr)
