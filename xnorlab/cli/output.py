"""Output of commands: tables for people, JSON for programs, notes on stderr."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from xnorlab.printable import in_markdown, one_line
from xnorlab.training.processes import is_first_process


def print_json(value: Any) -> None:
    """Print `value` as JSON in ASCII, so that the encoding of the terminal does not matter."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


REMARK_WIDTH = 60
"""Most characters of a line of a remark."""


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    texts: int = 1,
    footer: Sequence[str] = (),
    remarks: bool = False,
) -> None:
    """Print a table, each cell on one printable line.

    Args:
        title: Title of the table.
        columns: Titles of the columns.
        rows: Cells of the rows.
        texts: Number of columns, from the left, that hold text; the others hold numbers.
        footer: Cells of the last line; none if empty.
        remarks: Whether the last column holds prose, which may take several lines.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(one_line(title)), title_justify="left", box=box.SIMPLE_HEAD, show_footer=bool(footer), pad_edge=False
    )
    for i, column in enumerate(columns):
        prose = remarks and i == len(columns) - 1
        table.add_column(
            Text(one_line(column)),
            Text(one_line(footer[i]) if footer else ""),
            justify="left" if i < texts or prose else "right",
            no_wrap=not prose,
            max_width=REMARK_WIDTH if prose else None,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console = Console(highlight=False)
    # in a narrow terminal lines are broken; rich would leave out digits
    console.width = max(console.width, console.measure(table, options=console.options.update(max_width=1000)).maximum)
    console.print(table)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown without a title, each cell on one printable line."""
    lines = [[in_markdown(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *lines))


@contextmanager
def notes_on_stderr() -> Iterator[None]:
    """Context manager that prints what the library logs in its block on stderr: one line each, and no line twice.

    Of the processes of one training, the first alone prints.
    """
    logger, handler = logging.getLogger("xnorlab"), _Notes(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Notes(logging.Handler):
    def __init__(self, level: int):
        super().__init__(level)
        self.printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        line = one_line(record.getMessage())
        if line not in self.printed and is_first_process():
            self.printed.add(line)
            typer.echo(f"xnorlab: {line}", err=True)
