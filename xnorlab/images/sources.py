"""The sources of a picture: a path, bytes or an open file as a seekable binary file with a name for messages."""

import io
import os
import stat
from typing import IO, Any

from xnorlab.images.limits import MAX_BYTES
from xnorlab.printable import one_line


class ImageError(ValueError):
    """A picture that cannot be used; the message is one sentence that names the file and says why."""


def as_file(source: Any, name: str | None) -> tuple[IO[bytes], str]:
    """Open a source of a picture.

    Args:
        source: A path, bytes-like data, or an open binary file.
        name: Name for messages; if None, the path, the name of the file or "the picture".

    Returns:
        A seekable binary file that is not empty, and the name on one printable line of at most 80 characters.

    Raises:
        ImageError: `source` is of another type, cannot be opened, is empty or has more than MAX_BYTES bytes.
    """
    if isinstance(source, str | os.PathLike):
        shown = _shown(os.fsdecode(source) if name is None else name)
        return _open_file(source, shown), shown
    if isinstance(source, bytes | bytearray | memoryview):
        shown = _shown("the picture" if name is None else name)
        data = bytes(source)
    elif hasattr(source, "read"):
        own_name = getattr(source, "name", None)
        shown = _shown(name if name is not None else own_name if isinstance(own_name, str) else "the picture")
        data = source.read()
        if not isinstance(data, bytes):
            raise ImageError(f"{shown} was opened as text; open it in binary mode.")
    else:
        raise ImageError(f"source={type(source).__name__} must be a path, bytes or an open binary file.")
    if not data:
        raise ImageError(f"{shown} is empty (0 bytes).")
    _check_length(len(data), shown)
    return io.BytesIO(data), shown


def _open_file(path: str | os.PathLike, shown: str) -> IO[bytes]:
    try:
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode) and status.st_size > 0:
            _check_length(status.st_size, shown)
            return open(path, "rb")
    except FileNotFoundError:
        raise ImageError(f"{shown} does not exist.") from None
    except OSError as error:
        raise ImageError(f"{shown} cannot be opened: {(error.strerror or str(error)).lower()}.") from None
    except ImageError:
        raise
    except ValueError:  # a name that holds a null character
        raise ImageError(f"{shown} is not a possible file name.") from None
    if stat.S_ISREG(status.st_mode):
        raise ImageError(f"{shown} is empty (0 bytes).")
    # reading a pipe or a device might never end
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
    raise ImageError(f"{shown} is {kind}, not a picture.")


def _check_length(length: int, shown: str) -> None:
    if length > MAX_BYTES:
        raise ImageError(f"{shown} has {length:,} bytes, more than the {MAX_BYTES // 10**6} million allowed.")


def _shown(name: str) -> str:
    """`name` on one printable line of at most 80 characters."""
    line = one_line(name)
    return line if len(line) <= 80 else f"{line[:39]}…{line[-40:]}"
