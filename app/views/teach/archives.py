"""Photos with class names from a folder or a zip of class folders; a zip is opened as hostile, within limits."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import IO

from xnorlab import units
from xnorlab.images import SUFFIXES
from xnorlab.images.class_folders import nfc, visible
from xnorlab.printable import one_line

MOST_FILES = 2_000  # of a zip, its folders included
MOST_BYTES = 400_000_000  # of all photos of a zip, unpacked
MOST_BYTES_OF_A_PHOTO = 50_000_000

Named = list[tuple[str, str, bytes]]
"""Class name, photo's name and bytes of each photo."""


def from_zip(file: IO[bytes], name: str) -> tuple[Named, list[str]]:
    """The photos of a zip, and one sentence for everything that was left out.

    Args:
        file: The zip.
        name: Of the zip, for people.
    """
    contents: list[tuple[str, bytes]] = []
    sentences: list[str] = []
    total = 0
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > MOST_FILES:
                return [], [f"{name} holds {len(members):,} files, more than the {MOST_FILES:,} allowed."]
            for member in members:
                if member.is_dir() or not _wanted(member.filename):
                    continue
                try:
                    with archive.open(member) as unpacked:  # never trust the size that the zip claims
                        data = unpacked.read(MOST_BYTES_OF_A_PHOTO + 1)
                except (RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
                    sentences.append(f"{one_line(member.filename)} cannot be unpacked: {one_line(error)}.")
                    continue
                total += len(data)
                if len(data) > MOST_BYTES_OF_A_PHOTO or total > MOST_BYTES:
                    limit = units.memory(MOST_BYTES if total > MOST_BYTES else MOST_BYTES_OF_A_PHOTO)
                    sentences.append(f"{one_line(member.filename)} and what follows is over the limit of {limit}.")
                    break
                contents.append((member.filename, data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        return [], [f"{name} is not a zip that can be opened: {one_line(error)}."]
    named, without = by_folder(contents)
    if not contents and not sentences:
        sentences.append(f"{name} holds no photo.")
    return named, sentences + without


def by_folder(contents: Sequence[tuple[str, bytes]]) -> tuple[Named, list[str]]:
    """The class names of photos, each the outermost folder that not all of them lie in; the others get a sentence.

    Args:
        contents: Path and bytes of each photo, such as ("pets/cat/1.jpg", …).
    """
    paths = [PurePosixPath(path.replace("\\", "/")).parts for path, _ in contents]
    depth = 0
    while len({p[depth] for p in paths if len(p) > depth + 1}) == 1 and any(len(p) > depth + 2 for p in paths):
        depth += 1
    named: Named = []
    sentences = []
    for parts, (path, data) in zip(paths, contents, strict=True):
        if len(parts) < depth + 2:
            sentences.append(f"{one_line(path)} lies in no folder that could name its class.")
        else:
            named.append((nfc(parts[depth]).strip(), parts[-1], data))
    return named, sentences


def _wanted(path: str) -> bool:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return bool(parts) and all(visible(part) for part in parts) and PurePosixPath(path).suffix.lower() in SUFFIXES
