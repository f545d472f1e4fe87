"""Drawn digits: a data set without a download, from a font that is part of Pillow (Aileron, public domain).

The digits are printed, not handwritten. Each is shifted, rotated, sheared, drawn thick or thin, bright or dim, and
covered with noise. They are good for watching a small network learn; a result on them says little about photographs.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 16
CLASSES = 10

_CANVAS = 64  # drawn four times as large, then averaged, so that edges are soft
_FONT_SIZE = 58
_TURN_DEGREES = 20.0
_SHEAR = 0.25
_SIZE = (0.75, 1.1)
_SHIFT = 9.0  # of 64
_STROKE = 3
_CONTRAST = (0.55, 1.0)
_NOISE = 0.16  # standard deviation, in units of the range from black to white


@dataclass(frozen=True)
class Digits:
    """Training and test pictures of digits, which the seed alone decides.

    Both are pairs (pictures, digits): (N, 16, 16) uint8, where 0 is black, and (N,) int64, every digit equally often,
    in the order 0, 1, …, 9, 0, …

    Attributes:
        train_count: number of training pictures.
        test_count: number of test pictures.
        seed: decides shifts, rotations and noise.

    Raises:
        ValueError: a count is below 1.
    """

    train_count: int = 3000
    test_count: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("train_count", "test_count"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")

    @cached_property
    def train(self) -> tuple[np.ndarray, np.ndarray]:
        """Pictures and digits to learn from."""
        return draw_digits(self.train_count, np.random.default_rng([self.seed, 0]))

    @cached_property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """Pictures and digits for the test: other shifts, rotations and noise of the same font."""
        return draw_digits(self.test_count, np.random.default_rng([self.seed, 1]))


def draw_digits(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw digits: pictures (count, 16, 16) uint8 and digits (count,) int64."""
    digits = np.arange(count) % CLASSES
    font = ImageFont.load_default(size=_FONT_SIZE)
    pictures = np.stack([_draw(str(digit), font, rng) for digit in digits])
    return pictures, digits


def _draw(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, rng: np.random.Generator) -> np.ndarray:
    centre = np.full(2, _CANVAS / 2)
    image = Image.new("L", (_CANVAS, _CANVAS))
    stroke = int(rng.integers(0, _STROKE + 1))
    ImageDraw.Draw(image).text(tuple(centre), text, fill=255, font=font, anchor="mm", stroke_width=stroke)
    # Pillow asks where each pixel of the result comes from: the inverse of what is done to the digit.
    angle, shear = np.deg2rad(rng.uniform(-_TURN_DEGREES, _TURN_DEGREES)), rng.uniform(-_SHEAR, _SHEAR)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, sin], [-sin, cos]]) @ np.array([[1.0, shear], [0.0, 1.0]]) / rng.uniform(*_SIZE)
    origin = centre - matrix @ (centre + rng.uniform(-_SHIFT, _SHIFT, 2))
    image = image.transform(
        image.size, Image.Transform.AFFINE, (*matrix[0], origin[0], *matrix[1], origin[1]), Image.Resampling.BILINEAR
    )
    grey = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64) / 255
    noisy = grey * rng.uniform(*_CONTRAST) + rng.normal(0.0, _NOISE, grey.shape)
    return np.rint(255 * noisy.clip(0, 1)).astype(np.uint8)
