"""Small pictures as data addresses, which stand in a page's HTML themselves."""

import base64
import io

import numpy as np
from PIL import Image


def png(pixels: np.ndarray) -> str:
    """The data address of a picture, uint8 (H, W, 3), pixel for pixel."""
    return _address(Image.fromarray(pixels), "png")


def thumbnail(pixels: np.ndarray, side: int) -> str:
    """The data address of a small JPEG of a picture, uint8 (H, W, 3); its longer side has `side` pixels at most."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return _address(image, "jpeg")


def _address(image: Image.Image, kind: str) -> str:
    out = io.BytesIO()
    image.save(out, kind)
    return f"data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode()}"
