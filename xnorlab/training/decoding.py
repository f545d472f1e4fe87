"""Pictures decoded to squares, the same code wherever the squares then lie: in a cache file or nowhere.

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
from xnorlab.printable import one_line
from xnorlab.training.dataset import DataError

WINDOW = 256
"""Squares that may be held at a time while a whole split is decoded."""


class Squares:
    """Squares that are decoded whenever they are asked for, indexed as the array of them all would be.

    `squares[i]`, `squares[i, top:bottom, left:right]`, `squares[start:stop]` and `squares[indices]` give the uint8
    arrays that uint8 (n, S, S, 3) would give, S = preprocessing.crop. Only what is asked for is held in memory.

    pictures: paths, or uint8 (H, W, 3) arrays. preprocessing: gives the square; its mean and std are not applied.
    """

    def __init__(self, pictures: Sequence[Path | np.ndarray], preprocessing: Preprocessing):
        self.pictures, self.preprocessing = pictures, preprocessing

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, S, S, 3)."""
        return len(self), self.preprocessing.crop, self.preprocessing.crop, 3

    def __getitem__(self, key: Any) -> np.ndarray:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, (int, np.integer)):
            return self.decode(int(first))[tuple(rest)]
        chosen = np.arange(len(self))[first]
        found = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for row, index in zip(found, chosen, strict=True):
            row[...] = self.decode(int(index))
        return found[(slice(None), *rest)]

    def decode(self, index: int) -> np.ndarray:
        """One square, uint8 (S, S, 3). Raises DataError where the picture cannot be read."""
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
        found = self._decode_or_say(index)
        return found if isinstance(found, str) else None

    def each(self) -> Iterator[np.ndarray | str]:
        """Every square in order, or why its picture cannot be read; WINDOW at a time, on all cores."""
        # Scaling runs beside the decoding of the next picture, of which open_image allows one large one at a time.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(self), WINDOW):
                yield from pool.map(self._decode_or_say, range(start, min(start + WINDOW, len(self))))

    def problems(self) -> dict[int, str]:
        """Index → why that picture cannot be read, for all that cannot; every picture is decoded for it."""
        return {index: found for index, found in enumerate(self.each()) if isinstance(found, str)}

    def _decode_or_say(self, index: int) -> np.ndarray | str:
        try:
            return self.decode(index)
        except DataError as error:
            return str(error)
