"""What a data set is once it was found: pictures with their class numbers, in two splits."""

import hashlib
import json
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np


class DataError(ValueError):
    """A data folder that cannot be used; the message names the file or folder and the rule it breaks."""


@dataclass(frozen=True)
class Split:
    """Pictures (paths, or uint8 (H, W, 3) arrays) with their class numbers, int64 (n,).

    origin: the split's folder. labels: of the classes, by number. unused: visible files in the folder that are none of
    the pictures, so that whoever prepares the split can say so.
    """

    pictures: Sequence[Path | np.ndarray]
    targets: np.ndarray
    origin: Path
    labels: tuple[str, ...] = ()
    unused: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    def without(self, left_out: Collection[int]) -> "Split":
        """The split without the pictures of these indices. Raises DataError where a class would have none left."""
        if not left_out:
            return self
        kept = np.setdiff1d(np.arange(len(self)), np.fromiter(left_out, np.int64))
        targets = np.asarray(self.targets)[kept]
        for empty in np.setdiff1d(self.targets, targets)[:1]:
            name = repr(self.labels[int(empty)]) if self.labels else f"number {empty}"
            raise DataError(f"{self.origin}: no picture of the class {name} can be read")
        return replace(self, pictures=[self.pictures[index] for index in kept], targets=targets)

    def fingerprint(self) -> str:
        """sha256 over every picture's bytes and class, in order: equal for equal pictures, wherever they lie.

        It reads every file whole, which is for shipping only: there an accuracy is tied to the very bytes that it was
        measured on. `listing` tells two data sets apart at the cost of listing their folders.
        """
        digest = hashlib.sha256()
        for picture, target in zip(self.pictures, self.targets, strict=True):
            content = picture.tobytes() if isinstance(picture, np.ndarray) else picture.read_bytes()
            digest.update(f"{target} {len(content)}\n".encode() + content)
        return digest.hexdigest()

    def listing(self) -> str:
        """sha256 over every picture's class label, place and size in bytes, in order; no file is opened.

        The place is the path within `origin`, with "/" and in Unicode's form NFC, or an array's index: a copy of the
        folder has the same listing, wherever and under whatever system it lies. Raises OSError for a missing file.
        """
        digest = hashlib.sha256()
        for index, (picture, target) in enumerate(zip(self.pictures, self.targets, strict=True)):
            label = self.labels[target] if self.labels else int(target)
            if isinstance(picture, np.ndarray):
                place, size = index, picture.nbytes
            else:
                place, size = nfc(picture.relative_to(self.origin).as_posix()), picture.stat().st_size
            digest.update(json.dumps([label, place, size]).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class DataFolder:
    """A data set on disk. `labels[i]` is the readable name of class i; classes are in sorted folder order."""

    name: str
    folder: Path
    labels: tuple[str, ...]
    train: Split
    val: Split

    @property
    def unused(self) -> tuple[Path, ...]:
        """Visible files in the folders of both splits that are none of their pictures."""
        return self.train.unused + self.val.unused


def nfc(name: str) -> str:
    """A file's or folder's name in Unicode's composed form, bytes outside UTF-8 written as escapes.

    Systems differ in the form they keep (macOS decomposes), so one class may have two spellings on two machines.
    """
    return unicodedata.normalize("NFC", name).encode("utf-8", "backslashreplace").decode("utf-8")
