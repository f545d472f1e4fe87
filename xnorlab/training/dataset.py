"""Data set on disk: pictures with their class numbers, in a training and a validation split."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xnorlab.images.class_folders import DataError, nfc


@dataclass(frozen=True)
class Split:
    """Pictures with their class numbers.

    Attributes:
        pictures: paths, or uint8 (H, W, 3) arrays.
        targets: class numbers, int64 (n,).
        origin: the split's folder.
        labels: class names, by number.
        unused: visible files in the folder that are none of the pictures; `cache.prepare` reports them.
    """

    pictures: Sequence[Path | np.ndarray]
    targets: np.ndarray
    origin: Path
    labels: tuple[str, ...] = ()
    unused: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    def without(self, left_out: Collection[int]) -> "Split":
        """Split without the pictures of these indices.

        Raises:
            DataError: a class would have no picture left.
        """
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

        It reads every file whole. Shipping uses it, to tie an accuracy to the very bytes that it was measured on.
        `listing` tells two data sets apart without opening a file.
        """
        digest = hashlib.sha256()
        for picture, target in zip(self.pictures, self.targets, strict=True):
            content = picture.tobytes() if isinstance(picture, np.ndarray) else picture.read_bytes()
            digest.update(f"{target} {len(content)}\n".encode() + content)
        return digest.hexdigest()

    def listing(self) -> str:
        """sha256 over every picture's class label, place and size in bytes, in order; no file is opened.

        The place is the path within `origin`, with "/" and in Unicode's form NFC, or an array's index. So a copy of
        the folder has the same listing, wherever and under whatever system it lies.

        Raises:
            OSError: a file is missing.
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
    """Data set on disk.

    Attributes:
        name: of the data set.
        folder: where it lies.
        labels: readable name of each class, in the sorted order of the class folders.
        train: training pictures.
        val: validation pictures.
    """

    name: str
    folder: Path
    labels: tuple[str, ...]
    train: Split
    val: Split
