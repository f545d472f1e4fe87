"""Photos drawn at random, for measurements where none were given: of ImageNet's usual size, in pixels and in bytes."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (500, 375)
"""Width and height in pixels: the commonest of ImageNet's."""

QUALITY = 92

DIFFERENT = 32
"""How many photos are drawn; a list repeats them."""


def draw(folder: Path) -> list[Path]:
    """Write DIFFERENT JPEG photos, each of about 105 KB, and return their paths."""
    rng = np.random.default_rng(0)
    paths = []
    for i in range(DIFFERENT):
        # Large patches of colour with finer and finer structure, as the spectra of photos have it.
        picture = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
        for cells, strength in ((5, 90.0), (25, 40.0), (125, 22.0)):
            noise = rng.normal(0, strength, (cells * 3 // 4, cells, 3)).clip(-127, 127) + 128
            patches = Image.fromarray(noise.astype(np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
            picture += np.asarray(patches) - 128.0
        picture += rng.normal(0, 14, picture.shape) + 128
        out = io.BytesIO()
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=QUALITY)
        paths.append(folder / f"{i:02}.jpg")
        paths[-1].write_bytes(out.getvalue())
    return paths
