"""Small pictures as data addresses, which stand in a page's HTML themselves."""

import base64
import io

import numpy as np
from PIL import Image

FEW = 4
"""Colours of a picture that is stored with a palette."""


def png(pixels: np.ndarray) -> str:
    """The data address of a picture, uint8 (H, W, 3), pixel for pixel.

    One of at most `FEW` colours, as maps of signs have them, takes a bit or two per pixel.
    """
    image = Image.fromarray(pixels)
    colours = image.getcolors(FEW) if image.mode == "RGB" else None
    if colours is None:
        return _address(image, "png")
    named = np.array([colour for _, colour in colours], np.uint8)
    indices = np.zeros(pixels.shape[:2], np.uint8)
    for index, colour in enumerate(named):
        indices[(pixels == colour).all(axis=2)] = index
    few = Image.fromarray(indices)
    few.putpalette(named.tobytes())
    return _address(few, "png", bits=1 if len(named) <= 2 else 2)


def thumbnail(pixels: np.ndarray, side: int) -> str:
    """The data address of a small JPEG of a picture, uint8 (H, W, 3); its longer side has `side` pixels at most."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return _address(image, "jpeg")


def _address(image: Image.Image, kind: str, **options: int) -> str:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode()}"
