"""Writing files all or nothing: a crash or a full disk leaves the earlier file as it was."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Context manager that replaces the file `path` by what the block writes to the temporary path it yields.

    The new content is on the disk before the earlier file is replaced. If the block raises, the temporary file is
    removed and `path` stays as it was.

    Raises:
        OSError: The folder cannot be written or the disk is full.
    """
    target = Path(path)
    # Beside the target, so that the rename stays within one file system and is atomic.
    partial = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` as the whole content of `path`; see `replacing`."""
    with replacing(path) as partial:
        partial.write_bytes(data)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` in UTF-8 as the whole content of `path`; see `replacing`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike, value: Any, *, indent: int | None = 2) -> None:
    """Write `value` as JSON with a final newline, letters of all scripts unescaped; see `replacing`."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False) + "\n")
