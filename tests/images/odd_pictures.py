"""Pictures of every kind that visitors upload, generated here: four quadrants of known colours at known places."""

import io
import struct
import zlib
from collections.abc import Callable

import icc_profiles as icc
import numpy as np
import pillow_heif
import pytest
from containers import png, png_chunk, png_with, tiff
from PIL import Image, ImageCms, TiffImagePlugin

from xnorlab.images import read_image

QUADRANTS = np.array([[200, 40, 40], [40, 180, 60], [50, 70, 200], [230, 220, 120]], np.uint8)
"""Top left, top right, bottom left, bottom right."""
GREYS = np.array([[30], [90], [150], [220]], np.uint8).repeat(3, axis=1)
SIZE = (32, 48)
INDEX = np.kron([[0, 1], [2, 3]], np.ones((16, 24), int))
"""(32, 48): which quadrant a pixel belongs to."""
PHOTO = QUADRANTS[INDEX]
GREY = GREYS[INDEX][..., 0]
HALF = np.array([255, 128, 0, 255], np.uint8)[INDEX]
"""Alpha: opaque, half, transparent, opaque."""
OVER_WHITE = np.array([[200, 40, 40], [147, 217, 157], [255, 255, 255], [230, 220, 120]], np.uint8)
LOSSY = 9
"""Mean difference of a quadrant after JPEG or AVIF: its edges are smeared."""
PALETTE = png_chunk(b"PLTE", QUADRANTS.tobytes())


def saved(image: Image.Image | np.ndarray, format: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, format, **options)
    return file.getvalue()


def jpeg(image: Image.Image | np.ndarray = PHOTO, **options) -> bytes:
    return saved(image, "JPEG", **{"quality": 95, "subsampling": 0, **options})


def heic(**options) -> bytes:
    pillow_heif.register_heif_opener()
    return saved(PHOTO, "HEIF", quality=95, **options)


def oriented(orientation: int, format: str) -> bytes:
    """PHOTO as a camera stores it that writes this tag."""
    lying = PHOTO.transpose(1, 0, 2)
    level = (PHOTO, PHOTO[:, ::-1], PHOTO[::-1, ::-1], PHOTO[::-1])
    stored = (*level, lying, lying[::-1], lying[::-1, ::-1], lying[:, ::-1])[orientation - 1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(np.ascontiguousarray(stored), format, exif=exif, **({"quality": 95} if format == "JPEG" else {}))


def with_alpha(mode: str = "RGBA", alpha: np.ndarray = HALF) -> Image.Image:
    image = Image.fromarray(PHOTO if mode == "RGBA" else GREY)
    image.putalpha(Image.fromarray(alpha))
    return image


def grey16(values: list[int] | np.ndarray, format: str = "PNG") -> bytes:
    return saved(np.asarray(values, np.uint16)[INDEX], format)


def cmyk() -> Image.Image:
    return Image.fromarray(PHOTO).convert("CMYK")


def without_adobe(data: bytes) -> bytes:
    """A CMYK JPEG without Adobe's marker, so that 0 means no ink."""
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def p3() -> bytes:
    return icc.rgb("Display P3", icc.P3)


def frames() -> list[Image.Image]:
    first = Image.fromarray(PHOTO)
    return [first, first.rotate(180), first.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]


def animated(format: str, **options) -> bytes:
    first, *rest = frames()
    return saved(first, format, save_all=True, append_images=rest, **options)


def tiff_planes(bits: int = 8) -> bytes:
    kind = "<u2" if bits == 16 else "u1"
    scale = 257 if bits == 16 else 1
    planes = [(PHOTO[..., band].astype(np.uint16) * scale).astype(kind).tobytes() for band in range(3)]
    return tiff(planes, (48, 32), {258: (bits,) * 3, 262: (2,), 277: (3,), 284: (2,)})


def tiff_tiles() -> bytes:
    padded = np.zeros((32, 64, 3), np.uint8)
    padded[:, :48] = PHOTO
    tiles = [padded[y : y + 16, x : x + 16].tobytes() for y in (0, 16) for x in (0, 16, 32)]
    return tiff(tiles, (48, 32), {258: (8,) * 3, 262: (2,), 277: (3,), 322: (16,), 323: (16,)})


def tiff_grey(values: list[float], kind: str, bits: int, tags: dict | None = None) -> bytes:
    order = ">" if kind.startswith(">") else "<"
    data = np.asarray(values).astype(kind)[INDEX].tobytes()
    return tiff([data], (48, 32), {258: (bits,), **(tags or {})}, order)


def tiff_12_bits() -> bytes:
    values = np.array([0, 1000, 2000, 4095])[INDEX].reshape(-1, 2)
    packed = np.stack(
        [values[:, 0] >> 4, (values[:, 0] & 15) << 4 | values[:, 1] >> 8, values[:, 1] & 255], axis=-1
    ).astype(np.uint8)
    return tiff([packed.tobytes()], (48, 32), {258: (12,)})


def tiff_colour(kind: str, bits: int, sample_format: int) -> bytes:
    return tiff(
        [PHOTO.astype(kind).tobytes()], (48, 32), {258: (bits,) * 3, 262: (2,), 277: (3,), 339: (sample_format,) * 3}
    )


def tiff_premultiplied_grey() -> bytes:
    if (b"II", 1, (1,), 1, (8, 8), (1,)) not in TiffImagePlugin.OPEN_INFO:
        pytest.skip("Pillow before 12 reads no such TIFF")
    alpha = HALF.astype(int)
    data = np.stack([GREY * alpha // 255, alpha], axis=-1).astype(np.uint8)
    return tiff([data.tobytes()], (48, 32), {258: (8, 8), 262: (1,), 277: (2,), 338: (1,)})


def deep_colour(largest: int, format: str) -> bytes:
    """PHOTO in 16 bits a sample of which 255 becomes `largest`."""
    values = PHOTO.astype(np.uint32) * largest // 255
    if format == "PNG":
        return png(values, 16, 2)
    return tiff([values.astype("<u2").tobytes()], (48, 32), {258: (16,) * 3, 262: (2,), 277: (3,)})


def deep_key() -> bytes:
    """16-bit colours of which that of the third quadrant is transparent; one beside it differs in the lower byte."""
    values = PHOTO.astype(np.uint32) * 257
    return png(values, 16, 2, png_chunk(b"tRNS", (QUADRANTS[2].astype(">u2") * 257).astype(">u2").tobytes()))


def huge_text(kind: bytes, at_end: bool = False) -> bytes:
    packed = zlib.compress(bytes(2_000_000))
    data = b"key\0\0" + packed if kind == b"zTXt" else b"key\0\1\0\0\0" + packed
    return png_with(saved(PHOTO), png_chunk(kind, data), at_end=at_end)


def png_profile(profile: bytes, method: int = 0) -> bytes:
    return png_with(saved(PHOTO), png_chunk(b"iCCP", b"name\0" + bytes([method]) + zlib.compress(profile)))


def wrong_checksum() -> bytes:
    data = bytearray(saved(PHOTO))
    data[data.index(b"IDAT") - 4 - 4] ^= 255  # the header's
    return bytes(data)


def png_of_zeros(width: int, height: int) -> bytes:
    """A grey PNG whose header says width × height and whose pixels are missing: the header alone must refuse it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(bytes(1000))) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def greys(*values: int) -> np.ndarray:
    """Quadrants (4, 3) of these greys."""
    return np.array(values)[:, None].repeat(3, axis=1)


def check_read(name: str, make: Callable[[], bytes], quadrants: np.ndarray, notes: tuple[str, ...], tolerance: int):
    """Size, notes and the mean colour of each quadrant are as they should be."""
    result = read_image(make(), name=name)
    assert result.pixels.shape == (*SIZE, 3)
    means = np.array([result.pixels[index == INDEX].mean(axis=0) for index in range(4)])
    assert np.abs(means - quadrants).max() <= tolerance + 0.01, means.round()
    assert result.notes == notes
