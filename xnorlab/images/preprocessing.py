"""The preprocessing that turns a picture into a network's input; its settings are stored in every packed file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from PIL import Image

MAX_RESIZE = 2048
"""Largest `resize` of a Preprocessing, so that a forged file cannot ask for endless memory."""


def _three(name: str, values: Any, minimum: float) -> tuple[float, float, float]:
    numbers = isinstance(values, Sequence) and all(type(v) in (int, float) for v in values)
    if not numbers or len(values) != 3 or not all(minimum <= v <= 1000 for v in values):
        raise ValueError(f"{name}={values!r} must be three numbers from {minimum} to 1000")
    return float(values[0]), float(values[1]), float(values[2])


@dataclass(frozen=True)
class Preprocessing:
    """Turns a picture into a network's input: short side to `resize`, centre `crop`, (value − mean) / std.

    With mean 128 and std 64 each input is an exact multiple of 1/64. The sums of a first layer whose weights lie on a
    fixed-point grid are then exact in float32, whatever their order.

    Attributes:
        resize: Short side in pixels after resizing, crop to MAX_RESIZE.
        crop: Side of the central square in pixels, 1 to resize.
        mean: Three channels, on the scale of 0 to 255.
        std: Three channels, on the scale of 0 to 255.

    Raises:
        ValueError: A field is outside of its range.
    """

    resize: int = 144
    crop: int = 128
    mean: tuple[float, float, float] = (128.0, 128.0, 128.0)
    std: tuple[float, float, float] = (64.0, 64.0, 64.0)

    def __post_init__(self):
        for name in ("resize", "crop"):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= MAX_RESIZE:
                raise ValueError(f"{name}={value!r} must be an integer from 1 to {MAX_RESIZE}")
        if self.crop > self.resize:
            raise ValueError(f"crop={self.crop} must not exceed resize={self.resize}")
        object.__setattr__(self, "mean", _three("mean", self.mean, -1000))
        object.__setattr__(self, "std", _three("std", self.std, 0.001))

    def crop_image(self, image: np.ndarray) -> np.ndarray:
        """Cut out the part of a picture that the network sees.

        Bilinear with antialiasing; sizes are rounded as torchvision's Resize and CenterCrop round them.

        Args:
            image: uint8 (H, W, 3).

        Returns:
            uint8 (crop, crop, 3).

        Raises:
            ValueError: `image` has another shape or dtype, or is empty.
        """
        array = np.asarray(image)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
            raise ValueError(f"image of shape {array.shape}, dtype {array.dtype} must be (H, W, 3) uint8")
        height, width = array.shape[:2]
        # Only the middle is in the centre crop; 1 × 1,000,000 pixels must not become 144 × 144,000,000.
        if max(height, width) > 4 * min(height, width):
            reach = 4 * min(height, width)
            top, left = max(0, (height - reach) // 2), max(0, (width - reach) // 2)
            array = array[top : top + reach, left : left + reach]
            height, width = array.shape[:2]
        short = min(height, width)
        if short != self.resize:
            size = (int(self.resize * width / short), int(self.resize * height / short))
            resized = Image.fromarray(np.ascontiguousarray(array)).resize(size, Image.Resampling.BILINEAR)
            array = np.asarray(resized)
        top = round((array.shape[0] - self.crop) / 2)
        left = round((array.shape[1] - self.crop) / 2)
        return np.ascontiguousarray(array[top : top + self.crop, left : left + self.crop])

    def __call__(self, images: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Preprocess a batch of pictures.

        Args:
            images: uint8 (N, H, W, 3), or a list of (H, W, 3) of any sizes.

        Returns:
            float32 (N, crop, crop, 3).

        Raises:
            ValueError: `images` is an array of another number of axes, or a picture has another shape or dtype.
        """
        if isinstance(images, np.ndarray) and images.ndim != 4:
            raise ValueError(f"images of shape {images.shape} must be (N, H, W, 3), or a list of pictures (H, W, 3)")
        out = np.empty((len(images), self.crop, self.crop, 3), np.float32)
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        for row, image in zip(out, images, strict=True):
            row[...] = (self.crop_image(image) - mean) / std
        return out

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as values that JSON can hold."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """Make a Preprocessing from what `to_dict` returned.

        Raises:
            ValueError: A field is missing, unknown or outside of its range.
        """
        expected = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != expected:
            raise ValueError(f"preprocessing={values!r} must have exactly the fields {sorted(expected)}")
        return cls(**values)
