"""Samples of more than 8 bits: which value is white, and the conversion to 8 bits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from PIL import Image

DEPTHS = (8, 10, 12, 14, 16)
"""Bits per sample of the cameras, scanners and microscopes whose values are stored in 16 or 32 bits."""

_PHOTOMETRIC, _BITS, _WHITE_IS_ZERO = 262, 258, 0

# ---- grey


@dataclass(frozen=True)
class Declared:
    """What a file says about its grey.

    Attributes:
        white: The value of white; None if the file does not say.
        white_is_zero: Whether 0 is white instead of black.
    """

    white: int | None = None
    white_is_zero: bool = False


@dataclass(frozen=True)
class GreyScale:
    """A linear map of grey values to 8 bits.

    Attributes:
        low: The value that becomes 0.
        high: The value that becomes 255.
        note: What the map does, for people.
        white_is_zero: Whether the result is inverted.
    """

    low: float
    high: float
    note: str
    white_is_zero: bool = False

    def to_8_bits(self, grey: np.ndarray) -> np.ndarray:
        """Return `grey`, integers or reals of any shape, as uint8; values outside are clipped, NaN counts as `low`."""
        if grey.dtype.kind == "u" and grey.dtype.itemsize == 2:
            return self._by_value(np.arange(65536))[grey]
        return self._by_value(grey)

    def _by_value(self, grey: np.ndarray) -> np.ndarray:
        values = np.array(_bounded(grey))
        values[np.isnan(values)] = self.low
        values -= np.float32(self.low)
        values *= np.float32(255 / max(self.high - self.low, 1e-37))
        shades = np.rint(np.clip(values, 0, 255, out=values), out=values).astype(np.uint8)
        return 255 - shades if self.white_is_zero else shades


def is_deep_grey(image: Image.Image) -> bool:
    """Whether `image` is grey of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def declared_grey(image: Any, white: int | None) -> Declared:
    """Read what the file of `image`, not yet loaded, says about its grey of more than 8 bits.

    Args:
        image: An opened picture.
        white: The largest value that a PPM declares; None for other formats.
    """
    if image.format != "TIFF":
        return Declared(white)
    # Pillow inverts grey of up to 8 bits only
    white_is_zero = image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return Declared(4095 if image.tag_v2.get(_BITS) == (12,) else None, white_is_zero)


def grey_scale(blocks: Iterable[np.ndarray], declared: Declared) -> GreyScale | None:
    """Choose how the grey values of a picture map to 8 bits.

    Integers map from 0 to what the file declares, else to the largest value of the smallest of DEPTHS that holds them
    all. The largest value that occurs is not taken for white, since that would brighten dark photos. Reals map from 0
    to 1. Values outside of these ranges have no agreed scale and are stretched from the smallest to the largest.

    Args:
        blocks: Arrays of integers or reals that together hold all values.
        declared: What the file says.

    Returns:
        The map; None if no value is finite.
    """
    low, high, real = np.inf, -np.inf, False
    for block in blocks:
        real = block.dtype.kind == "f"
        values, finite = (_bounded(block), np.isfinite(block)) if real else (block, True)
        low = min(low, float(values.min(where=finite, initial=np.inf)) if real else int(values.min()))
        high = max(high, float(values.max(where=finite, initial=-np.inf)) if real else int(values.max()))
    if low > high:
        return None
    kind = "real-valued grey" if real else "grey"
    if low < 0 or high > (1 if real else 65535):
        return GreyScale(low, high, f"{kind} stretched from {low:,.4g} to {high:,.4g}", declared.white_is_zero)
    if real:
        return GreyScale(0, 1, f"{kind} of 0 to 1 converted", declared.white_is_zero)
    if declared.white is not None:
        return GreyScale(0, declared.white, "grey of more than 8 bits converted", declared.white_is_zero)
    bits = next(bits for bits in DEPTHS if high < 2**bits)
    note = "16-bit grey converted" if bits == 16 else f"grey taken as {bits}-bit: no value above {high:,}"
    return GreyScale(0, 2**bits - 1, note, declared.white_is_zero)


def _bounded(grey: np.ndarray) -> np.ndarray:
    """`grey` as float32 within ±1e37, so that the difference of two extreme values fits float32."""
    return np.clip(np.asarray(grey, np.float32), -1e37, 1e37)


# ---- colour: Pillow delivers the upper byte, which is black if a file uses the lower bits of each sample only


@dataclass(frozen=True)
class ColourScale:
    """A map of colours of 16 bits per sample to 8 bits, from the upper and the lower bytes.

    Attributes:
        lower: The lower bytes of the whole picture, from a second decoding.
        white: The value of full colour, or of opaque alpha, for each band.
        key: The transparent colour; None if there is none.
        note: What the map does, for people.
    """

    lower: Image.Image
    white: tuple[int, ...]
    key: tuple[int, ...] | None
    note: str

    def to_8_bits(self, upper: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
        """Convert one block of the picture.

        Args:
            upper: The upper bytes of the block.
            box: The block's (left, top, right, bottom) in the picture.

        Returns:
            The block in 8 bits and in the mode of `upper`; RGBA if the picture has a transparent colour.
        """
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


def colour_scale(
    image: Image.Image, file: IO[bytes], lower: list[Any], boxes: Sequence[tuple[int, int, int, int]]
) -> ColourScale | None:
    """Choose how the colours of a picture of 16 bits per sample map to 8 bits.

    White is the largest value of the smallest of DEPTHS that holds the largest colour; alpha has a white of its own.

    Args:
        image: The picture, loaded: its upper bytes.
        file: The file that it was loaded from.
        lower: The tiles from `pillow_tiles.lower_bytes`.
        boxes: Blocks (left, top, right, bottom) that cover the picture.

    Returns:
        The map; None if the upper bytes alone are right.
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
