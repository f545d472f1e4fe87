"""From any photo to the pixels that a network sees; numpy and Pillow only.

`open_image` turns whatever a visitor hands in into upright 8-bit RGB, or refuses it with one sentence.
`Preprocessing` takes such a picture on to a network's input.
"""

import io
import os
import stat
import threading
import warnings
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from PIL import AvifImagePlugin, Image, ImageChops, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from xnorlab.preprocessing import Preprocessing

__all__ = ["MAX_PIXELS", "WORKING_SIDE", "ImageError", "Picture", "Preprocessing", "open_image", "read_image"]

MAX_PIXELS = 64_000_000
"""Pictures with more pixels are refused by their header, before decoding; 50-megapixel phones fit."""

WORKING_SIDE = 512
"""Large pictures are shrunk by a whole factor while they are read; the short side never falls below this."""

# Pillow also knows formats that start other programs (EPS) or hold no photo; no visitor's file reaches those.
# WebP, TIFF and AVIF are outside Pillow's quick start set: their modules register themselves when imported.
_PLUGINS = (WebPImagePlugin, TiffImagePlugin, AvifImagePlugin)
_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF")

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

# One picture at a time: bounds the memory of many visitors together, and `warnings.catch_warnings` is not
# thread-safe.
_ONE_AT_A_TIME = threading.Lock()


class ImageError(ValueError):
    """A picture that cannot be used; the message is one sentence that names the file and says why."""


@dataclass(frozen=True)
class Picture:
    """A picture that was read: `pixels` uint8 (H, W, 3), and in `notes` what was done to get there."""

    pixels: np.ndarray
    notes: tuple[str, ...]


def open_image(source: str | os.PathLike | bytes | IO[bytes], *, name: str | None = None) -> np.ndarray:
    """The picture in `source` (a path, its bytes or an open binary file) as upright RGB, uint8 (H, W, 3).

    See `read_image`, which also says what was converted. Raises ImageError.
    """
    return read_image(source, name=name).pixels


def read_image(source: str | os.PathLike | bytes | IO[bytes], *, name: str | None = None) -> Picture:
    """The picture in `source` as upright RGB, with notes on what was converted.

    Rotated as its EXIF block says; CMYK, palettes, grey, 1-bit, 16-bit and real-valued pixels converted;
    transparency laid over white; of an animation the first frame. JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF.
    A picture whose short side is at least twice WORKING_SIDE is shrunk by a whole factor on the way.
    `name` is what messages call the picture; by default its path. Raises ImageError.
    """
    file, shown = _as_file(source, name)
    with _ONE_AT_A_TIME, warnings.catch_warnings(), file:
        # Pillow warns on suspicious sizes and corrupt metadata; both are dealt with here.
        warnings.simplefilter("ignore")
        try:
            return _decode(file, shown)
        except ImageError:
            raise
        except UnidentifiedImageError:
            raise ImageError(f"{shown} {_why_not_an_image(file)}") from None
        except Image.DecompressionBombError:
            raise ImageError(
                f"{shown} has far more than the {MAX_PIXELS // 10**6} million pixels allowed."
            ) from None
        except MemoryError:
            raise ImageError(f"{shown} needs more memory than there is.") from None
        except Exception as error:  # on bad data Pillow raises anything from struct.error to IndexError
            reason = _one_line(str(error) or type(error).__name__)
            if "truncated" in reason.lower() or isinstance(error, EOFError):
                raise ImageError(f"{shown} is cut short: part of the picture is missing.") from None
            raise ImageError(f"{shown} is damaged: {reason}.") from None


def _as_file(source: Any, name: str | None) -> tuple[IO[bytes], str]:
    """`source` as a seekable binary file that holds something, and the name to call it by."""
    if isinstance(source, str | os.PathLike):
        shown = _shown(os.fsdecode(source) if name is None else name)
        try:
            status = os.stat(source)
            if stat.S_ISDIR(status.st_mode):
                raise ImageError(f"{shown} is a folder, not a picture.")
            if not stat.S_ISREG(status.st_mode):  # a pipe or a device might never end
                raise ImageError(f"{shown} is not a regular file.")
            if status.st_size == 0:
                raise ImageError(f"{shown} is empty (0 bytes).")
            return open(source, "rb"), shown
        except FileNotFoundError:
            raise ImageError(f"{shown} does not exist.") from None
        except OSError as error:
            raise ImageError(
                f"{shown} cannot be opened: {(error.strerror or 'unknown reason').lower()}."
            ) from None
        except ValueError as error:
            if isinstance(error, ImageError):
                raise
            raise ImageError(f"{shown} is not a possible file name.") from None
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
        shown = _shown("the picture" if name is None else name)
    elif hasattr(source, "read"):
        own_name = getattr(source, "name", None)
        shown = _shown(name if name is not None else own_name if isinstance(own_name, str) else "the picture")
        data = source.read()
        if not isinstance(data, bytes):
            raise ImageError(f"{shown} was opened as text; open it in binary mode.")
    else:
        raise ImageError(f"source={type(source).__name__} must be a path, bytes or an open binary file.")
    if not data:
        raise ImageError(f"{shown} is empty (0 bytes).")
    return io.BytesIO(data), shown


def _shown(name: str) -> str:
    """`name` on one printable line of at most 80 characters."""
    line = _one_line(name)
    return line if len(line) <= 80 else f"{line[:39]}…{line[-40:]}"


def _one_line(text: str) -> str:
    """`text` with every unprintable character (newline, control, lone surrogate) written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _why_not_an_image(file: IO[bytes]) -> str:
    file.seek(0)
    head = file.read(16)
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "is a HEIC photo, which cannot be read here; save it as JPEG."
    return "is not an image in a format that is read here (JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF)."


def _decode(file: IO[bytes], shown: str) -> Picture:
    notes: list[str] = []
    with Image.open(file, formats=[f for f in _FORMATS if f in Image.OPEN or f == "MPO"]) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            limit = f"{MAX_PIXELS // 10**6} million"
            raise ImageError(f"{shown} has {width:,} × {height:,} pixels, more than the {limit} allowed.")
        if width < 1 or height < 1:
            raise ImageError(f"{shown} has no pixels ({width} × {height}).")
        if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
            notes.append("animated: first frame taken")
        shrink = min(width, height) // WORKING_SIDE
        if shrink >= 2 and image.format in ("JPEG", "MPO"):
            # libjpeg leaves out what is not needed: a 12-megapixel photo decodes in a fraction of the time.
            image.draft(None, (width // shrink, height // shrink))
        image.load()
        # A CMYK JPEG is inverted when Adobe's marker says so; Pillow inverts every one.
        straight_cmyk = image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info
        upright = _orientation(image)
        picture = _to_rgb(ImageChops.invert(image) if straight_cmyk else image, shown, notes)
    shrink = min(picture.size) // WORKING_SIDE
    if shrink >= 2:
        picture = picture.reduce(shrink)
    if picture.size not in ((width, height), (height, width)):
        notes.append(f"shrunk from {width} × {height}")
    if upright in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[upright])
        notes.append("rotated as its EXIF block says")
    return Picture(np.array(picture), tuple(notes))


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; 1 where the block is missing or unreadable."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a corrupt block raises anything; the picture itself is still good
        return 1


def _to_rgb(image: Image.Image, shown: str, notes: list[str]) -> Image.Image:
    """`image` in mode RGB."""
    if image.mode == "RGB" and not image.has_transparency_data:
        return image.copy()
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        notes.append("16-bit grey converted" if image.mode.startswith("I") else "real-valued grey converted")
        return Image.fromarray(_grey_to_8_bit(np.asarray(image), shown)).convert("RGB")
    if image.has_transparency_data:
        notes.append("transparency laid over white")
        layer = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(layer, mask=layer.getchannel("A"))
        return white
    if image.mode in ("CMYK", "LAB"):
        notes.append(f"converted from {image.mode}")
    try:
        return image.convert("RGB")
    except ValueError:
        raise ImageError(
            f"{shown} has the colour mode {image.mode}, which cannot be converted to RGB."
        ) from None


def _grey_to_8_bit(grey: np.ndarray, shown: str) -> np.ndarray:
    """Grey of more than 8 bits as uint8: 0..65535 for integers and 0..1 for reals map to 0..255.

    Values outside those ranges have no agreed scale; they are stretched from their minimum to their maximum.
    """
    if grey.dtype == np.uint16:
        return ((np.arange(65536) * 255 + 32767) // 65535).astype(np.uint8)[grey]
    values = grey.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.any():
        raise ImageError(f"{shown} has no finite pixel value.")
    low, high = float(values[finite].min()), float(values[finite].max())
    top = 1.0 if grey.dtype.kind == "f" else 65535.0
    if low >= 0 and high <= top:
        low, high = 0.0, top
    values = np.nan_to_num(values, copy=False, nan=low, posinf=high, neginf=low)
    # halved before subtracting: the span of two finite float32 may exceed float32
    return np.rint((values / 2 - low / 2) / max(high / 2 - low / 2, np.finfo(np.float32).tiny) * 255).astype(
        np.uint8
    )
