"""The one writer of CSV files to download."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from xnorlab.printable import without_formula


def encoded(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A CSV file with one column per key of the first row; UTF-8 with the byte order mark that spreadsheets need.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows({column: without_formula(cell) for column, cell in row.items()} for row in rows)
    return out.getvalue().encode("utf-8-sig")
