"""Photos with the names of their classes, checked before anything is learnt from them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from xnorlab.images.class_folders import nfc
from xnorlab.printable import one_line

MIN_PHOTOS = 3
"""Fewest photos of a class: cross-validation learns from two of them and, within these, from one."""

MAX_CLASSES = 200
"""Most classes of a lesson."""

MAX_LABEL = 60
"""Most characters of a class name."""

KEPT_SIDE = 256
"""Side in pixels of the square that is kept of a photo, see `small_square`."""


class LessonError(ValueError):
    """Photos and class names that nothing can be learnt from; the message names the class and the rule."""


@dataclass(frozen=True)
class Lesson:
    """Photos of two classes or more.

    Attributes:
        labels: names of the classes.
        pictures: uint8 (H, W, 3) each, class by class.
        names: of the pictures, for people.
        targets: class numbers, int64 (n,).
        notes: what was left out, for people.
    """

    labels: tuple[str, ...]
    pictures: tuple[np.ndarray, ...]
    names: tuple[str, ...]
    targets: np.ndarray
    notes: tuple[str, ...] = ()

    @classmethod
    def from_classes(cls, photos: Mapping[str, Mapping[str, np.ndarray]]) -> "Lesson":
        """Check photos by class.

        A photo that a class has twice counts once, since cross-validation would find it among what was learnt.

        Args:
            photos: class name → photo's name → uint8 (H, W, 3).

        Raises:
            LessonError: there are fewer than 2 classes or more than MAX_CLASSES, a class has fewer than MIN_PHOTOS
                different photos, two names are alike, a name is empty or too long, or two classes share a photo.
        """
        labels = checked_labels(list(photos))
        pictures, names, targets, notes = [], [], [], []
        first: dict[bytes, tuple[int, str]] = {}
        for number, (label, of_class) in enumerate(zip(labels, photos.values(), strict=True)):
            before = len(pictures)
            for name, pixels in of_class.items():
                digest = hashlib.sha256(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).data).digest()
                other, other_name = first.setdefault(digest, (number, name))
                if other != number:
                    raise LessonError(
                        f"the class {label!r} has the photo {one_line(name)}, which is {one_line(other_name)} of "
                        f"{labels[other]!r}; a photo shows one class"
                    )
                if other_name != name:
                    notes.append(f"{one_line(name)} is {one_line(other_name)} of {label!r} again and counts once")
                    continue
                pictures.append(pixels)
                names.append(name)
                targets.append(number)
            given = len(pictures) - before
            if given < MIN_PHOTOS:
                raise LessonError(
                    f"the class {label!r} has {given} different photo{'' if given == 1 else 's'}; "
                    f"the rule is {MIN_PHOTOS} or more"
                )
        return cls(tuple(labels), tuple(pictures), tuple(names), np.array(targets, np.int64), tuple(notes))

    @property
    def counts(self) -> dict[str, int]:
        """Class name → number of photos."""
        return {label: int((self.targets == number).sum()) for number, label in enumerate(self.labels)}


def checked_labels(labels: list[str]) -> list[str]:
    """Class names without spaces at their ends, in one Unicode form; raises LessonError, see `Lesson.from_classes`."""
    if not 2 <= len(labels) <= MAX_CLASSES:
        number = "is 1 class" if len(labels) == 1 else f"are {len(labels)} classes"
        raise LessonError(f"there {number}; the rule is 2 to {MAX_CLASSES}")
    cleaned = [nfc(label).strip() for label in labels]
    alike: dict[str, str] = {}
    for label in cleaned:
        if not label or len(label) > MAX_LABEL or not label.isprintable():
            raise LessonError(f"the class name {label!r} must be 1 to {MAX_LABEL} printable characters")
        other = alike.setdefault(label.casefold(), label)
        if other is not label:
            raise LessonError(f"the classes {other!r} and {label!r} have one name; the rule is a name per class")
    return cleaned


def small_square(pixels: np.ndarray, side: int = KEPT_SIDE) -> np.ndarray:
    """The central square of a photo, of `side` pixels at most: all that a network with a smaller input looks at.

    Args:
        pixels: uint8 (H, W, 3).
        side: of the result; smaller squares stay as they are.

    Returns:
        uint8 (S, S, 3), C-contiguous.
    """
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = np.ascontiguousarray(pixels[top : top + short, left : left + short])
    if short <= side:
        return square
    return np.array(Image.fromarray(square).resize((side, side), Image.Resampling.BILINEAR))
