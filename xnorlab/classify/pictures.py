"""Pictures of a part of the list: each opened, or the reason why it cannot be."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import IO, Any

import pyarrow as pa

from xnorlab.classify import parquet_pictures
from xnorlab.classify.entries import ALONE, Entry, is_address, shown
from xnorlab.classify.storage import Storage
from xnorlab.images.limits import MAX_BYTES


@dataclass(frozen=True)
class Source:
    """Where one picture can be read.

    Attributes:
        name: its path, its address, or its file and row.
        data: what `images.open_image` reads; None where there is nothing to read.
        problem: why there is nothing; "" where there is.
    """

    name: str
    data: str | bytes | IO[bytes] | Any
    problem: str = ""


def sources(entries: list[Entry], column: str | None, storage: Storage) -> Iterator[Source]:
    """One `Source` per entry, in their order; a file that cannot be opened gives sources with its reason."""
    for (place, group), run in groupby(entries, key=lambda entry: (entry.place, entry.row_group)):
        if group == ALONE:
            for _ in run:
                yield _file(place, storage)
        else:
            yield from _rows(place, group, list(run), column, storage)


def _file(place: bytes, storage: Storage) -> Source:
    if not is_address(place):
        return Source(shown(place), storage.path(place))
    try:
        with storage.open(place) as file:
            if (length := file.size()) > MAX_BYTES:
                limit = MAX_BYTES // 10**6
                return Source(shown(place), None, f"it has {length:,} bytes, more than the {limit} million allowed")
            return Source(shown(place), file.read())
    except (OSError, ValueError) as error:
        return Source(shown(place), None, f"it cannot be fetched: {error}")


def _rows(place: bytes, group: int, wanted: list[Entry], column: str | None, storage: Storage) -> Iterator[Source]:
    done = 0
    try:
        for name, value in parquet_pictures.rows(place, group, wanted, column, storage):
            yield Source(name, value, "" if value else "its row holds no picture")
            done += 1
    except (OSError, ValueError, pa.ArrowException) as error:
        problem = f"its table cannot be read: {error}"
    else:
        problem = "its table has fewer rows than when it was listed"
    for entry in wanted[done:]:
        yield Source(f"{shown(place)}#{group}:{entry.row}", None, problem)
