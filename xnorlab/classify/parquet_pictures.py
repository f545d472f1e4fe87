"""Pictures in a Parquet file: in which column they are, and their bytes row by row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xnorlab.classify.entries import Entry, shown
from xnorlab.classify.storage import Storage

ROWS_AT_ONCE = 16
"""Rows of a Parquet file that are held at once; photos of a phone have some megabytes each."""


@dataclass(frozen=True)
class PictureColumn:
    """The column of a table that holds its pictures.

    Attributes:
        name: of the column.
        holds_paths: whether it holds paths; else bytes, or records of `bytes` and `path`.
    """

    name: str
    holds_paths: bool


def picture_column(schema: pa.Schema, column: str | None, file: str) -> PictureColumn:
    """Choose the column of pictures: the only one with bytes, else "path" or the only one with texts.

    Args:
        schema: of the Parquet file.
        column: its name, where it was given.
        file: the file's name, for messages.

    Raises:
        ValueError: there is no such column, or no single choice.
    """
    there = ", ".join(f"{field.name} ({field.type})" for field in schema)
    if column is not None and column not in schema.names:
        raise ValueError(f"column={column!r} is none of the columns of {file}: {there}")
    considered = [field for field in schema if column in (None, field.name)]
    images = [field.name for field in considered if _holds_bytes(field.type)]
    paths = [
        field.name for field in considered if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]
    if len(images) == 1:
        return PictureColumn(images[0], holds_paths=False)
    if not images and ("path" in paths or len(paths) == 1):
        return PictureColumn("path" if "path" in paths else paths[0], holds_paths=True)
    if column is not None:
        raise ValueError(f"column={column!r} of {file} must hold bytes or texts; its columns: {there}")
    raise ValueError(f"{file} has no single column of pictures; name it with --column; its columns: {there}")


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _holds_bytes(kind.field("bytes").type)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def rows(place: bytes, group: int, wanted: list[Entry], column: str | None, storage: Storage) -> Iterator[Any]:
    """The name and the bytes of some rows of a row group, in their order.

    Args:
        place: of the Parquet file.
        group: the row group.
        wanted: entries of that row group, their rows ascending.
        column: the pictures' column, where it was given.
        storage: opens the file.

    Yields:
        Pairs of name and bytes; the bytes are None where the table has none.
    """
    with storage.open(place) as file:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        chosen = picture_column(schema, column, shown(place))
        named = [] if chosen.holds_paths or "path" not in schema.names else ["path"]
        left = iter(wanted)
        entry, first = next(left), 0
        for batch in parquet.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=[chosen.name, *named]):
            while entry.row < first + batch.num_rows:
                record = {name: batch.column(name)[entry.row - first].as_py() for name in batch.schema.names}
                value, path = record[chosen.name], record.get("path")
                if isinstance(value, dict):
                    value, path = value["bytes"], value.get("path") or path
                name = path if isinstance(path, str) and path else f"{shown(place)}#{group}:{entry.row}"
                yield name, value if isinstance(value, bytes) else None
                entry = next(left, None)
                if entry is None:
                    return
            first += batch.num_rows
