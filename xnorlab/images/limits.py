"""Limits on the size of a picture: its pixels, and the memory that reading it takes, both known from its header."""

import math
from typing import IO, Any

from PIL import Image

from xnorlab.images import jpeg
from xnorlab.images.pillow_tiles import is_deep_colour, tiles

MAX_PIXELS = 64_000_000
"""Most pixels of a picture; one with more is refused by its header. Photos of 50 megapixels are accepted."""

MAX_BYTES = 600_000_000
"""Most bytes by which reading a picture may raise the peak memory; one that takes more is refused by its header."""

LARGE_BYTES = 100_000_000
"""Pictures that take more are decoded one at a time, so that the memory of many visitors together is bounded too."""

_RESERVE = 60_000_000
"""Bytes for the modules, the codecs' threads and the block that is being converted."""

# Bytes per pixel that a codec holds beside Pillow's picture, measured at 12 megapixels with Pillow 13 and rounded up:
# WebP 12.1 (two canvases and a copy), AVIF 7.9 at 8 bits (10 bits hold twice the planes), HEIC 4.4.
_CODEC = {"WEBP": 13, "AVIF": 12, "HEIF": 6}

_STREAMED = ("TIFF", "BMP", "DIB", "PPM")  # their files are never held whole


def needed_bytes(image: Image.Image, file: IO[bytes], size: tuple[int, int], shrink: int) -> int:
    """Upper bound of the bytes that reading a picture adds to the peak memory.

    Args:
        image: The picture, opened and not yet loaded.
        file: The file that it was opened from.
        size: (width, height) before `image.draft`.
        shrink: Factor by which the picture is reduced after decoding.
    """
    width, height = size
    file.seek(0, 2)
    file_bytes = file.tell()
    plane = _plane(image.mode, *image.size)
    if is_deep_colour(image):
        plane *= 2  # the lower bytes are decoded by themselves
    total = _RESERVE + plane + 2 * plane // image.height + 3 * math.ceil(width / shrink) * math.ceil(height / shrink)
    if image.format not in _STREAMED:
        total += file_bytes
    if image.format in ("JPEG", "MPO"):
        if jpeg.holds_coefficients(file):
            total += 2 * len(image.getbands()) * width * height
    elif image.format in _CODEC:
        total += _CODEC[image.format] * width * height
    elif image.format == "TIFF":
        total += _tiff(image, plane, file_bytes)
    elif image.format == "GIF":
        total += plane  # a frame smaller than the canvas is laid over it
    elif any(tile[0] in ("ppm", "ppm_plain", "bmp_rle") for tile in tiles(image)):
        total += 5 * plane // 2  # decoded in Python: twice the picture as bytes
    return total


def _plane(mode: str, width: int, height: int) -> int:
    """Bytes of a picture in Pillow: rows are padded to 4 bytes, and each costs a pointer."""
    pixel = 1 if mode in ("1", "L", "P") else 2 if mode.startswith("I;16") else 4
    return height * (8 + (width * pixel + 3) // 4 * 4)


def _tiff(image: Any, plane: int, file_bytes: int) -> int:
    """Bytes that libtiff and the rotation of a TIFF add: a strip or tile unpacked, and packed if it is read whole."""
    tags = image.tag_v2
    total = plane if tags.get(274, 1) != 1 else 0  # Pillow rotates it into a second picture
    if tags.get(259, 1) == 1:
        return total
    width, height = tags[256], tags[257]
    columns, rows = (tags.get(322), tags.get(323)) if 322 in tags else (width, min(tags.get(278, height), height))
    bits = tags.get(258, (8,))
    pixel = max(4, math.ceil(max(bits) * max(tags.get(277, 1), len(bits)) / 8))
    packed = max(tags.get(279) or tags.get(325) or (0,))
    return total + columns * rows * pixel + min(packed, file_bytes)
