"""Colours of more than 8 bits in 16: Pillow delivers the upper byte, which is black where only the lower bits are used.

A second decoding then delivers the lower bytes.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from PIL import Image

from xnorlab.images.grey import DEPTHS
from xnorlab.images.limits import is_deep_colour, rawmode, tiles

_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True)
class ColourScale:
    """The values of a picture: `lower` holds their lower bytes; `white`: the largest colour and alpha that count."""

    lower: Image.Image
    white: tuple[int, ...]
    key: tuple[int, ...] | None
    note: str

    def to_8_bits(self, upper: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
        """The block `upper` (upper bytes) at `box` of the picture, in its mode and 8 bits; RGBA where it has a key."""
        values = _values(upper, self.lower.crop(box))
        shades = np.empty(values.shape, np.uint8)
        for band, white in enumerate(self.white):
            shade_of_value = np.minimum((np.arange(65536) * 255 + white // 2) // white, 255).astype(np.uint8)
            shades[..., band] = shade_of_value[values[..., band]]
        block = Image.frombytes(upper.mode, upper.size, shades.tobytes())
        if self.key is not None and upper.mode == "RGB":
            opaque = np.where((values == self.key).all(axis=-1), 0, 255).astype(np.uint8)
            block.putalpha(Image.fromarray(opaque))
        return block


def lower_bytes(image: Any) -> list[Any] | None:
    """The tiles by which Pillow would decode the lower bytes of `image`, not yet loaded; None where it cannot."""
    if not is_deep_colour(image) or any(rawmode(tile).startswith(("LA", "RGBa")) for tile in tiles(image)):
        return None
    swapped = []
    for tile in tiles(image):
        other = rawmode(tile)[:-1] + _OTHER_BYTE[rawmode(tile)[-1]]
        swapped.append(tile._replace(args=other if isinstance(tile.args, str) else (other, *tile.args[1:])))
    return swapped


def colour_scale(
    image: Image.Image, file: IO[bytes], lower: list[Any], boxes: Sequence[tuple[int, int, int, int]]
) -> ColourScale | None:
    """How the colours of `image`, loaded from `file`, map to 8 bits; None where its upper bytes are the answer.

    lower: from `lower_bytes`. boxes: cover the picture. The scale is the smallest of DEPTHS that holds the largest
    colour; alpha has its own.
    """
    colours = 4 if image.mode == "CMYK" else 3
    if max(int(np.asarray(image.crop(box))[..., :colours].max()) for box in boxes) >= 2 ** (DEPTHS[-2] - 8):
        return None
    second = Image.open(file, formats=(image.format or "",))
    second.tile = lower
    second.load()
    largest = np.zeros(len(image.getbands()), int)
    for box in boxes:
        largest = np.maximum(largest, _values(image.crop(box), second.crop(box)).max(axis=(0, 1)))
    top = int(largest[:colours].max())
    white = [_white(top)] * colours + [_white(int(alpha)) for alpha in largest[colours:]]
    note = f"colours taken as {white[0].bit_length()}-bit: no value above {top:,}"
    return ColourScale(second, tuple(white), image.info.get("transparency"), note)


def _values(upper: Image.Image, lower: Image.Image) -> np.ndarray:
    return np.asarray(upper) * np.uint16(256) + np.asarray(lower)


def _white(largest: int) -> int:
    return 2 ** next(bits for bits in DEPTHS if largest < 2**bits) - 1
