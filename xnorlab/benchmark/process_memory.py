"""The memory of this process and of all that it started, shared pages counted once; where Linux tells it."""

import threading
from pathlib import Path
from typing import Self

LOOK_SECONDS = 0.25


class PeakMemory:
    """Context that watches the memory of this process and its descendants.

    Attributes:
        bytes: the largest sum of their proportional set sizes that was seen; None where the system tells none. A page
            that n processes share counts one n-th in each.
    """

    def __init__(self):
        self.bytes: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="xnorlab-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            sizes = [_proportional_bytes(number) for number in family()]
            if any(sizes):
                self.bytes = max(self.bytes or 0, sum(sizes))


def family() -> list[str]:
    """Numbers of this process and of all its descendants; none where there is no /proc."""
    try:
        own = Path("/proc/self").resolve().name
    except OSError:
        return []
    children: dict[str, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            # The name, in brackets, may hold anything; the parent is the second word behind it.
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(path.name)
    found = [own] if children else []
    for number in found:
        found += children.get(number, [])
    return found


def _proportional_bytes(process: str) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended, or is another user's
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
