"""Cache of decoded pictures: the squares of a split, decoded once and kept in a file, or decoded on every access.

All pictures are decoded before training begins, so that every one that cannot be read is known from the start.
"""

import errno
import hashlib
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypedDict

import numpy as np

from xnorlab import atomic
from xnorlab.cache_folder import default_cache_folder
from xnorlab.images import Preprocessing
from xnorlab.images.class_folders import DataError
from xnorlab.training.dataset import Split
from xnorlab.training.decoding import Squares

FORMAT = 2
"""Part of every cache key, raised whenever a picture would be decoded to other bytes than before."""

LINES = 20
"""Largest number of unreadable pictures that are named."""

TIMED = 16
"""Pictures whose decoding is timed, to estimate the time of all of them."""

log = logging.getLogger(__name__)


class Preparing(TypedDict, total=False):
    """Options of `prepare`; what is left out has its default there."""

    cache_folder: str | Path | None
    cache: bool
    skip_unreadable: bool


@dataclass(frozen=True)
class Prepared:
    """Pictures ready for training or evaluation.

    Attributes:
        split: of the pictures that are used.
        squares: their square crops, uint8 (n, crop, crop, 3).
    """

    split: Split
    squares: np.ndarray | Squares


class UnreadableError(DataError):
    """Pictures cannot be read; the message says how many, and its notes (`__notes__`) name up to LINES of them."""


def prepare(
    *parts: tuple[Split, Preprocessing],
    cache_folder: str | Path | None = None,
    cache: bool = True,
    skip_unreadable: bool = False,
) -> list[Prepared]:
    """Square crops of splits, as `Preprocessing.crop_image` makes them; mean and std are not applied.

    The name of a cache file holds a hash of the preprocessing and of every picture's path, size and time of change, so
    that a changed picture is decoded again. Where the folder cannot be written or is full, pictures are decoded on
    every access, and the time that this takes is logged. Files in the class folders that are no pictures are logged.

    Args:
        *parts: splits, each with the preprocessing that gives its squares.
        cache_folder: where the decoded files lie; None is `default_cache_folder()`.
        cache: False keeps no file: pictures are decoded on every access, to the same pixels.
        skip_unreadable: leave out pictures that cannot be read, and log which. The prepared split is then that of the
            pictures used: its targets, `listing` and `fingerprint` are theirs.

    Raises:
        UnreadableError: pictures cannot be read; it tells of those of all parts.
        DataError: none of the pictures of a class can be read.
        ValueError: `cache_folder` is given with `cache=False`.
    """
    if not cache and cache_folder is not None:
        raise ValueError(f"cache_folder={str(cache_folder)!r} must be left out with cache=False, which keeps no file")
    folder = None if not cache else default_cache_folder() if cache_folder is None else Path(cache_folder)
    _log_unused([path for split, _ in parts for path in split.unused])
    decoded = [_decoded(split, preprocessing, folder) for split, preprocessing in parts]
    problems = [problem for _, unreadable in decoded for problem in unreadable.values()]
    if problems:
        total = sum(len(split) for split, _ in parts)
        count = f"{len(problems):,} of {total:,} pictures cannot be read"
        lines = problems[:LINES] + ([f"and {len(problems) - LINES:,} more"] if len(problems) > LINES else [])
        if not skip_unreadable:
            error = UnreadableError(f"{count}; mend or remove them, or leave them out with skip_unreadable")
            for line in lines:
                error.add_note(line)
            raise error
        for line in (f"{count} and are left out:", *lines):
            log.warning(line)
    prepared = []
    for (split, preprocessing), (squares, unreadable) in zip(parts, decoded, strict=True):
        used = split.without(unreadable)
        prepared.append(Prepared(used, Squares(used.pictures, preprocessing) if squares is None else squares))
    return prepared


def _decoded(
    split: Split, preprocessing: Preprocessing, folder: Path | None
) -> tuple[np.ndarray | None, dict[int, str]]:
    """Cached squares of the readable pictures, or None without a cache; and index → why a picture is unreadable."""
    squares = Squares(split.pictures, preprocessing)
    why = ""
    if folder is not None:
        try:
            return _cached(split, squares, folder)
        except OSError as error:
            why = f"; the cache folder {folder} cannot be used: {error.strerror or error}"
    _log_cost(split, squares, why)
    return None, squares.problems()


def _cached(split: Split, squares: Squares, folder: Path) -> tuple[np.ndarray, dict[int, str]]:
    """Squares in their cache file, which is written where it is missing; raises OSError where that fails.

    The file holds the readable pictures alone; the indices of the others lie beside it. Those are tried again each
    time, and all pictures are decoded anew where one of them has become readable, as a HEIC photo does once
    pillow-heif is installed.
    """
    path = folder / _file_name(split, squares.preprocessing)
    missing_file = path.with_suffix(".json")
    try:
        missing: list[int] = json.loads(missing_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        missing = []
    problems = {index: squares.problem(index) for index in missing if index < len(split)}
    unreadable = {index: problem for index, problem in problems.items() if problem is not None}
    if not path.is_file() or len(unreadable) < len(missing):
        folder.mkdir(parents=True, exist_ok=True)
        unreadable = _write(path, missing_file, squares)
    return _load(path, (len(split) - len(unreadable), *squares.shape[1:])), unreadable


def _write(path: Path, missing_file: Path, squares: Squares) -> dict[int, str]:
    """Write the readable squares to `path` and the indices of the others to `missing_file`; index → why, for those.

    Rows are written, not mapped: on a full disk a mapped page ends the process, a write raises OSError. The space is
    reserved first, so that a full disk is known before minutes of decoding.
    """
    unreadable: dict[int, str] = {}
    with atomic.replacing(path) as partial, open(partial, "wb") as file:
        _write_header(file, squares.shape)
        start = file.tell()
        _reserve(file, start + int(np.prod(squares.shape)))
        for index, square in enumerate(squares.each()):
            if isinstance(square, str):
                unreadable[index] = square
            else:
                file.write(square.data)
        file.truncate()
        if unreadable:
            file.seek(0)
            _write_header(file, (len(squares) - len(unreadable), *squares.shape[1:]))
            assert file.tell() == start  # numpy leaves room for any first length
            atomic.write_json(missing_file, list(unreadable))
        else:
            missing_file.unlink(missing_ok=True)
    return unreadable


def _write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    descr = np.lib.format.dtype_to_descr(np.dtype(np.uint8))
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})


def _reserve(file: IO[bytes], size: int) -> None:
    """Reserve `size` bytes on the disk, where the system can; raises OSError where the disk is too full."""
    if not hasattr(os, "posix_fallocate"):  # macOS, Windows
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):  # a file system that cannot reserve
            raise


def _load(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Squares in a cache file, memory-mapped."""
    wrong = DataError(f"cache file {path} does not hold uint8 {shape}: delete it")
    try:
        squares = np.load(path, mmap_mode="r" if shape[0] else None, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise wrong from error
    if squares.shape != shape or squares.dtype != np.uint8:
        raise wrong
    return squares


def _file_name(split: Split, preprocessing: Preprocessing) -> str:
    settings = preprocessing.to_dict()
    digest = hashlib.sha256(json.dumps([FORMAT, settings["resize"], settings["crop"]]).encode())
    for picture in split.pictures:
        if isinstance(picture, np.ndarray):
            digest.update(np.ascontiguousarray(picture).tobytes())
            continue
        try:
            status = picture.stat()
            changed = f"{status.st_size}\0{status.st_mtime_ns}"
        except OSError:  # missing, or not readable: decoding says so
            changed = "unreadable"
        digest.update(f"{picture}\0{changed}\0".encode(errors="surrogateescape"))
    # a folder's name may be as long as a file's name may be
    return f"{split.origin.parent.name[:40]}-{split.origin.name}-{preprocessing.crop}-{digest.hexdigest()[:16]}.npy"


def _log_unused(unused: Sequence[Path]) -> None:
    if not unused:
        return
    endings = Counter(path.suffix.lower() or "no ending" for path in unused).most_common()
    named = ", ".join(f"{ending} {count:,}" for ending, count in endings[:8]) + (", …" if len(endings) > 8 else "")
    files = "1 file is" if len(unused) == 1 else f"{len(unused):,} files are"
    log.warning(f"{files} not used, being of no format that is read here: {named}, such as {unused[0]}")


def _log_cost(split: Split, squares: Squares, why: str) -> None:
    timed = min(TIMED, len(split))
    start = time.perf_counter()
    for index in range(timed):
        squares.problem(index)
    seconds = (time.perf_counter() - start) / max(1, timed) * len(split)
    message = f"no cache: each epoch decodes {len(split):,} pictures of {split.origin}, about {seconds:.1f} s more{why}"
    log.warning(message)
