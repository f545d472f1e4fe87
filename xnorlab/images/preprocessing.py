"""The fixed way from a picture to a network's input, stored in every packed file."""

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
    """How a picture becomes a network's input: short side to `resize`, centre `crop`, (value − mean) / std.

    resize, crop: pixels, 1 ≤ crop ≤ resize ≤ MAX_RESIZE. mean, std: three channels, on the scale 0..255.
    With mean 128 and std 64 each input is an exact multiple of 1/64, so the sums of a first layer whose
    weights lie on a fixed-point grid are exact in float32, whatever their order.
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
        """The part of `image`, uint8 (H, W, 3), that the network sees: uint8 (crop, crop, 3).

        Bilinear with antialiasing, sizes rounded as torchvision's Resize and CenterCrop round them.
        """
        array = np.asarray(image)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
            raise ValueError(f"image of shape {array.shape}, dtype {array.dtype} must be (H, W, 3) uint8")
        height, width = array.shape[:2]
        # Only the middle reaches the centre crop; 1 × 1,000,000 pixels must not become 144 × 144,000,000.
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
        """Pictures, uint8 (N, H, W, 3) or a list of (H, W, 3) of any sizes, as float32 (N, crop, crop, 3)."""
        if isinstance(images, np.ndarray) and images.ndim != 4:
            raise ValueError(f"images of shape {images.shape} must be (N, H, W, 3), or a list of pictures (H, W, 3)")
        out = np.empty((len(images), self.crop, self.crop, 3), np.float32)
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        for row, image in zip(out, images, strict=True):
            row[...] = (self.crop_image(image) - mean) / std
        return out

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON knows them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of `to_dict`; raises ValueError on a missing, unknown or impossible field."""
        expected = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != expected:
            raise ValueError(f"preprocessing={values!r} must have exactly the fields {sorted(expected)}")
        return cls(**values)
