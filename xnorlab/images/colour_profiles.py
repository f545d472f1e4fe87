"""Embedded colour profiles, and the conversion of their colours to sRGB, which networks are trained on."""

import functools
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, features

from xnorlab.printable import one_line

MAX_PROFILE_BYTES = 4_000_000
"""Most bytes of a profile; larger ones are ignored. The largest, those of printing presses, have about 3 MB."""

VISIBLE = 2
"""Least visible shift of a colour, in shades of 255; a profile that shifts no colour by more is taken for sRGB."""

_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_CLASSES = ("mntr", "scnr", "prtr", "spac")  # the others do not convert a device's colours to a standard space


@dataclass(frozen=True)
class Conversion:
    """The conversion to sRGB that an embedded profile requires.

    Attributes:
        space: Mode ("L", "RGB" or "CMYK") of the pictures that `to_srgb` takes.
        transform: An ImageCmsTransform; None if nothing is to be converted.
        note: What was done, for people; None if there is nothing to say.
    """

    space: str = "RGB"
    transform: Any = None
    note: str | None = None

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """Convert `image`, of mode `space`, to sRGB in mode RGB; thread-safe, since the transform keeps no state."""
        return image if self.transform is None else self.transform.apply(image)


NOTHING = Conversion()


def conversion(profile: bytes | None, mode: str) -> Conversion:
    """Choose the conversion for pictures with an embedded profile.

    Args:
        profile: The profile as the file holds it; None or empty if there is none.
        mode: "L", "RGB" or "CMYK".
    """
    if not profile:
        return NOTHING
    if len(profile) > MAX_PROFILE_BYTES:
        return Conversion(note=f"colour profile ignored: above {MAX_PROFILE_BYTES // 10**6} MB")
    if not features.check("littlecms2"):
        if b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile:
            return NOTHING
        return Conversion(note="colour profile ignored: this Pillow is built without littlecms")
    return _conversion(bytes(profile), mode)


@functools.lru_cache(maxsize=8)
def _conversion(profile: bytes, mode: str) -> Conversion:
    from PIL import ImageCms  # takes a few milliseconds, and most pictures do not need it

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        header: Any = source.profile
        space = _SPACES.get(header.xcolor_space)
        name = one_line(ImageCms.getProfileDescription(source).strip())[:40] or "its profile"
        fits = space == mode or (space == "RGB" and mode == "L")
        if space is None or not fits or header.device_class not in _CLASSES:
            return Conversion(note=f"colour profile ignored: {name} is not for such a picture")
        transform = ImageCms.ImageCmsTransform(
            source,
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            space,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOCACHE,
        )
        if space != "CMYK" and _largest_shift(transform, space) <= VISIBLE:
            return NOTHING
    except Exception:  # littlecms and Pillow raise anything for a broken profile; the picture can still be read
        return Conversion(note="colour profile ignored: it is broken")
    return Conversion(space, transform, f"colours converted from {name}")


def _largest_shift(transform: Any, space: str) -> int:
    """The largest shift that the transform gives any colour of a coarse chart, in shades of 255."""
    if space == "L":
        chart = np.arange(256, dtype=np.uint8)[None]
        before = chart[..., None]
    else:
        levels = np.linspace(0, 255, 9).astype(np.uint8)
        chart = before = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    after = np.asarray(transform.apply(Image.fromarray(chart)))
    return int(np.abs(after.astype(int) - before).max())
