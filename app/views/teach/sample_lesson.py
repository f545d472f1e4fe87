"""A lesson from the sample photos: cuts of each are one class. Easy on purpose, to show what the page does."""

import functools

import numpy as np
from shared import photos

from views.teach import class_photos
from views.teach.class_photos import ClassPhotos

CUTS = 8  # of each sample
SHARE = (0.3, 0.6)  # of a cut's side in the photo's short side


@functools.cache
def classes() -> list[ClassPhotos]:
    """One class per sample photo with CUTS cuts of it, always the same ones; all visitors share them."""
    rng = np.random.default_rng(0)
    lesson = []
    for number, (key, title) in enumerate(photos.SAMPLES.items()):
        pixels = photos.sample(key).pixels
        own = ClassPhotos(-1 - number, title)
        for cut in range(CUTS):
            side = int(min(pixels.shape[:2]) * rng.uniform(*SHARE))
            top, left = (rng.integers(0, size - side + 1) for size in pixels.shape[:2])
            name = f"{key}-{cut}"
            own.photos[name] = class_photos.kept(name, name, pixels[top : top + side, left : left + side])
        lesson.append(own)
    return lesson
