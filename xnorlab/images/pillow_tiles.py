"""What Pillow decodes a file to: the tiles of an opened image, and corrections for samples of 16 bits.

Pillow keeps the decoding of an image as a list of tiles until the image is loaded. The functions below read that list,
or change it where Pillow would decode 16-bit samples slowly, wrongly or only in part.
"""

import sys
from typing import Any

from PIL import Image

_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def tiles(image: Image.Image) -> list[Any]:
    """The tiles that Pillow will decode, each (codec, extents, offset, arguments)."""
    return list(getattr(image, "tile", []))


def rawmode(tile: Any) -> str:
    """Pillow's name of the layout of the bytes of one of `tiles`; empty if it has none."""
    arguments = tile[3]
    first = arguments if isinstance(arguments, str) else arguments[0] if arguments else ""
    return first if isinstance(first, str) else ""


def is_deep_colour(image: Image.Image) -> bool:
    """Whether `image`, not yet loaded, stores colours of 16 bits per sample, of which Pillow delivers the upper 8."""
    return any(rawmode(tile).endswith((";16B", ";16L", ";16N")) for tile in tiles(image)) and image.mode in (
        "RGB",
        "RGBA",
        "CMYK",
    )


def lower_bytes(image: Any) -> list[Any] | None:
    """The tiles that decode the lower bytes of `image` (16-bit colours, not yet loaded); None if Pillow cannot."""
    if not is_deep_colour(image) or any(rawmode(tile).startswith(("LA", "RGBa")) for tile in tiles(image)):
        return None
    swapped = []
    for tile in tiles(image):
        other = rawmode(tile)[:-1] + _OTHER_BYTE[rawmode(tile)[-1]]
        swapped.append(tile._replace(args=other if isinstance(tile.args, str) else (other, *tile.args[1:])))
    return swapped


def decode_raw_ppm(image: Any) -> int | None:
    """Let Pillow's raw decoder read the 16-bit values of the PPM `image`, not yet loaded, where it can.

    Pillow decodes most such files in Python, which takes about 5 µs per pixel.

    Returns:
        The largest value that the file declares; None if Pillow scales the values itself, or if they fill 16 bits.
    """
    declared = None
    for index, tile in enumerate(tiles(image)):
        codec, _, _, arguments = tile
        if codec not in ("ppm", "ppm_plain"):
            continue
        largest = arguments[-1]
        if codec == "ppm" and image.mode == "I":
            image.tile[index] = tile._replace(codec_name="raw", args="I;16B")
            declared = largest
        elif codec == "ppm" and largest == 65535:
            image.tile[index] = tile._replace(codec_name="raw", args="RGB;16B")
        elif image.mode == "I":
            declared = 65535  # to which Pillow scales
    return declared


def decode_deep_tiff_planes(image: Any) -> None:
    """Let Pillow decode the raw 16-bit planes of the TIFF `image`, not yet loaded, which it takes for planes of 8 bits.

    Raises:
        ValueError: The planes are not red, green and blue; Pillow cannot decode others.
    """
    if max(image.tag_v2.get(258, (1,))) != 16:
        return
    for index, tile in enumerate(tiles(image)):
        if len(rawmode(tile)) == 1 and rawmode(tile) in "RGBACMYK":
            if image.mode != "RGB":
                raise ValueError("unsupported planes of 16 bits")
            deep = f"{rawmode(tile)};16{'L' if image.tag_v2.prefix == b'II' else 'B'}"
            image.tile[index] = tile._replace(args=(deep, *tile.args[1:]))
