"""From any photo to the pixels that a network sees; numpy and Pillow only.

`open_image` turns whatever a visitor hands in into upright 8-bit RGB, or refuses it with one sentence.
`Preprocessing` takes such a picture on to a network's input.
"""

import contextlib
import functools
import importlib
import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from PIL import AvifImagePlugin, Image, ImageChops, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from xnorlab.preprocessing import Preprocessing

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "WORKING_SIDE",
    "ImageError",
    "Picture",
    "Preprocessing",
    "open_image",
    "read_image",
]

MAX_PIXELS = 64_000_000
"""Pictures with more pixels are refused by their header, before decoding; 50-megapixel phones fit."""

_LIMIT = f"{MAX_PIXELS // 10**6} million"

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif"}
)
"""Endings, in small letters, of the names of files that are read here; every reader of folders goes by them."""

WORKING_SIDE = 512
"""Large pictures are shrunk by a whole factor while they are read; the short side never falls below this."""

# Pillow also knows formats that start other programs (EPS) or hold no photo; no visitor's file reaches those.
# WebP, TIFF and AVIF are outside Pillow's quick start set: their modules register themselves when imported.
_PLUGINS = (WebPImagePlugin, TiffImagePlugin, AvifImagePlugin)
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

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

LARGE_PIXELS = 8_000_000
"""Pictures with more pixels are decoded one at a time, so that many visitors together stay within bounds too."""

_one_large = threading.Lock()
_quiet = threading.Lock()
_quiet_threads = 0
_quiet_filters = warnings.catch_warnings()


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
    transparency laid over white; of an animation the first frame. JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF; HEIC
    where the package pillow-heif is installed.
    A picture whose short side is at least twice WORKING_SIDE is shrunk by a whole factor on the way.
    `name` is what messages call the picture; by default its path. Raises ImageError.
    """
    file, shown = _as_file(source, name)
    with _without_warnings(), file:
        try:
            return _decode(file, shown)
        except ImageError:
            raise
        except UnidentifiedImageError:
            raise ImageError(f"{shown} {_why_not_an_image(file)}") from None
        except Image.DecompressionBombError:  # raised at twice Pillow's own limit, before the size is known here
            raise ImageError(f"{shown} has more pixels than the {_LIMIT} allowed.") from None
        except MemoryError:
            raise ImageError(f"{shown} needs more memory than there is.") from None
        except Exception as error:  # on bad data Pillow raises anything from struct.error to IndexError
            reason = _one_line(str(error) or type(error).__name__)
            if "truncated" in reason.lower() or isinstance(error, EOFError):
                raise ImageError(f"{shown} is cut short: part of the picture is missing.") from None
            raise ImageError(f"{shown} is damaged: {reason}.") from None


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Pillow warns on suspicious sizes and corrupt metadata; both are dealt with here.

    `warnings.catch_warnings` alone is not thread-safe: of two threads that overlap, the later one would restore the
    filters that the earlier one had set. So the first to come sets them and the last to go restores them.
    """
    global _quiet_threads, _quiet_filters
    with _quiet:
        _quiet_threads += 1
        if _quiet_threads == 1:
            _quiet_filters = warnings.catch_warnings()
            _quiet_filters.__enter__()
            warnings.simplefilter("ignore")
    try:
        yield
    finally:
        with _quiet:
            _quiet_threads -= 1
            if _quiet_threads == 0:
                _quiet_filters.__exit__(None, None, None)


def _as_file(source: Any, name: str | None) -> tuple[IO[bytes], str]:
    """`source` as a seekable binary file that holds something, and the name to call it by."""
    if isinstance(source, str | os.PathLike):
        shown = _shown(os.fsdecode(source) if name is None else name)
        return _open_file(source, shown), shown
    if isinstance(source, bytes | bytearray | memoryview):
        shown = _shown("the picture" if name is None else name)
        data = bytes(source)
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


def _open_file(path: str | os.PathLike, shown: str) -> IO[bytes]:
    try:
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode) and status.st_size > 0:
            return open(path, "rb")
    except FileNotFoundError:
        raise ImageError(f"{shown} does not exist.") from None
    except OSError as error:
        raise ImageError(f"{shown} cannot be opened: {(error.strerror or str(error)).lower()}.") from None
    except ValueError:  # a name that holds a null character
        raise ImageError(f"{shown} is not a possible file name.") from None
    if stat.S_ISREG(status.st_mode):
        raise ImageError(f"{shown} is empty (0 bytes).")
    # a pipe or a device might never end
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
    raise ImageError(f"{shown} is {kind}, not a picture.")


def _shown(name: str) -> str:
    """`name` on one printable line of at most 80 characters."""
    line = _one_line(name)
    return line if len(line) <= 80 else f"{line[:39]}…{line[-40:]}"


def _one_line(text: str) -> str:
    """`text` with every unprintable character (newline, control, lone surrogate) written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _is_heic(file: IO[bytes]) -> bool:
    """Whether `file` begins like a phone's HEIC photo (an AVIF may begin so, too)."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS


@functools.cache
def _heic_formats() -> tuple[str, ...]:
    """Pillow's name of the HEIC format, as pillow-heif registers it; nothing where that package is missing."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return ()
    return ("HEIF",)


def _why_not_an_image(file: IO[bytes]) -> str:
    if not _is_heic(file):
        return "is not an image in a format that is read here (JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF, HEIC)."
    if _heic_formats():
        return "is damaged: it begins like a HEIC photo, but is none."
    return "is a HEIC photo, which is read with the package pillow-heif (pip install pillow-heif); or save it as JPEG."


def _decode(file: IO[bytes], shown: str) -> Picture:
    notes: list[str] = []
    formats = _FORMATS + _heic_formats() if _is_heic(file) else _FORMATS
    with Image.open(file, formats=formats) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ImageError(f"{shown} has {width:,} × {height:,} pixels, more than the {_LIMIT} allowed.")
        if width < 1 or height < 1:
            raise ImageError(f"{shown} has no pixels ({width} × {height}).")
        if getattr(image, "is_animated", False) and image.format not in ("MPO", "HEIF"):
            notes.append("animated: first frame taken")
        shrink = min(width, height) // WORKING_SIDE
        if shrink >= 2 and image.format in ("JPEG", "MPO", "HEIF"):
            # libjpeg skips what is not needed: a 12-megapixel photo took 27 ms instead of 378 ms. HEIC has a second,
            # smaller copy now and then; without one it is decoded whole.
            image.draft(None, (width // shrink, height // shrink))
        with _one_large if width * height > LARGE_PIXELS else contextlib.nullcontext():
            image.load()
            picture = _to_rgb(image, shown, notes)
        upright = _orientation(image)
        if shrink >= 2:
            notes.append(f"shrunk from {width:,} × {height:,}")
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
    """`image` in mode RGB, shrunk by a whole factor where it is large."""
    colour_key = "transparency" in image.info  # a palette entry or colour that means "transparent"
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK", "I", "F") and not colour_key:
        image = _shrunk(image)  # first, so that a large picture is not held twice in full
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow inverts every CMYK JPEG; only Adobe's are stored inverted
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        notes.append("real-valued grey converted" if image.mode == "F" else "16-bit grey converted")
        image = Image.fromarray(_grey_to_8_bit(np.asarray(image), shown))
    elif image.has_transparency_data:
        notes.append("transparency laid over white")
        layer = image.convert("RGBA")
        image = Image.new("RGB", image.size, (255, 255, 255))
        image.paste(layer, mask=layer.getchannel("A"))
    elif image.mode == "CMYK":
        notes.append("converted from CMYK")
    if image.mode == "LAB":
        raise ImageError(f"{shown} has the colour mode LAB, which is not converted here; save it as RGB.")
    return _shrunk(image.convert("RGB"))


def _shrunk(image: Image.Image) -> Image.Image:
    """`image` reduced by the largest whole factor that leaves its short side at WORKING_SIDE or more."""
    factor = min(image.size) // WORKING_SIDE
    return image.reduce(factor) if factor >= 2 else image


def _grey_to_8_bit(grey: np.ndarray, shown: str) -> np.ndarray:
    """Grey of more than 8 bits as uint8: 0..65535 for integers and 0..1 for reals map to 0..255.

    Values outside those ranges have no agreed scale; they are stretched from their minimum to their maximum.
    """
    if grey.dtype.kind == "u" and grey.dtype.itemsize == 2:
        return ((np.arange(65536) * 255 + 32767) // 65535).astype(np.uint8)[grey]
    # ±1e37 keeps the span of two extreme values inside float32
    values = np.clip(np.array(grey, np.float32), -1e37, 1e37)
    finite = np.isfinite(grey)
    if not finite.any():
        raise ImageError(f"{shown} has no finite pixel value.")
    low = float(values.min(where=finite, initial=np.inf))
    high = float(values.max(where=finite, initial=-np.inf))
    top = 1.0 if grey.dtype.kind == "f" else 65535.0
    if low >= 0 and high <= top:
        low, high = 0.0, top
    values[np.isnan(values)] = low
    values -= np.float32(low)
    values *= np.float32(255 / max(high - low, 1e-37))
    return np.rint(np.clip(values, 0, 255, out=values), out=values).astype(np.uint8)
