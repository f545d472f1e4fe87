"""The formats that are read: their names in Pillow, the endings of their files, and how such a file begins."""

import functools
import importlib
from typing import IO

from PIL import AvifImagePlugin, TiffImagePlugin, WebPImagePlugin

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif"}
)
"""Endings, in small letters, of the names of files that are read here; every reader of folders goes by them."""

READ = "JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF, HEIC"
"""The formats as messages list them."""

# Pillow also knows formats that start other programs (EPS) or hold no photo; no visitor's file reaches those.
# WebP, TIFF and AVIF are outside Pillow's quick start set: their modules register themselves when imported.
_PLUGINS = (WebPImagePlugin, TiffImagePlugin, AvifImagePlugin)
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "DIB")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BEGINNINGS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    **{b"P%d" % kind + space: "PPM" for kind in range(1, 7) for space in (b" ", b"\n", b"\r", b"\t", b"#")},
    b"Pf\n": "PPM",
}


def formats_for(file: IO[bytes]) -> tuple[str, ...]:
    """Pillow's names of the formats that `file` may have."""
    return _FORMATS + heic_formats() if begins_like_heic(file) else _FORMATS


def begins_like_heic(file: IO[bytes]) -> bool:
    """Whether `file` begins like a phone's HEIC photo (an AVIF may begin so, too)."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS


@functools.cache
def heic_formats() -> tuple[str, ...]:
    """Pillow's name of the HEIC format, as pillow-heif registers it; nothing where that package is missing."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return ()
    return ("HEIF",)


def named_by_beginning(head: bytes) -> str | None:
    """The format, of those that are read, that a file with the first bytes `head` (32 or more) claims to have."""
    for beginning, name in _BEGINNINGS.items():
        if head.startswith(beginning):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return "AVIF"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return "HEIC"
    return None
