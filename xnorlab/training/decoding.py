"""Decoding of pictures to square crops, for the cache file and for training without one.

Both training and evaluation pictures go through `xnorlab.images.Preprocessing.crop_image`, the code that the
packed runtime uses, so that an accuracy measured here is the accuracy of the shipped network.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from xnorlab.images import Preprocessing, open_image
from xnorlab.images.class_folders import DataError
from xnorlab.printable import one_line

WINDOW = 256
"""Squares held in memory at a time while a whole split is decoded."""


class Squares:
    """Square crops that are decoded on access, indexed like one uint8 array (n, S, S, 3) with S = preprocessing.crop.

    `squares[i]`, `squares[i, top:bottom, left:right]`, `squares[start:stop]` and `squares[indices]` work as they do
    for that array. Only what is accessed is held in memory.

    Args:
        pictures: paths, or uint8 (H, W, 3) arrays.
        preprocessing: gives the square; its mean and std are not applied.
    """

    def __init__(self, pictures: Sequence[Path | np.ndarray], preprocessing: Preprocessing):
        self.pictures, self.preprocessing = pictures, preprocessing

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the whole array, (n, S, S, 3)."""
        return len(self), self.preprocessing.crop, self.preprocessing.crop, 3

    def __getitem__(self, key: Any) -> np.ndarray:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, (int, np.integer)):
            return self.decode(int(first))[tuple(rest)]
        chosen = np.arange(len(self))[first]
        squares = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for row, index in zip(squares, chosen, strict=True):
            row[...] = self.decode(int(index))
        return squares[(slice(None), *rest)]

    def decode(self, index: int) -> np.ndarray:
        """One square, uint8 (S, S, 3).

        Raises:
            DataError: the picture cannot be read.
        """
        picture = self.pictures[index]
        try:
            # the picture's name is put in front here: images cuts long ones short
            pixels = picture if isinstance(picture, np.ndarray) else open_image(picture, name="it")
            return self.preprocessing.crop_image(pixels)
        except (ValueError, OSError) as error:
            name = f"picture {index}" if isinstance(picture, np.ndarray) else one_line(picture)
            raise DataError(f"{name}: {one_line(error)}") from error

    def problem(self, index: int) -> str | None:
        """Why one picture cannot be read, in one line that names it; None where it can."""
        square = self._square_or_problem(index)
        return square if isinstance(square, str) else None

    def each(self) -> Iterator[np.ndarray | str]:
        """Every square in order, or why its picture cannot be read, decoded on all cores, WINDOW at a time."""
        # Scaling runs beside the decoding of the next picture, of which open_image allows one large one at a time.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(self), WINDOW):
                yield from pool.map(self._square_or_problem, range(start, min(start + WINDOW, len(self))))

    def problems(self) -> dict[int, str]:
        """Index → why that picture cannot be read, for all that cannot. It decodes every picture."""
        return {index: square for index, square in enumerate(self.each()) if isinstance(square, str)}

    def _square_or_problem(self, index: int) -> np.ndarray | str:
        try:
            return self.decode(index)
        except DataError as error:
            return str(error)
