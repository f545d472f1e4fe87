"""How commands print: tables for people, pure JSON for programs, lengths of time and memory with their units."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from xnorlab.printable import in_markdown, one_line


def print_json(value: Any) -> None:
    """`value` on stdout, and nothing else; in ASCII, so that any name survives any terminal's encoding."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


REMARK_WIDTH = 60
"""Characters after which a remark goes on in the next line."""


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    texts: int = 1,
    footer: Sequence[str] = (),
    remarks: bool = False,
) -> None:
    """A table whose first `texts` columns are text and whose others are numbers; each cell on one printable line.

    remarks: the last column is prose, which may take several lines.
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
    # a narrow terminal breaks lines; rich would leave out digits
    console.width = max(console.width, console.measure(table, options=console.options.update(max_width=1000)).maximum)
    console.print(table)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, without a title; each cell on one printable line."""
    lines = [[in_markdown(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *lines))


@contextmanager
def notes_on_stderr() -> Iterator[None]:
    """What the library logs within the block, on stderr: a line each, and none twice."""
    logger, handler = logging.getLogger("xnorlab"), _Notes(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Notes(logging.Handler):
    def __init__(self, level: int):
        super().__init__(level)
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        line = one_line(record.getMessage())
        if line not in self.said:
            self.said.add(line)
            typer.echo(f"xnorlab: {line}", err=True)


def milliseconds(seconds: float) -> str:
    """Three significant digits, in ms."""
    return significant(seconds * 1e3)


def significant(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - int(f"{abs(value):e}".partition("e")[2]))
    return f"{value:.{digits}f}"


def bytes_(count: int) -> str:
    """In B, KiB or MiB."""
    for unit, size in (("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{significant(count / size)} {unit}"
    return f"{count} B"


def macs(count: int) -> str:
    """Multiply-adds in millions; a dash for none."""
    return "–" if count == 0 else f"{significant(count / 1e6)} M"
