"""A folder of class folders as a lesson."""

from pathlib import Path

import numpy as np

from xnorlab.images import ImageError, open_image
from xnorlab.images.class_folders import DataError, class_folders, pictures_of_class
from xnorlab.teach.lesson import KEPT_SIDE, Lesson, small_square


def read(folder: str | Path, side: int = KEPT_SIDE) -> tuple[Lesson, tuple[str, ...]]:
    """Read the photos of a folder with one folder per class.

    Args:
        folder: DIR, with DIR/<class>/* at any depth; see `images.class_folders`.
        side: of the square that is kept of each photo, see `small_square`.

    Returns:
        The lesson, and one sentence for each photo that cannot be read and is left out.

    Raises:
        DataError: it is no folder, has fewer than two class folders, or one of them holds no photo.
        LessonError: the photos that can be read break a rule of `Lesson.from_classes`.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"folder={str(folder)!r} is not a folder")
    photos: dict[str, dict[str, np.ndarray]] = {}
    unreadable = []
    for label, place in class_folders(folder).items():
        of_class = photos[label] = {}
        for path in pictures_of_class(place)[0]:
            try:
                of_class[str(path)] = small_square(open_image(path), side)
            except ImageError as error:
                unreadable.append(str(error))
    return Lesson.from_classes(photos), tuple(unreadable)
