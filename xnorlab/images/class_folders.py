"""Folders with one folder of pictures per class: which folders are classes, and which files in them are pictures.

Pictures are the files whose names end in one of `images.SUFFIXES`, at any depth of a class folder. Hidden files and
folders (see `visible`) are ignored.
"""

import os
import unicodedata
from pathlib import Path

from xnorlab.images.formats import SUFFIXES

CLUTTER = frozenset({"__macosx", "@eadir", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
"""Names, in small letters, of what systems leave in folders without a leading dot: thumbnails, settings, forks."""


class DataError(ValueError):
    """A data folder cannot be used; the message names the file or folder, and the rule that it breaks."""


def nfc(name: str) -> str:
    """Name of a file or folder in Unicode's composed form (NFC), with bytes outside UTF-8 written as escapes.

    Systems differ in the form that they keep (macOS decomposes), so one class may have two spellings on two machines.
    """
    return unicodedata.normalize("NFC", name).encode("utf-8", "backslashreplace").decode("utf-8")


def visible(name: str) -> bool:
    """Whether a file or folder is the user's own: not hidden by a dot (`.git`, `._photo.jpg`) and none of CLUTTER."""
    return not name.startswith(".") and name.lower() not in CLUTTER


def is_picture(path: Path) -> bool:
    """Whether a file's name ends like that of a picture that is read."""
    return path.suffix.lower() in SUFFIXES


def folders_in(folder: Path) -> list[Path]:
    """The visible folders in a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and visible(path.name))


def class_folders(folder: Path) -> dict[str, Path]:
    """Class → its folder, sorted. Classes are compared in one Unicode form, since systems differ in it.

    Raises:
        DataError: there are fewer than 2, or two that differ in their Unicode form alone.
    """
    classes: dict[str, Path] = {}
    for path in folders_in(folder):
        first = classes.setdefault(nfc(path.name), path)
        if first is not path:
            raise DataError(
                f"{folder} has two folders of one class, which differ in their Unicode form alone: "
                f"{first.name!a} and {path.name!a}; move the pictures into one of them"
            )
    if len(classes) < 2:
        raise DataError(f"{folder} has {len(classes)} class folders; at least 2 are needed")
    return dict(sorted(classes.items()))


def files_in(folder: Path) -> list[Path]:
    """All visible files at any depth, in the same order on every system.

    A link to a folder is listed but not followed, since it may lead back up.

    Raises:
        DataError: a folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be listed: {error.strerror}") from error

    paths = []
    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if visible(name)]
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        paths += [Path(place, name) for name in [*files, *links] if visible(name)]
    return sorted(paths, key=lambda path: [nfc(part) for part in path.relative_to(folder).parts])


def pictures_of_class(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of a class folder, and its other visible files.

    Raises:
        DataError: it has no picture, or cannot be listed.
    """
    files = files_in(folder)
    pictures = [path for path in files if is_picture(path)]
    if not pictures:
        raise DataError(f"class folder {folder} holds no image ({', '.join(sorted(SUFFIXES))})")
    return pictures, [path for path in files if not is_picture(path)]
