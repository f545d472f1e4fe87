"""PPM files of 16 bits: Pillow decodes most of them in Python, about 5 µs a pixel; its raw decoder knows the layout."""

from typing import Any

from xnorlab.images.limits import tiles


def decode_raw(image: Any) -> int | None:
    """Let the PPM `image`, not yet loaded, be decoded as raw 16-bit values where it can; returns its largest value.

    None where Pillow scales the values itself, or where they fill all 16 bits.
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
