"""Every kind of picture that visitors upload is read with the right colours, upright, and with true notes.

The pictures are made by odd_pictures.py: four quadrants of known colours. Depths and colours: test_odd_colours.py.
"""

from collections.abc import Callable

import numpy as np
import odd_pictures as odd
import pytest
from containers import png, png_chunk, tiff
from odd_pictures import GREY, GREYS, INDEX, LOSSY, OVER_WHITE, PALETTE, PHOTO, QUADRANTS, greys, jpeg, saved

from xnorlab.images import open_image

ROTATED = "rotated as its EXIF block says"
WHITE = "transparency laid over white"
FIRST = "animated: first frame taken"
BLACK_WHITE = greys(0, 0, 255, 255)

# name: bytes, quadrants, notes, tolerance
READ: dict[str, tuple[Callable[[], bytes], np.ndarray | list, tuple[str, ...], int]] = {
    **{
        f"{format} orientation {turn}": (
            lambda format=format, turn=turn: odd.oriented(turn, format),
            QUADRANTS,
            () if turn == 1 else (ROTATED,),
            LOSSY if format == "JPEG" else 0,
        )
        for format in ("JPEG", "TIFF", "PNG")
        for turn in range(1, 9)
    },
    "HEIC": (odd.heic, QUADRANTS, (), LOSSY),
    "MPO": (lambda: odd.animated("MPO", quality=95), QUADRANTS, (), LOSSY),
    "progressive JPEG": (lambda: jpeg(progressive=True), QUADRANTS, (), LOSSY),
    "corrupt EXIF": (lambda: jpeg(exif=b"Exif\0\0II*\0\xff\xff\xff\x7f"), QUADRANTS, (), LOSSY),
    # palettes and few bits
    "palette of 1 bit": (lambda: png(INDEX // 2, 1, 3, PALETTE), QUADRANTS[[0, 0, 1, 1]], (), 0),
    "palette of 2 bits": (lambda: png(INDEX, 2, 3, PALETTE), QUADRANTS, (), 0),
    "palette of 4 bits, interlaced": (lambda: png(INDEX, 4, 3, PALETTE, interlaced=True), QUADRANTS, (), 0),
    "palette with alpha": (
        lambda: png(INDEX, 8, 3, PALETTE, png_chunk(b"tRNS", bytes([255, 128, 0]))),
        OVER_WHITE,
        (WHITE,),
        1,
    ),
    "palette in GIF with a hole": (
        lambda: saved(odd.with_alpha(), "GIF"),
        [*QUADRANTS[:2], [255] * 3, QUADRANTS[3]],
        (WHITE,),
        0,
    ),
    "1 bit": (lambda: png(INDEX // 2, 1, 0), BLACK_WHITE, (), 0),
    "2 bits, tRNS": (lambda: png(INDEX, 2, 0, png_chunk(b"tRNS", b"\0\1")), greys(0, 255, 170, 255), (WHITE,), 0),
    "4 bits, tRNS": (lambda: png(INDEX * 4, 4, 0, png_chunk(b"tRNS", b"\0\4")), greys(0, 255, 136, 204), (WHITE,), 0),
    "8 bits, tRNS": (lambda: png(GREY, 8, 0, png_chunk(b"tRNS", b"\0\x96")), greys(30, 90, 255, 220), (WHITE,), 0),
    "interlaced": (lambda: png(PHOTO, 8, 2, interlaced=True), QUADRANTS, (), 0),
    # alpha
    "RGBA": (lambda: saved(odd.with_alpha()), OVER_WHITE, (WHITE,), 1),
    "grey alpha": (lambda: saved(odd.with_alpha("LA")), greys(30, 172, 255, 220), (WHITE,), 1),
    "grey alpha of 16 bits": (
        lambda: png(np.stack([GREY, odd.HALF], -1).astype(int) * 257, 16, 4),
        greys(30, 172, 255, 220),
        (WHITE,),
        1,
    ),
    "alpha multiplied in": (odd.tiff_premultiplied_grey, greys(30, 172, 255, 220), (WHITE,), 2),
    "alpha 0 everywhere": (
        lambda: saved(odd.with_alpha(alpha=odd.HALF * 0)),
        QUADRANTS,
        ("transparent everywhere: shown by its colours",),
        0,
    ),
    "grey, alpha 0 everywhere": (
        lambda: saved(odd.with_alpha("LA", odd.HALF * 0)),
        GREYS,
        ("transparent everywhere: shown by its colours",),
        0,
    ),
    "alpha 255 everywhere": (lambda: saved(odd.with_alpha(alpha=odd.HALF * 0 + 255)), QUADRANTS, (), 0),
    "16-bit colours, tRNS": (odd.deep_key, [*QUADRANTS[:2], [255] * 3, QUADRANTS[3]], (WHITE,), 0),
    # several pictures in one
    "animated GIF": (lambda: odd.animated("GIF"), QUADRANTS, (FIRST,), 0),
    "animated WebP": (lambda: odd.animated("WEBP", lossless=True), QUADRANTS, (FIRST,), 0),
    "animated PNG": (lambda: odd.animated("PNG"), QUADRANTS, (FIRST,), 0),
    "animated AVIF": (lambda: odd.animated("AVIF", quality=95), QUADRANTS, (FIRST,), LOSSY),
    "TIFF of several pages": (lambda: odd.animated("TIFF"), QUADRANTS, ("first of several pages taken",), 0),
    # kinds of TIFF and BMP
    "LZW": (lambda: saved(PHOTO, "TIFF", compression="tiff_lzw"), QUADRANTS, (), 0),
    "planes": (odd.tiff_planes, QUADRANTS, (), 0),
    "planes of 16 bits": (lambda: odd.tiff_planes(16), QUADRANTS, (), 0),
    "tiles": (odd.tiff_tiles, QUADRANTS, (), 0),
    "big-endian": (
        lambda: tiff([PHOTO.tobytes()], (48, 32), {258: (8,) * 3, 262: (2,), 277: (3,)}, ">"),
        QUADRANTS,
        (),
        0,
    ),
    "BMP of 32 bits": (lambda: saved(odd.with_alpha(alpha=odd.HALF * 0 + 255), "BMP"), QUADRANTS, (), 0),
    "DIB": (lambda: saved(PHOTO, "DIB"), QUADRANTS, (), 0),
    # texts that Pillow refuses
    "huge text": (lambda: odd.huge_text(b"zTXt"), QUADRANTS, (), 0),
    "huge text after the pixels": (lambda: odd.huge_text(b"zTXt", at_end=True), QUADRANTS, (), 0),
    "huge international text": (lambda: odd.huge_text(b"iTXt"), QUADRANTS, (), 0),
}


@pytest.mark.parametrize("name", READ)
def test_is_read(name: str):
    odd.check_read(name, *READ[name])


@pytest.mark.parametrize("shape", [(5000, 1), (1, 5000), (3, 2000)])
def test_panoramas_keep_their_shape(shape: tuple[int, int]):
    pixels = np.full((*shape, 3), 90, np.uint8)
    assert np.array_equal(open_image(saved(pixels)), pixels)
