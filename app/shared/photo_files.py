"""What a visitor brings, file by file: photos, and the photos within zip archives, under bounds that no archive leaves.

An archive may be made to unpack to any size. Its members are therefore read one at a time, each up to a limit, and only
so many of them.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

from xnorlab import units
from xnorlab.images import SUFFIXES, ImageError
from xnorlab.images.class_folders import visible

MOST_MEGABYTES = 50
"""Largest file, in an archive or by itself."""

MOST_IN_ARCHIVE = 500
"""Photos of one archive that are read; it is said how many are left out."""

_MOST_BYTES = MOST_MEGABYTES * 2**20


def each(file: IO[bytes]) -> Iterator[tuple[str, bytes | ImageError]]:
    """The photos in one file: its name and its bytes, or of an archive each photo's path and bytes.

    An ImageError stands for what cannot be read; its text is one sentence that names it.
    """
    name = str(getattr(file, "name", "photo"))
    data = file.read()
    file.seek(0)  # the uploader gives the same file again after a run that was cut short
    if not zipfile.is_zipfile(io.BytesIO(data)) or PurePosixPath(name).suffix.lower() != ".zip":
        yield name, data
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from _members(name, archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        yield name, ImageError(f"{name} is a zip archive that cannot be read: {error}.")


def folder(title: str) -> str | None:
    """The name of the folder that a photo lay in, where its title is a path; None for a photo by itself."""
    parts = PurePosixPath(title.replace("\\", "/")).parts
    return parts[-2] if len(parts) > 1 else None


def _members(name: str, archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes | ImageError]]:
    members = [member for member in archive.infolist() if _is_photo(member)]
    if not members:
        yield name, ImageError(f"{name} is a zip archive without a photo.")
    for member in members[:MOST_IN_ARCHIVE]:
        if member.flag_bits & 1:
            yield member.filename, ImageError(f"{member.filename} in {name} is encrypted.")
            continue
        try:
            with archive.open(member) as opened:
                data = opened.read(_MOST_BYTES + 1)
        except Exception as error:  # a damaged stream raises what its codec raises, such as zlib.error
            yield member.filename, ImageError(f"{member.filename} in {name} cannot be unpacked: {error}.")
            continue
        if len(data) > _MOST_BYTES:
            limit = units.memory(_MOST_BYTES)
            yield member.filename, ImageError(f"{member.filename} in {name} is larger than the {limit} allowed.")
            continue
        yield member.filename, data
    if len(members) > MOST_IN_ARCHIVE:
        left = len(members) - MOST_IN_ARCHIVE
        yield name, ImageError(f"{name} holds {len(members):,} photos; the last {left:,} of them were not read.")


def _is_photo(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    return not member.is_dir() and path.suffix.lower() in SUFFIXES and all(map(visible, path.parts))
