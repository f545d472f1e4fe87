"""What a pixel means is taken from the file: depths from 1 to 32 bits, inks, and colour profiles."""

import struct
import zlib
from collections.abc import Callable

import icc_profiles as icc
import numpy as np
import odd_pictures as odd
import pytest
from containers import png, png_chunk
from odd_pictures import GREY, GREYS, INDEX, LOSSY, PALETTE, PHOTO, QUADRANTS, greys, jpeg, saved
from PIL import ImageChops

WHITE = "transparency laid over white"
P3 = "colours converted from Display P3"


def through(primaries: tuple, quadrants: np.ndarray = QUADRANTS, gamma: float = 2.2) -> np.ndarray:
    """`quadrants` in the RGB of `primaries` (XYZ under D50) as sRGB, by the formulas of the standards."""
    of_srgb = np.array([[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]])
    linear = (quadrants / 255) ** gamma @ np.array(primaries) @ np.linalg.inv(of_srgb)
    clipped = np.clip(linear, 0, 1)
    return 255 * np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)


SHARP_P3, ADOBE = through(icc.P3), through(icc.ADOBE)
FOUR_GREYS = greys(0, 78, 156, 255)
BLACK_WHITE = greys(0, 0, 255, 255)
U16 = [0, 20000, 40000, 65535]

# name: bytes, quadrants, notes, tolerance
READ: dict[str, tuple[Callable[[], bytes], np.ndarray | list, tuple[str, ...], int]] = {
    # grey of more than 8 bits
    "16-bit grey": (lambda: odd.grey16(U16), FOUR_GREYS, ("16-bit grey converted",), 0),
    "16-bit grey, tRNS": (
        lambda: png(np.array(U16)[INDEX], 16, 0, png_chunk(b"tRNS", struct.pack(">H", 40000))),
        greys(0, 78, 255, 255),
        ("16-bit grey converted", WHITE),
        0,
    ),
    "12 bits in 16": (
        lambda: odd.grey16([0, 1000, 2000, 4000]),
        greys(0, 62, 125, 249),
        ("grey taken as 12-bit: no value above 4,000",),
        0,
    ),
    "8 bits in 16": (
        lambda: odd.grey16([0, 80, 160, 250], "TIFF"),
        greys(0, 80, 160, 250),
        ("grey taken as 8-bit: no value above 250",),
        0,
    ),
    "a dark photo stays dark": (
        lambda: odd.grey16([0, 4100, 4200, 5000]),
        greys(0, 64, 65, 78),
        ("grey taken as 14-bit: no value above 5,000",),
        0,
    ),
    "8 bits in 32": (
        lambda: saved(np.array([0, 80, 160, 250], np.int32)[INDEX], "TIFF"),
        greys(0, 80, 160, 250),
        ("grey taken as 8-bit: no value above 250",),
        0,
    ),
    "32-bit grey": (
        lambda: saved(np.array([-1000, 0, 1000, 3000], np.int32)[INDEX], "TIFF"),
        greys(0, 64, 128, 255),
        ("grey stretched from -1,000 to 3,000",),
        0,
    ),
    "signed 16-bit grey": (
        lambda: odd.tiff_grey([-1000, 0, 1000, 3000], "<i2", 16, {339: (2,)}),
        greys(0, 64, 128, 255),
        ("grey stretched from -1,000 to 3,000",),
        0,
    ),
    "big-endian 16-bit grey": (lambda: odd.tiff_grey(U16, ">u2", 16), FOUR_GREYS, ("16-bit grey converted",), 0),
    "16-bit grey in which 0 is white": (
        lambda: odd.tiff_grey(U16, "<u2", 16, {262: (0,)}),
        greys(255, 177, 99, 0),
        ("16-bit grey converted",),
        0,
    ),
    "12-bit grey": (odd.tiff_12_bits, greys(0, 62, 125, 255), ("grey of more than 8 bits converted",), 0),
    "real-valued grey": (
        lambda: saved(np.array([0, 0.25, 0.5, 1], np.float32)[INDEX], "TIFF"),
        greys(0, 64, 128, 255),
        ("real-valued grey of 0 to 1 converted",),
        0,
    ),
    "real-valued grey of no known scale": (
        lambda: saved(np.array([0, 100, 200, 400], np.float32)[INDEX], "TIFF"),
        greys(0, 64, 128, 255),
        ("real-valued grey stretched from 0 to 400",),
        0,
    ),
    "PGM of 16 bits": (
        lambda: b"P5 48 32 65535\n" + np.array(U16, ">u2")[INDEX].tobytes(),
        FOUR_GREYS,
        ("16-bit grey converted",),
        0,
    ),
    "PGM that declares its white": (
        lambda: b"P5 48 32 4095\n" + np.array([0, 100, 200, 1000], ">u2")[INDEX].tobytes(),
        greys(0, 6, 12, 62),
        ("grey of more than 8 bits converted",),
        0,
    ),
    "plain PGM that declares its white": (
        lambda: b"P2 48 32 1000\n" + b" ".join(b"%d" % v for v in np.array([0, 300, 600, 900])[INDEX].ravel()),
        greys(0, 76, 153, 229),
        ("grey of more than 8 bits converted",),
        1,
    ),
    "PFM": (
        lambda: saved(np.array([0, 0.25, 0.5, 1], np.float32)[INDEX], "PPM"),
        greys(0, 64, 128, 255),
        ("real-valued grey of 0 to 1 converted",),
        0,
    ),
    "PBM": (lambda: saved(INDEX > 1, "PPM"), BLACK_WHITE, (), 0),
    # colours of more than 8 bits
    "PPM of 16 bits": (
        lambda: b"P6 48 32 65535\n" + (PHOTO.astype(int) * 257).astype(">u2").tobytes(),
        QUADRANTS,
        (),
        0,
    ),
    "PPM of 12 bits in 16": (
        lambda: b"P6 48 32 65535\n" + (PHOTO.astype(int) * 16).astype(">u2").tobytes(),
        QUADRANTS,
        ("colours taken as 12-bit: no value above 3,680",),
        1,
    ),
    "16-bit colours": (lambda: odd.deep_colour(65535, "PNG"), QUADRANTS, (), 0),
    "colours of 12 bits in 16": (
        lambda: odd.deep_colour(4095, "PNG"),
        QUADRANTS,
        ("colours taken as 12-bit: no value above 3,693",),
        1,
    ),
    "colours of 12 bits in 16, TIFF": (
        lambda: odd.deep_colour(4095, "TIFF"),
        QUADRANTS,
        ("colours taken as 12-bit: no value above 3,693",),
        1,
    ),
    "colours of 8 bits in 16": (
        lambda: odd.deep_colour(255, "PNG"),
        QUADRANTS,
        ("colours taken as 8-bit: no value above 230",),
        0,
    ),
    # inks
    "CMYK of Adobe": (lambda: jpeg(odd.cmyk()), QUADRANTS, ("converted from CMYK",), LOSSY),
    "CMYK without Adobe's marker": (
        lambda: odd.without_adobe(jpeg(ImageChops.invert(odd.cmyk()))),
        QUADRANTS,
        ("converted from CMYK",),
        LOSSY,
    ),
    "CMYK TIFF": (lambda: saved(odd.cmyk(), "TIFF"), QUADRANTS, ("converted from CMYK",), 1),
    "CMYK with its press": (
        lambda: saved(odd.cmyk(), "TIFF", icc_profile=icc.inks("Dull Press")),
        [[177, 70, 1], [99, 119, 72], [106, 79, 120], [230, 204, 136]],
        ("converted from CMYK", "colours converted from Dull Press"),
        6,
    ),
    # colour profiles
    "P3 JPEG": (lambda: jpeg(icc_profile=odd.p3()), SHARP_P3, (P3,), LOSSY),
    "P3 PNG": (lambda: odd.png_profile(odd.p3()), SHARP_P3, (P3,), 2),
    "P3 WebP": (lambda: saved(PHOTO, "WEBP", lossless=True, icc_profile=odd.p3()), SHARP_P3, (P3,), 2),
    "P3 AVIF": (lambda: saved(PHOTO, "AVIF", quality=95, icc_profile=odd.p3()), SHARP_P3, (P3,), LOSSY),
    "P3 HEIC": (lambda: odd.heic(icc_profile=odd.p3()), SHARP_P3, (P3,), LOSSY),
    "P3 palette": (
        lambda: png(INDEX, 8, 3, PALETTE, png_chunk(b"iCCP", b"n\0\0" + zlib.compress(odd.p3()))),
        SHARP_P3,
        (P3,),
        2,
    ),
    "P3 with alpha": (
        lambda: saved(odd.with_alpha(), icc_profile=odd.p3()),
        [SHARP_P3[0], SHARP_P3[1] * 128 / 255 + 127, [255] * 3, SHARP_P3[3]],
        (WHITE, P3),
        3,
    ),
    "P3 on grey": (lambda: saved(GREY, icc_profile=odd.p3()), through(icc.P3, GREYS), (P3,), 2),
    "a profile of 2 MB": (lambda: odd.png_profile(odd.p3() + bytes(2_000_000)), SHARP_P3, (P3,), 2),
    "Adobe RGB": (
        lambda: saved(PHOTO, "TIFF", icc_profile=icc.rgb("Adobe RGB (1998)", icc.ADOBE)),
        ADOBE,
        ("colours converted from Adobe RGB (1998)",),
        2,
    ),
    "grey with a curve": (
        lambda: saved(GREY, icc_profile=icc.grey("Gray Gamma 1.8", 1.8)),
        through(np.diag([1.0, 1, 1]) @ np.array(icc.P3), GREYS, 1.8),
        ("colours converted from Gray Gamma 1.8",),
        2,
    ),
    "16-bit grey with a curve": (
        lambda: saved(np.array(U16, np.uint16)[INDEX], "TIFF", icc_profile=icc.grey("Gray Gamma 1.8", 1.8)),
        through(icc.P3, FOUR_GREYS, 1.8),
        ("16-bit grey converted", "colours converted from Gray Gamma 1.8"),
        2,
    ),
    "sRGB": (lambda: saved(PHOTO, icc_profile=odd.srgb()), QUADRANTS, (), 0),
    "sRGB on grey": (lambda: saved(GREY, icc_profile=odd.srgb()), GREYS, (), 0),
    "a profile of another kind of picture": (
        lambda: saved(PHOTO, "TIFF", icc_profile=icc.grey("Gray", 1.8)),
        QUADRANTS,
        ("colour profile ignored: Gray is not for such a picture",),
        0,
    ),
    "no profile at all": (
        lambda: saved(PHOTO, icc_profile=b"no profile"),
        QUADRANTS,
        ("colour profile ignored: it is broken",),
        0,
    ),
    "a profile cut short": (
        lambda: saved(PHOTO, icc_profile=odd.p3()[:200]),
        QUADRANTS,
        ("colour profile ignored: it is broken",),
        0,
    ),
    "a profile without its tags": (
        lambda: saved(PHOTO, icc_profile=odd.p3()[:128] + bytes(400)),
        QUADRANTS,
        ("colour profile ignored: it is broken",),
        0,
    ),
    "a profile that cannot be unpacked": (
        lambda: odd.png_profile(odd.p3(), method=7),
        QUADRANTS,
        ("colour profile ignored: it is broken",),
        0,
    ),
    "a profile above 4 MB": (
        lambda: saved(PHOTO, "TIFF", icc_profile=odd.p3() + bytes(4_000_001)),
        QUADRANTS,
        ("colour profile ignored: above 4 MB",),
        0,
    ),
    "a profile above 4 MB in PNG": (
        lambda: odd.png_profile(odd.p3() + bytes(4_000_001)),
        QUADRANTS,
        ("colour profile ignored: above 4 MB",),
        0,
    ),
}


@pytest.mark.parametrize("name", READ)
def test_is_read(name: str):
    odd.check_read(name, *READ[name])
