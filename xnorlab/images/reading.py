"""Reading of a picture: its header is checked, then its pixels are decoded and converted, or an error says why not."""

import contextlib
import os
import threading
from dataclasses import dataclass
from typing import IO

import numpy as np
from PIL import Image

from xnorlab.images import limits, pillow_tiles, png, refusals
from xnorlab.images.formats import formats_for
from xnorlab.images.limits import MAX_BYTES, MAX_PIXELS
from xnorlab.images.pillow_warnings import without_warnings
from xnorlab.images.pixels import WORKING_SIDE, Pixels
from xnorlab.images.sources import ImageError, as_file

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112

_one_large = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """A picture that was read.

    Attributes:
        pixels: Upright sRGB, uint8 (H, W, 3).
        notes: What was converted, for people; empty if nothing was.
    """

    pixels: np.ndarray
    notes: tuple[str, ...]


def open_image(
    source: str | os.PathLike | bytes | IO[bytes], *, name: str | None = None, draft_side: int | None = None
) -> np.ndarray:
    """Read a picture as upright RGB; see `read_image`, which also says what was converted.

    Args:
        source: A path, the bytes of a file, or an open binary file.
        name: Name of the picture in error messages; the path if None.
        draft_side: See `read_image`.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ImageError: The picture cannot be read.
    """
    return read_image(source, name=name, draft_side=draft_side).pixels


def read_image(
    source: str | os.PathLike | bytes | IO[bytes], *, name: str | None = None, draft_side: int | None = None
) -> Picture:
    """Read a picture as upright sRGB, with notes on what was converted.

    It is rotated as its EXIF block says. The embedded profile converts its colours to sRGB. CMYK, palettes, grey,
    1-bit, 16-bit and real-valued pixels are converted, transparency is laid over white, and the first frame of an
    animation is taken. Formats: JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF; HEIC if the package pillow-heif is
    installed.

    A picture whose short side is at least twice WORKING_SIDE is shrunk by a whole factor while it is read. Reading
    takes at most MAX_BYTES of memory.

    Args:
        source: A path, the bytes of a file, or an open binary file.
        name: Name of the picture in error messages; the path if None.
        draft_side: Least short side, in pixels, at which a JPEG may be decoded: at a half, a quarter or an eighth of
            its size. It saves half of the time and more, and changes the pixels. None decodes whole what is less than
            twice WORKING_SIDE.

    Raises:
        ImageError: The picture cannot be read.
    """
    file, shown = as_file(source, name)
    with without_warnings(), file:
        try:
            return _read(file, shown, draft_side)
        except ImageError:
            raise
        except Image.DecompressionBombError:  # raised at twice Pillow's own limit, before the size is known here
            raise ImageError(f"{shown} has more pixels than the {MAX_PIXELS // 10**6} million allowed.") from None
        except MemoryError:
            raise ImageError(f"{shown} needs more memory than there is.") from None
        except Exception as error:  # for bad data Pillow raises anything from struct.error to IndexError
            raise ImageError(f"{shown} {refusals.reason(file, error)}.") from None


def _read(file: IO[bytes], shown: str, draft_side: int | None) -> Picture:
    try:
        return _decode(file, shown, None, draft_side)
    except (ImageError, MemoryError, Image.DecompressionBombError):
        raise
    except Exception:
        # texts and profiles are not part of the pixels: without them the picture may be readable
        bare = png.without_metadata(file)
        if bare is None:
            raise
        bare_file, profile = bare
        return _decode(bare_file, shown, profile, None)


def _decode(file: IO[bytes], shown: str, profile: bytes | None, draft_side: int | None) -> Picture:
    notes: list[str] = []
    with Image.open(file, formats=formats_for(file)) as image:
        if profile is not None:
            image.info["icc_profile"] = profile
        if image.format == "TIFF":
            pillow_tiles.decode_deep_tiff_planes(image)
        width, height = image.size
        if width * height > MAX_PIXELS:
            limit = f"{MAX_PIXELS // 10**6} million"
            raise ImageError(f"{shown} has {width:,} × {height:,} pixels, more than the {limit} allowed.")
        if width < 1 or height < 1:
            raise ImageError(f"{shown} has no pixels ({width} × {height}).")
        if getattr(image, "is_animated", False) and image.format not in ("MPO", "HEIF"):
            notes.append("first of several pages taken" if image.format == "TIFF" else "animated: first frame taken")
        shrink = max(1, min(width, height) // WORKING_SIDE)
        if draft_side is not None and image.format in ("JPEG", "MPO"):
            short = min(width, height)
            image.draft(None, (-(-width * draft_side // short), -(-height * draft_side // short)))
        elif shrink >= 2 and image.format in ("JPEG", "MPO", "HEIF"):
            # libjpeg skips what is not needed: a 12-megapixel photo took 27 ms instead of 378 ms. Some HEIC files hold
            # a second, smaller copy; without one the picture is decoded whole.
            image.draft(None, (width // shrink, height // shrink))
        at = file.tell()
        pixels = Pixels(image, file, shown)
        needed = limits.needed_bytes(image, file, (width, height), shrink)
        if needed > MAX_BYTES:
            raise ImageError(
                f"{shown} has {width:,} × {height:,} pixels, which take {needed // 10**6:,} MB of memory to read, "
                f"more than the {MAX_BYTES // 10**6} MB allowed."
            )
        file.seek(at)
        with _one_large if needed > limits.LARGE_BYTES else contextlib.nullcontext():
            # Pillow rotates a TIFF itself while loading it, and reads what follows the pixels of a PNG only then
            orientation = _orientation(image) if image.format == "TIFF" else None
            image.load()
            turn = _UPRIGHT.get(_orientation(image)) if orientation is None else None
            converted = pixels.to_srgb(turn)
        if shrink >= 2:
            notes.append(f"shrunk from {width:,} × {height:,}")
        if turn is not None or orientation in _UPRIGHT:
            notes.append("rotated as its EXIF block says")
        return Picture(converted, (*notes, *pixels.notes))


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 if the block is missing or unreadable."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a corrupt block raises anything; the picture can still be read
        return 1
