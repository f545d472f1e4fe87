"""The source text of a function or class that a "module:name" reference stands for."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import xnorlab

ROOT = Path(xnorlab.__file__).resolve().parent.parent


@dataclass(frozen=True)
class CodeListing:
    """A function or a class as it stands in the repository.

    Attributes:
        name: Its name.
        path: Its file, relative to the repository's root.
        line: The number of its first line in that file.
        text: Its source.
    """

    name: str
    path: str
    line: int
    text: str


def read(reference: str) -> CodeListing:
    """The listing of "module:name"."""
    module, _, name = reference.partition(":")
    thing: Callable[..., Any] | type = getattr(import_module(module), name)
    file = inspect.getsourcefile(thing)
    lines, line = inspect.getsourcelines(thing)
    path = Path(file or "").resolve()
    return CodeListing(name, path.relative_to(ROOT).as_posix(), line, "".join(lines))
