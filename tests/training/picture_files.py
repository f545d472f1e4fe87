"""Writes small pictures for the tests of this folder."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_pictures(folder: Path, count: int, channel: int, side: int = 20) -> None:
    """PNG files of noise in which one channel is dark, so that the classes can be told apart."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([channel, count])
    for i in range(count):
        pixels = random.integers(0, 256, (side, side + 4, 3))
        pixels[..., channel % 3] //= 4
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:02}.png")
