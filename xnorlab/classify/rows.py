"""Rows of a classification: their columns, as Parquet and as CSV."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from xnorlab import atomic
from xnorlab.classify.job import Settings
from xnorlab.printable import without_formula
from xnorlab.runtime import Answer, UnknownRule

TOP = pa.list_(pa.struct([("label", pa.string()), ("probability", pa.float64())]))

COLUMNS = pa.schema(
    [
        ("path", pa.string()),
        ("label", pa.string()),
        ("probability", pa.float64()),
        ("top", TOP),
        ("unknown", pa.float64()),
        ("error", pa.string()),
    ]
)
"""path; label and probability of the most probable class; top: the most probable classes, that one first; unknown: the
score of the network's rule for pictures of none of its classes, null where it has none; error: why the picture could
not be read, null where it was read."""


class Row(NamedTuple):
    """One row, see COLUMNS."""

    path: str
    label: str | None = None
    probability: float | None = None
    top: list[dict[str, Any]] | None = None
    unknown: float | None = None
    error: str | None = None


def answered(path: str, answer: Answer) -> Row:
    """The row of a picture that was classified."""
    top = [{"label": one.label, "probability": one.probability} for one in answer]
    return Row(path, answer[0].label, answer[0].probability, top, answer.unknown_score)


def unread(path: str, reason: str) -> Row:
    """The row of a picture that could not be read."""
    return Row(_text(path), error=_text(reason))


def _text(text: str) -> str:
    """Text that UTF-8 can hold: half characters of file names are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def schema(settings: Settings, unknown: UnknownRule | None) -> pa.Schema:
    """COLUMNS with what a reader must know: the network, its file, and its rule for `unknown`."""
    said = {
        "network": settings.network,
        "sha256": settings.sha256,
        "unknown": None if unknown is None else unknown.to_dict(),
    }
    return COLUMNS.with_metadata({"xnorlab": json.dumps(said)})


def to_parquet(rows: list[Row], schema: pa.Schema) -> bytes:
    """Content of a Parquet file; equal rows give equal bytes."""
    columns = [
        pa.array(list(values), field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), out, compression="zstd")
    return out.getvalue()


def errors_in(file: Path) -> int:
    """Rows of a part that could not be read, from the statistics of its file."""
    metadata = pq.read_metadata(file)
    column = metadata.schema.names.index("error")
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    return sum(group.num_rows - group.column(column).statistics.null_count for group in groups)


def write_csv(tables: Iterable[pa.Table], file: Path) -> None:
    """Write all rows into one CSV file, all or nothing; `top` is written as JSON.

    UTF-8 with the byte order mark that spreadsheets need. A text that a spreadsheet would take for a formula gets an
    apostrophe in front.
    """
    with atomic.replacing(file) as partial, open(partial, "w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS.names)
        for table in tables:
            for batch in table.to_batches():
                for row in batch.to_pylist():
                    top = row["top"] and json.dumps(row["top"], ensure_ascii=False)
                    writer.writerow([without_formula(value) for value in (row | {"top": top}).values()])
