"""Entries of a job's list: where each picture lies, in a file of its own or in a row of a Parquet file."""

import os
from typing import NamedTuple

import pyarrow as pa

ALONE = -1
"""The row group of an entry whose picture is a file of its own."""


class Entry(NamedTuple):
    """One picture of the list.

    Attributes:
        place: the path of the picture or of the Parquet file that holds it, as the system's bytes, or an address.
        row_group: in the Parquet file; ALONE for a picture in a file of its own.
        row: in the row group, from 0; 0 for a picture in a file of its own.
    """

    place: bytes
    row_group: int = ALONE
    row: int = 0


SCHEMA = pa.schema([("place", pa.binary()), ("row_group", pa.int32()), ("row", pa.int64())])
"""Columns of a part of the list."""


def table(entries: list[Entry]) -> pa.Table:
    """The part of the list that holds `entries`."""
    return pa.table([list(column) for column in zip(*entries, strict=True)], schema=SCHEMA)


def entries_of(part: pa.Table) -> list[Entry]:
    """The entries of a part of the list."""
    return [Entry(*row) for row in zip(*(column.to_pylist() for column in part.columns), strict=True)]


def is_address(place: str | bytes) -> bool:
    """Whether a place is a bucket's address, such as s3://photos/2024, and no path."""
    return "://" in os.fsdecode(place)


def shown(place: bytes) -> str:
    """A place as text: bytes outside UTF-8 are written as escapes, since Parquet and CSV hold none."""
    return place.decode("utf-8", "backslashreplace")
