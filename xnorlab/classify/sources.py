"""Sources of pictures, listed one entry at a time: a folder, a glob, a list of files, a Parquet file, a bucket."""

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xnorlab.classify.entries import Entry, is_address
from xnorlab.classify.parquet_pictures import picture_column
from xnorlab.classify.storage import Storage
from xnorlab.images import SUFFIXES
from xnorlab.images.class_folders import nfc, visible

ANY_DEPTH = "**"


def entries(source: str, column: str | None, storage: Storage) -> Iterator[Entry]:
    """Entries of a source, in an order that depends on its names alone; see the help of `xnorlab classify`.

    Folders are read one after the other, so that memory does not grow with their number.

    Args:
        source: a path, a glob or an address.
        column: the pictures' column of Parquet files; None where there is one choice.
        storage: opens files.

    Raises:
        ValueError: `source` is none of these, or `column` does not fit.
        OSError: something cannot be listed or opened.
    """
    if is_address(source):
        places = iter([source.encode()]) if storage.is_file(source) else storage.pictures(source)
        return _expanded(places, column, storage)
    path = Path(storage.path(os.fsencode(source)))
    if path.is_dir():
        return map(Entry, _folder(os.fsencode(source), storage))
    if path.is_file():
        listed = path.suffix.lower() != ".parquet" and path.suffix.lower() not in SUFFIXES
        return _expanded(_listed(path) if listed else iter([os.fsencode(source)]), column, storage)
    if set(source) & set("*?["):
        return _expanded(_matches(source, storage), column, storage)
    raise ValueError(f"source={source!r} must be a folder, a file or a pattern with *, ? or [ ]; it does not exist")


def _expanded(places: Iterator[bytes], column: str | None, storage: Storage) -> Iterator[Entry]:
    """Entries of places, each row of a Parquet file one of its own."""
    for place in places:
        if place.lower().endswith(b".parquet"):
            yield from _rows(place, column, storage)
        else:
            yield Entry(place)


def _rows(place: bytes, column: str | None, storage: Storage) -> Iterator[Entry]:
    with storage.open(place) as file:
        try:
            parquet = pq.ParquetFile(file)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{os.fsdecode(place)} is no Parquet file: {error}") from None
        chosen = picture_column(parquet.schema_arrow, column, os.fsdecode(place))
        for group in range(parquet.num_row_groups):
            row = 0
            # A path needs no second look at the table; a row without one keeps its place, and gets its reason later.
            if chosen.holds_paths:
                for batch in parquet.iter_batches(row_groups=[group], columns=[chosen.name]):
                    for path in batch.column(0).to_pylist():
                        yield Entry(place, group, row) if not path else Entry(os.fsencode(path))
                        row += 1
            else:
                for row in range(parquet.metadata.row_group(group).num_rows):
                    yield Entry(place, group, row)


def _listed(path: Path) -> Iterator[bytes]:
    """Lines of a list of files, without empty ones; read as bytes, since a file name may be any."""
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if b"\0" in line:
                raise ValueError(f"{path} is no list of files, one on a line: line {number} holds a null byte")
            if name := line.rstrip(b"\r\n"):
                yield name


def _folder(folder: bytes, storage: Storage) -> Iterator[bytes]:
    """Pictures in a folder and below, as their names end; links to folders are not followed, for they may lead up."""
    for entry in _sorted(storage.path(folder)):
        if not visible(entry.name):
            continue
        place = os.path.join(folder, os.fsencode(entry.name))
        if entry.is_dir(follow_symlinks=False):
            yield from _folder(place, storage)
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
            yield place


def _matches(pattern: str, storage: Storage) -> Iterator[bytes]:
    """Files that a glob matches; ** stands for folders at any depth, and * matches no hidden name."""
    parts = [part for part in pattern.split(os.sep) if part]
    if parts.count(ANY_DEPTH) > 1:
        raise ValueError(f"source={pattern!r} must hold {ANY_DEPTH} at most once")

    def match(folder: str, rest: list[str]) -> Iterator[bytes]:
        if not rest:
            if os.path.isfile(storage.path(os.fsencode(folder))):
                yield os.fsencode(folder)
            return
        first, *others = rest
        if first == ANY_DEPTH:
            yield from match(folder, others)
            names = [entry.name for entry in _entries(folder) if entry.is_dir(follow_symlinks=False)]
            for name in names:
                if visible(name):
                    yield from match(os.path.join(folder, name), rest)
        elif not set(first) & set("*?["):
            yield from match(os.path.join(folder, first), others)
        else:
            for entry in _entries(folder):
                hidden = entry.name.startswith(".") and not first.startswith(".")
                if not hidden and fnmatch.fnmatchcase(entry.name, first):
                    yield from match(os.path.join(folder, entry.name), others)

    def _entries(folder: str) -> list[os.DirEntry[str]]:
        path = storage.path(os.fsencode(folder))
        return _sorted(path) if os.path.isdir(path) else []

    return match(os.sep if pattern.startswith(os.sep) else "", parts)


def _sorted(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return sorted(found, key=lambda entry: nfc(entry.name))
