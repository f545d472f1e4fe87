"""Escaping of text from outside (labels, file names, messages) for a terminal, for Markdown or for a spreadsheet."""

import re
from typing import Any


def one_line(text: object) -> str:
    """Return `text` with every unprintable character (newline, control, lone surrogate) written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))


def error_line(error: BaseException) -> str:
    """Message of an error on one line, at most 200 characters of it: those of torch may have many lines."""
    return " ".join(str(error).split())[:200]


def in_markdown(text: object) -> str:
    """Return `one_line(text)` with the characters escaped that Markdown would take for markup in a line or a table."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", one_line(text))


def without_formula(cell: Any) -> Any:
    """Return `cell`, with an apostrophe in front if it is a text that a spreadsheet would take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
