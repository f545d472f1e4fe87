"""A file that cannot be read is refused with one sentence: no picture, not read here, cut short, damaged, too large."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import odd_pictures as odd
import pillow_heif
import pytest
from containers import png, tiff
from odd_pictures import PHOTO, jpeg, saved
from PIL import Image

from xnorlab.images import SUFFIXES, ImageError, open_image

LIST = "(JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF, HEIC)"
NO_IMAGE = f"is not an image in a format that is read here {LIST}"


def cut(data: bytes, kept: int) -> bytes:
    return data[:kept]


def edited(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty (0 bytes)."),
    # no pictures, or pictures in other formats
    "text": (lambda: "these are words, also naïve ones".encode(), f"{NO_IMAGE}: it is a text."),
    "web page": (lambda: b"<!doctype html><p>404", f"{NO_IMAGE}: it is a web page."),
    "EPS": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", f"{NO_IMAGE}: it is PostScript."),
    "SVG": (lambda: b"<?xml version='1.0'?>\n<svg/>", f"{NO_IMAGE}: it is an SVG drawing."),
    "PDF": (lambda: b"%PDF-1.7\n", f"{NO_IMAGE}: it is a PDF."),
    "zip": (lambda: b"PK\3\4" + bytes(30), f"{NO_IMAGE}: it is a zip archive or office document."),
    "video": (lambda: b"\0\0\0\x20ftypisom" + bytes(30), f"{NO_IMAGE}: it is a video."),
    "JPEG XL": (lambda: b"\xff\x0a" + bytes(30), f"{NO_IMAGE}: it is a JPEG XL."),
    "JPEG 2000": (lambda: saved(PHOTO, "JPEG2000"), f"{NO_IMAGE}: it is a JPEG 2000."),
    "Photoshop": (lambda: b"8BPS" + bytes(30), f"{NO_IMAGE}: it is a Photoshop document."),
    "icon": (lambda: saved(PHOTO, "ICO"), f"{NO_IMAGE}: it is a Windows icon."),
    "DICOM": (lambda: bytes(128) + b"DICM" + bytes(20), f"{NO_IMAGE}: it is a DICOM file."),
    "noise": (lambda: bytes(range(128, 256)) * 4, f"{NO_IMAGE}."),
    # kinds that are not read
    "TIFF of real colours": (
        lambda: odd.tiff_colour("<f4", 32, 3),
        "is a TIFF of a kind that is not read here: RGB of 3 × 32 bits, real-valued.",
    ),
    "TIFF of 32-bit colours": (
        lambda: odd.tiff_colour("<u4", 32, 1),
        "is a TIFF of a kind that is not read here: RGB of 3 × 32 bits, integer.",
    ),
    "TIFF of double precision": (
        lambda: odd.tiff_grey([0, 0.1, 0.2, 1], "<f8", 64, {339: (3,)}),
        "is a TIFF of a kind that is not read here: grey of 1 × 64 bits, real-valued.",
    ),
    "TIFF of four 16-bit planes": (
        lambda: tiff([bytes(48 * 32 * 2)] * 4, (48, 32), {258: (16,) * 4, 262: (5,), 277: (4,), 284: (2,)}),
        "is a TIFF of a kind that is not read here: CMYK of 4 × 16 bits, integer, in planes.",
    ),
    "TIFF of a sensor": (
        lambda: tiff([bytes(48 * 32)], (48, 32), {262: (32803,)}),
        "is a TIFF of a kind that is not read here: colour filter array of 1 × 8 bits, integer.",
    ),
    "TIFF of JPEG 2000": (
        lambda: tiff([bytes(4000)], (48, 32), {259: (34712,)}),
        "is a TIFF of a kind that is not read here: grey of 1 × 8 bits, integer, compression 34712.",
    ),
    "TIFF of Lab": (
        lambda: saved(Image.new("LAB", (48, 32)), "TIFF"),
        "has the colour mode LAB, which is not converted here; save it as RGB.",
    ),
    "JPEG of 12 bits": (
        lambda: edited(jpeg(), jpeg().index(b"\xff\xc0") + 4, 12),
        "is a JPEG of a kind that is not read here: 3 × 12 bits.",
    ),
    "BMP of JPEG": (
        lambda: edited(saved(PHOTO, "BMP"), 30, 4),
        "is a BMP of a kind that is not read here: unsupported BMP compression (4).",
    ),
    # cut short
    "TIFF cut before its directory": (
        lambda: cut(odd.tiff_planes(), 2000),
        "is cut short after 2,000 bytes of at least 4,618: part of the picture is missing.",
    ),
    "TIFF cut inside its pixels": (
        lambda: cut(saved(PHOTO, "TIFF"), 2000),
        "is cut short after 2,000 bytes of at least 4,748: part of the picture is missing.",
    ),
    "TIFF cut at its end": (
        lambda: cut(saved(PHOTO, "TIFF"), 4745),
        "is cut short after 4,745 bytes of at least 4,748: part of the picture is missing.",
    ),
    "JPEG cut in its pixels": (
        lambda: cut(jpeg(), len(jpeg()) - 20),
        f"is cut short after {len(jpeg()) - 20} bytes: part of the picture is missing.",
    ),
    "JPEG cut in its header": (
        lambda: cut(jpeg(), 15),
        "is cut short after 15 bytes of at least 20: part of the picture is missing.",
    ),
    "PNG cut in its pixels": (
        lambda: cut(png(np.random.default_rng(0).integers(0, 256, (32, 48, 3)), 8, 2), 1000),
        "is cut short after 1,000 bytes of at least 4,708: part of the picture is missing.",
    ),
    "PNG cut in its header": (
        lambda: cut(saved(PHOTO), 20),
        "is cut short after 20 bytes of at least 45: part of the picture is missing.",
    ),
    "PNG cut in its first bytes": (
        lambda: cut(saved(PHOTO), 5),
        "is cut short after 5 bytes: part of the picture is missing.",
    ),
    **{
        f"{format} cut in half": (
            lambda format=format: cut(saved(PHOTO, format), len(saved(PHOTO, format)) // 2),
            f"is cut short after {length // 2:,} bytes of at least {least:,}: part of the picture is missing.",
        )
        for format, length, least in (("BMP", 4662, 4662), ("PPM", 4621, 4621))
    },
    # damaged
    "PNG with a wrong checksum": (
        odd.wrong_checksum,
        "is a damaged PNG: the checksum of its IHDR chunk at byte 8 is wrong.",
    ),
    # too large
    "1 × 60,000,000 pixels": (
        lambda: odd.png_of_zeros(1, 60_000_000),
        "has 1 × 60,000,000 pixels, which take 960 MB of memory to read, more than the 600 MB allowed.",
    ),
    "9,000 × 8,000 pixels": (
        lambda: odd.png_of_zeros(9000, 8000),
        "has 9,000 × 8,000 pixels, more than the 64 million allowed.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str):
    make, sentence = REFUSED[name]
    with pytest.raises(ImageError) as caught:
        open_image(make(), name="x.png")
    assert str(caught.value) == f"x.png {sentence}"


@pytest.mark.parametrize("format", ["GIF", "WEBP", "AVIF", "HEIF"])
def test_cut_in_half_says_how_much_there_should_be(format: str):
    whole = odd.heic() if format == "HEIF" else saved(PHOTO, format)
    with pytest.raises(
        ImageError, match=rf"is cut short after {len(whole) // 2:,} bytes of at least \d+: part"
    ) as refused:
        open_image(cut(whole, len(whole) // 2))
    assert len(whole) // 2 < int(str(refused.value).partition("at least ")[2].partition(":")[0]) <= len(whole)


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(ImageError, match="is a folder, not a picture"):
        open_image(tmp_path)


def test_suffixes_are_those_of_the_formats_that_are_read():
    """Pillow's own list, of the formats that are read here; and what Pillow writes under each ending is read."""
    pillow_heif.register_heif_opener()
    Image.init()
    read = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "PPM", "AVIF", "HEIF")
    formats = {ending: format for ending, format in Image.registered_extensions().items() if format in read}
    assert set(formats) == SUFFIXES
    for ending, format in formats.items():
        file = io.BytesIO()
        (Image.fromarray(PHOTO) if ending != ".pfm" else Image.new("F", (48, 32))).save(file, format)
        assert open_image(file.getvalue(), name=f"picture{ending}").shape == (32, 48, 3)
