"""File formats by name suffix and first bytes: those that are read, and others that are often taken for pictures."""

import codecs
import functools
import importlib
from typing import IO

from PIL import AvifImagePlugin, TiffImagePlugin, WebPImagePlugin

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif"}
)
"""Suffixes, in lower case, of the names of files that are read; all code that reads folders uses them."""

READ = "JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF, HEIC"
"""The formats that are read, as messages list them."""

# Pillow also knows formats that start other programs (EPS) or hold no photo; no visitor's file is opened as one.
# WebP, TIFF and AVIF are not in the set that Pillow loads first: their modules register themselves when imported.
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

_OTHER_BEGINNINGS = {
    b"%PDF": "a PDF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"8BPS": "a Photoshop document",
    b"gimp xcf": "a GIMP document",
    b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL ": "a JPEG XL",
    b"\0\0\0\x0cjP  ": "a JPEG 2000",
    b"\xff\x4f\xff\x51": "a JPEG 2000",
    b"v/1\x01": "an OpenEXR",
    b"#?RADIANCE": "a Radiance HDR",
    b"DDS ": "a DirectDraw surface",
    b"qoif": "a QOI",
    b"\0\0\x01\0": "a Windows icon",
    b"icns": "an Apple icon",
    b"SIMPLE  =": "a FITS file",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"FUJIFILMCCD-RAW": "a camera's raw file",
    b"IIU\0": "a camera's raw file",
    b"IIRO": "a camera's raw file",
    b"PK\x03\x04": "a zip archive or office document",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x1aE\xdf\xa3": "a video",
    b"\xd0\xcf\x11\xe0": "an old office document",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
_OTHER_BRANDS = {b"crx ": "a camera's raw file", b"M4A ": "a sound file"}  # by the brand in an ftyp box


def formats_for(file: IO[bytes]) -> tuple[str, ...]:
    """Pillow's names of the formats that Pillow may open `file` as."""
    return _FORMATS + heic_formats() if _begins_like_heic(file) else _FORMATS


def _begins_like_heic(file: IO[bytes]) -> bool:
    """Whether `file` begins like a phone's HEIC photo (an AVIF may begin like one, too)."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS


@functools.cache
def heic_formats() -> tuple[str, ...]:
    """Pillow's name of the HEIC format, as pillow-heif registers it; empty if that package is not installed."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return ()
    return ("HEIF",)


def named_by_beginning(head: bytes) -> str | None:
    """Name the format that the first bytes of a file claim.

    Args:
        head: The first 32 bytes of the file, or more.

    Returns:
        One of the formats that are read; None for any other file.
    """
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


def other_kind(head: bytes) -> str | None:
    """Name what a file is that is not read here, with its article ("a PDF").

    Args:
        head: The first 1,024 bytes of the file, or all of it.

    Returns:
        The name; None if the kind of file is not known.
    """
    for beginning, kind in _OTHER_BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    if head[4:8] == b"ftyp":
        return _OTHER_BRANDS.get(head[8:12], "a video")
    if head[:4] == b"RIFF":
        return {b"AVI ": "a video", b"WAVE": "a sound file"}.get(head[8:12])
    if head[128:132] == b"DICM":
        return "a DICOM file"
    return _kind_of_text(head)


def _kind_of_text(head: bytes) -> str | None:
    try:  # incrementally, since `head` may end inside a character
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return None
    lower = text.lstrip().lower()
    if "<svg" in lower:
        return "an SVG drawing"
    if lower.startswith(("<!doctype html", "<html")):
        return "a web page"
    readable = all(character.isprintable() or character in "\n\r\t\f" for character in text)
    return "a text" if readable and text else None
