"""How commands print: tables for people, pure JSON for programs, lengths of time and memory with their units."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer


def one_line(text: str) -> str:
    """`text` on one printable line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


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
    """A table whose first `texts` columns are text and whose others are numbers; remarks: the last one is prose."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, show_footer=bool(footer), pad_edge=False
    )
    for i, column in enumerate(columns):
        prose = remarks and i == len(columns) - 1
        table.add_column(
            Text(column),
            Text(footer[i] if footer else ""),
            justify="left" if i < texts or prose else "right",
            no_wrap=not prose,
            max_width=REMARK_WIDTH if prose else None,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    # a narrow terminal breaks lines; rich would leave out digits
    console.width = max(console.width, console.measure(table, options=console.options.update(max_width=1000)).maximum)
    console.print(table)


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
