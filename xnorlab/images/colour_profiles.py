"""Embedded colour profiles: from the colours they define to sRGB, which networks are trained on."""

import functools
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, features

from xnorlab.printable import one_line

MAX_PROFILE_BYTES = 4_000_000
"""Larger profiles are ignored: the largest of printing presses have about 3 MB."""

VISIBLE = 2
"""Shades of 255: a profile that moves no colour by more is sRGB under another name, and costs nothing."""

_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_CLASSES = ("mntr", "scnr", "prtr", "spac")  # the others take no device's colours to a standard space


@dataclass(frozen=True)
class Conversion:
    """What an embedded profile asks for.

    space: mode ("L", "RGB", "CMYK") that pictures must have for `to_srgb`. transform: an ImageCmsTransform, or None
    where nothing is to be done. note: what to tell people, or None.
    """

    space: str = "RGB"
    transform: Any = None
    note: str | None = None

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """`image`, of mode `space`, in sRGB, mode RGB. Safe in many threads: the transform keeps no state."""
        return image if self.transform is None else self.transform.apply(image)


NOTHING = Conversion()


def conversion(profile: bytes | None, mode: str) -> Conversion:
    """What `profile`, as found in a file, means for its pictures of `mode` "L", "RGB" or "CMYK"."""
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
    from PIL import ImageCms  # a few milliseconds that most pictures need not wait for

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
    except Exception:  # a broken profile makes littlecms and Pillow raise anything; the picture is still good
        return Conversion(note="colour profile ignored: it is broken")
    return Conversion(space, transform, f"colours converted from {name}")


def _largest_shift(transform: Any, space: str) -> int:
    """How far the transform moves any colour of a coarse chart, in shades of 255."""
    if space == "L":
        chart = np.arange(256, dtype=np.uint8)[None]
        before = chart[..., None]
    else:
        levels = np.linspace(0, 255, 9).astype(np.uint8)
        chart = before = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    after = np.asarray(transform.apply(Image.fromarray(chart)))
    return int(np.abs(after.astype(int) - before).max())
