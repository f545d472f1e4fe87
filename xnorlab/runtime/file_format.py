"""The packed file: safetensors with one versioned JSON header in the metadata; never pickle.

    metadata["xnorlab"] = {"format_version": 1, "digest": sha256, ...header...}

FORMAT.md, beside this module, says what a file holds, what a reader of each version opens, and what a writer writes.

The digest covers the header and every tensor, so that any altered byte is noticed. It is no signature: a file made on
purpose to mislead can carry a right digest, and therefore the network that is built from a file checks each of its
parts as well.
"""

import hashlib
import json
import math
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open
from safetensors.numpy import save as safetensors_save

from xnorlab import atomic
from xnorlab.printable import one_line

FORMAT_VERSION = 4
"""The newest version; this module reads every version from 1 to this one."""

KEY = "xnorlab"
"""Where the header lies in the metadata of the safetensors file."""

BYTES = "packed bytes"
"""Stands for the path in messages about bytes that came over a wire or out of a pickle."""

MAX_FILE_BYTES = 2**31
"""Larger files are refused before they are read; VGG-19 with real weights is 0.57 GB."""

_DTYPES = {"F16": np.float16, "F32": np.float32, "U64": np.uint64, "BOOL": np.bool_}
_RESERVED = ("format_version", "digest")
_SINCE = {"fixed_by": 2, "unknown": 3, "outputs": 4}
"""Header fields that came later, by the format version of the files that have them."""

SINCE_OF_KIND: dict[str, int] = {}
"""The format version of files with an op of a kind. The ops enter themselves, by their `since`."""


class PackedFileError(ValueError):
    """A packed file that cannot be used; the message names the file and says why.

    Attributes:
        path: of the file, as it was given.
        reason: why it cannot be used.
    """

    def __init__(self, path: str | os.PathLike, reason: str):
        super().__init__(f"{one_line(os.fsdecode(path))}: {reason}")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple:
        """Pickled by its own two arguments, so that a worker process's error arrives where the work was given out."""
        return type(self), (self.path, self.reason)


def to_bytes(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> bytes:
    """`header` (JSON values) and `tensors` (float32, uint64, bool) as the bytes of a packed file.

    The bytes depend on the contents alone. Raises ValueError for other dtypes or a header that is not JSON.
    """
    clash = [key for key in _RESERVED if key in header]
    if clash:
        raise ValueError(f"header must not hold {clash[0]!r}: the file format writes it itself")
    stored = {name: _narrowed(name, array) for name, array in tensors.items()}
    try:
        # Through JSON and back: what is digested is what a reader will parse (tuples become lists, keys text).
        full = json.loads(_canonical({**header, "format_version": _version(header)}))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"header cannot be written as JSON: {error}") from None
    full["digest"] = digest(full, stored)
    return safetensors_save(stored, metadata={KEY: _canonical(full)})


def write(path: str | os.PathLike, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Write a packed file, see `to_bytes`, all or nothing; raises PackedFileError where it cannot be written."""
    data = to_bytes(header, tensors)
    target = Path(path)
    if target.is_dir():
        raise PackedFileError(path, "is a folder")
    try:
        atomic.write_bytes(target, data)
    except OSError as error:
        raise PackedFileError(path, f"cannot be written: {error.strerror}") from None


def read(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the tensors of a packed file, the digest checked; float16 comes back as float32.

    Raises PackedFileError where the file is missing, no regular file, empty, cut short, altered, of another
    version, or not a packed network.
    """
    _check_regular(path)
    try:
        with safe_open(os.fsdecode(path), framework="numpy") as file:
            header = _parse_header(path, file.metadata())
            stored = {name: _tensor(path, file, name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        with open(path, "rb") as damaged:
            start, size = damaged.read(9), os.fstat(damaged.fileno()).st_size
        raise PackedFileError(path, _explain(start, size, str(error))) from None
    except OSError as error:
        raise PackedFileError(path, f"cannot be read: {error.strerror}") from None
    return _checked(path, header, stored)


def from_bytes(data: bytes | bytearray | memoryview) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the tensors in the bytes of a packed file, checked as `read` checks a file.

    Raises PackedFileError, whose path is BYTES.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise PackedFileError(BYTES, f"is {type(data).__name__}; the rule is the content of a packed file, as bytes")
    data = bytes(data)
    _check_size(BYTES, len(data))
    try:
        contents = deserialize(data)
    except SafetensorError as error:
        raise PackedFileError(BYTES, _explain(data[:9], len(data), str(error))) from None
    # What safetensors took has a table of contents that is JSON with, at most, texts as metadata.
    table = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    header = _parse_header(BYTES, table.get("__metadata__"))
    stored = {}
    for name, tensor in contents:
        flat = np.frombuffer(tensor["data"], _dtype(BYTES, name, tensor["dtype"]))
        stored[name] = flat.reshape(tensor["shape"]).copy()  # an array that owns its memory, as from a file
    return _checked(BYTES, header, stored)


def _checked(
    path: str | os.PathLike, header: dict[str, Any], stored: dict[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header without version and digest, and the tensors with float16 widened; raises where the digest is wrong."""
    expected = header.pop("digest", None)
    try:
        actual = digest(header, stored)
    except RecursionError:
        raise PackedFileError(path, "is altered: its header is nested too deeply") from None
    if actual != expected:
        raise PackedFileError(path, "was altered: its contents do not match its digest")
    del header["format_version"]
    widened = {n: a.astype(np.float32) if a.dtype == np.float16 else a for n, a in stored.items()}
    return header, widened


def digest(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> str:
    """sha256 over a header without its digest and over each tensor's name, dtype, shape and bytes."""
    total = hashlib.sha256(_canonical(header).encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        total.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        total.update(array.data)
    return total.hexdigest()


def stored_bytes(array: np.ndarray) -> int:
    """Bytes that `array` takes in a packed file."""
    return _narrowed("", array).nbytes


def _narrowed(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype in (np.uint64, np.bool_):
        return np.ascontiguousarray(array)
    if array.dtype != np.float32:
        raise ValueError(f"tensor {name!r} has dtype {array.dtype}; a packed file holds float32, uint64 or bool")
    with np.errstate(over="ignore"):  # a value too large for float16 becomes inf and fails the comparison
        half = array.astype(np.float16)
    lossless = np.array_equal(half.astype(np.float32), array)
    return np.ascontiguousarray(half if lossless else array)


def _canonical(header: dict[str, Any]) -> str:
    return json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _check_regular(path: str | os.PathLike) -> None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise PackedFileError(path, "does not exist") from None
    except OSError as error:
        raise PackedFileError(path, f"cannot be opened: {error.strerror}") from None
    except ValueError:
        raise PackedFileError(path, "is not a possible file name") from None
    if stat.S_ISDIR(status.st_mode):
        raise PackedFileError(path, "is a folder, not a packed network")
    if not stat.S_ISREG(status.st_mode):
        raise PackedFileError(path, "is not a regular file")
    _check_size(path, status.st_size)


def _check_size(path: str | os.PathLike, size: int) -> None:
    if size == 0:
        raise PackedFileError(path, "is empty (0 bytes)")
    if size > MAX_FILE_BYTES:
        raise PackedFileError(path, f"has {size:,} bytes, more than the {MAX_FILE_BYTES:,} allowed")


def _explain(start: bytes, size: int, error: str) -> str:
    """What is wrong with a file of `size` bytes that safetensors refuses, as far as its first 9 bytes tell."""
    looks_ours = len(start) == 9 and start[8:] == b"{"
    header_end = 8 + int.from_bytes(start[:8], "little")
    if looks_ours and (header_end > size or "not fully covered" in error):
        return "is cut short or altered: its length does not fit its table of contents"
    if looks_ours:
        return f"is damaged ({error})"
    return "is not a packed network (no safetensors file)"


def _parse_header(path: str | os.PathLike, metadata: dict[str, str] | None) -> dict[str, Any]:
    text = (metadata or {}).get(KEY)
    if text is None:
        raise PackedFileError(path, f"is not a packed network (safetensors without {KEY!r} in its metadata)")
    try:
        header = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise PackedFileError(path, "is altered: its header is not valid JSON") from None
    if not isinstance(header, dict):
        raise PackedFileError(path, "is altered: its header is not an object")
    version = header.get("format_version")
    if type(version) is not int:
        raise PackedFileError(path, "is altered: its header has no format_version")
    if not 1 <= version <= FORMAT_VERSION:
        raise PackedFileError(
            path, f"has format version {version}; this xnorlab reads 1 to {FORMAT_VERSION}: pack the model again"
        )
    if version != _version(header):
        raise PackedFileError(
            path,
            f"is altered: its format version is {version}, and its contents are those of version {_version(header)}",
        )
    return header


def _version(header: dict[str, Any]) -> int:
    """The lowest format version that holds the fields of `header` and the ops of its graph."""
    fields = [since for field, since in _SINCE.items() if field in header]
    graph = header.get("graph")
    kinds = [op.get("kind") for op in graph if isinstance(op, dict)] if isinstance(graph, list) else []
    return max([1, *fields, *(SINCE_OF_KIND.get(kind, 1) for kind in kinds if isinstance(kind, str))])


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


def _tensor(path: str | os.PathLike, file: Any, name: str) -> np.ndarray:
    _dtype(path, name, file.get_slice(name).get_dtype())
    return file.get_tensor(name)


def _dtype(path: str | os.PathLike, name: str, stored: str) -> type:
    if stored not in _DTYPES:
        raise PackedFileError(path, f"tensor {name!r} has the unknown dtype {stored}")
    return _DTYPES[stored]
