"""Grey of more than 8 bits: which value is white, and the way to 8 bits."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

DEPTHS = (8, 10, 12, 14, 16)
"""Bits of the cameras, scanners and microscopes whose values are stored in 16 or 32 bits."""

_PHOTOMETRIC, _BITS, _WHITE_IS_ZERO = 262, 258, 0


@dataclass(frozen=True)
class Declared:
    """What the file says of its grey: the value of white (None: nothing), and whether 0 is white instead of black."""

    white: int | None = None
    white_is_zero: bool = False


@dataclass(frozen=True)
class GreyScale:
    """`low` maps to 0 and `high` to 255; `note` says so to people."""

    low: float
    high: float
    note: str
    white_is_zero: bool = False

    def to_8_bits(self, grey: np.ndarray) -> np.ndarray:
        """`grey`, integers or reals of any shape, as uint8; values beyond the scale are clipped, NaN is `low`."""
        if grey.dtype.kind == "u" and grey.dtype.itemsize == 2:
            return self._by_value(np.arange(65536))[grey]
        return self._by_value(grey)

    def _by_value(self, grey: np.ndarray) -> np.ndarray:
        values = np.array(_tamed(grey))
        values[np.isnan(values)] = self.low
        values -= np.float32(self.low)
        values *= np.float32(255 / max(self.high - self.low, 1e-37))
        shades = np.rint(np.clip(values, 0, 255, out=values), out=values).astype(np.uint8)
        return 255 - shades if self.white_is_zero else shades


def is_deep(image: Image.Image) -> bool:
    """Whether `image` is grey of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def declared(image: Any, white: int | None) -> Declared:
    """What the file of `image`, not yet loaded, says of its grey of more than 8 bits; `white` as a PPM says it."""
    if image.format != "TIFF":
        return Declared(white)
    # Pillow inverts grey of up to 8 bits only
    white_is_zero = image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return Declared(4095 if image.tag_v2.get(_BITS) == (12,) else None, white_is_zero)


def grey_scale(blocks: Iterable[np.ndarray], said: Declared) -> GreyScale | None:
    """How the values in `blocks`, integers or reals, map to 8 bits; None where no value is finite.

    Integers: 0 to what the file declares, else to the largest value of the smallest of DEPTHS that holds them all,
    and not to the largest value there is, which would brighten dark photos. Reals: 0 to 1. Values outside have no
    agreed scale and are stretched from the smallest to the largest.
    """
    low, high, real = np.inf, -np.inf, False
    for block in blocks:
        real = block.dtype.kind == "f"
        values, finite = (_tamed(block), np.isfinite(block)) if real else (block, True)
        low = min(low, float(values.min(where=finite, initial=np.inf)) if real else int(values.min()))
        high = max(high, float(values.max(where=finite, initial=-np.inf)) if real else int(values.max()))
    if low > high:
        return None
    kind = "real-valued grey" if real else "grey"
    if low < 0 or high > (1 if real else 65535):
        return GreyScale(low, high, f"{kind} stretched from {low:,.4g} to {high:,.4g}", said.white_is_zero)
    if real:
        return GreyScale(0, 1, f"{kind} of 0 to 1 converted", said.white_is_zero)
    if said.white is not None:
        return GreyScale(0, said.white, "grey of more than 8 bits converted", said.white_is_zero)
    bits = next(bits for bits in DEPTHS if high < 2**bits)
    note = "16-bit grey converted" if bits == 16 else f"grey taken as {bits}-bit: no value above {high:,}"
    return GreyScale(0, 2**bits - 1, note, said.white_is_zero)


def _tamed(grey: np.ndarray) -> np.ndarray:
    """`grey` as float32 within ±1e37, which keeps the span of two extreme values inside float32."""
    return np.clip(np.asarray(grey, np.float32), -1e37, 1e37)
