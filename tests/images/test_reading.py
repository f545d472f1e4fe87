"""Any file that a visitor can hand in is converted or refused with one sentence; nothing else happens."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from xnorlab.images import ImageError, formats, limits, open_image, read_image
from xnorlab.images.pixels import Pixels


@pytest.fixture
def photo() -> np.ndarray:
    """(40, 60, 3) uint8: smooth, and different under every rotation and mirror."""
    y, x = np.mgrid[0:40, 0:60]
    return np.stack([x * 4, y * 6, (x + y) * 2], axis=-1).astype(np.uint8)


def encoded(image: Image.Image | np.ndarray, format: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, format, **options)
    return file.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A well-formed 8-bit grey PNG of width × height zeros, without ever holding them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(width + 1)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_path_bytes_and_file_give_the_same_pixels(tmp_path: Path, photo: np.ndarray):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(photo))
    with path.open("rb") as file:
        for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), file):
            result = open_image(source)
            assert result.dtype == np.uint8
            assert np.array_equal(result, photo)


@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG", "AVIF"])
def test_every_named_format_is_read(format: str, photo: np.ndarray):
    options = {"quality": 95} if format in ("JPEG", "WEBP", "AVIF") else {}
    result = open_image(encoded(photo, format, **options)).astype(int)
    assert result.shape == photo.shape
    assert np.abs(result - photo).mean() < 8


def test_result_may_be_written_to(photo: np.ndarray):
    open_image(encoded(photo))[0, 0] = 0


# ---- conversions


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_exif_orientations_come_out_upright(orientation: int, photo: np.ndarray):
    stored = {  # how a camera that writes this tag stores the upright picture
        1: photo,
        2: photo[:, ::-1],
        3: photo[::-1, ::-1],
        4: photo[::-1],
        5: photo.transpose(1, 0, 2),
        6: photo.transpose(1, 0, 2)[::-1],
        7: photo.transpose(1, 0, 2)[::-1, ::-1],
        8: photo.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for format in ("PNG", "TIFF", "WEBP"):
        options = {"lossless": True} if format == "WEBP" else {}
        result = read_image(encoded(np.ascontiguousarray(stored), format, exif=exif, **options))
        assert np.array_equal(result.pixels, photo), format
    result = read_image(encoded(np.ascontiguousarray(stored), "JPEG", exif=exif, quality=95))
    assert np.abs(result.pixels.astype(int) - photo).mean() < 4
    assert ("rotated as its EXIF block says" in result.notes) == (orientation != 1)


def test_corrupt_exif_block_leaves_the_picture_readable(photo: np.ndarray):
    for block in (
        b"Exif\x00\x00garbage",
        b"Exif\x00\x00II*\x00\xff\xff\xff\x7f",
        b"Exif\x00\x00MM\x00*" + b"\xff" * 60,
    ):
        assert open_image(encoded(photo, "JPEG", exif=block)).shape == photo.shape


def heic(photo: np.ndarray, **options) -> bytes:
    """`photo` as a phone stores it."""
    pillow_heif.register_heif_opener()
    return encoded(photo, "HEIF", quality=95, **options)


def test_a_phones_heic_photo_is_read_upright(photo: np.ndarray):
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = np.ascontiguousarray(photo.transpose(1, 0, 2)[::-1])
    for result in (read_image(heic(photo)), read_image(heic(lying, exif=exif.tobytes()), name="IMG_0001.HEIC")):
        assert result.pixels.shape == photo.shape
        assert np.abs(result.pixels.astype(int) - photo).mean() < 4


@pytest.mark.parametrize("kept", [0.1, 0.6, 0.95])
def test_a_heic_photo_cut_short_is_refused(kept: float, photo: np.ndarray):
    whole = heic(np.tile(photo, (8, 8, 1)))
    assert "is " in refusal(whole[: int(kept * len(whole))], name="IMG_0002.HEIC")


def test_without_its_plugin_a_heic_photo_is_refused_with_advice(photo: np.ndarray, monkeypatch):
    whole = heic(photo)
    monkeypatch.setattr(formats, "heic_formats", tuple)
    assert "pip install pillow-heif" in refusal(whole, name="IMG_0003.HEIC")


def test_cmyk_jpeg_is_read_by_adobe_marker(photo: np.ndarray):
    plain = Image.fromarray(photo).convert("CMYK")
    expected = np.asarray(plain.convert("RGB")).astype(int)
    adobe = encoded(plain, "JPEG", quality=95)
    assert b"Adobe" in adobe, "Pillow stores CMYK inverted and says so with Adobe's marker"
    result = read_image(adobe)
    assert np.abs(result.pixels - expected).mean() < 6
    assert result.notes == ("converted from CMYK",)
    start = adobe.index(b"\xff\xee")
    length = struct.unpack(">H", adobe[start + 2 : start + 4])[0]
    unmarked = adobe[:start] + adobe[start + 2 + length :]
    # without the marker 0 means no ink, so the same bytes are the negative of every ink
    inks = 255 - np.asarray(plain)
    negative = np.asarray(Image.fromarray(inks, "CMYK").convert("RGB")).astype(int)
    assert np.abs(open_image(unmarked) - negative).mean() < 6


def test_cmyk_tiff(photo: np.ndarray):
    plain = Image.fromarray(photo).convert("CMYK")
    assert np.array_equal(open_image(encoded(plain, "TIFF")), np.asarray(plain.convert("RGB")))


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(format: str):
    grey = np.linspace(0, 65535, 256 * 4).astype(np.uint16).reshape(32, 32)
    result = open_image(encoded(Image.fromarray(grey), format))
    assert np.array_equal(result, np.rint(grey / 257.0).astype(np.uint8)[..., None].repeat(3, axis=2))


def test_big_endian_16_bit_tiff():
    grey = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    little = encoded(Image.fromarray(grey), "TIFF")
    big = encoded(Image.frombytes("I;16B", (8, 8), grey.astype(">u2").tobytes()), "TIFF")
    assert np.array_equal(open_image(little), open_image(big))


def test_one_bit_picture():
    bits = np.indices((9, 17)).sum(axis=0) % 2 == 0
    assert np.array_equal(open_image(encoded(Image.fromarray(bits)))[..., 0], bits * 255)


def test_palette_with_transparency_lies_over_white():
    picture = Image.new("P", (2, 1))
    picture.putpalette([200, 10, 20, 30, 40, 50])
    picture.putpixel((1, 0), 1)
    result = read_image(encoded(picture, transparency=0))
    assert result.pixels.tolist() == [[[255, 255, 255], [30, 40, 50]]]
    assert result.notes == ("transparency laid over white",)
    result = open_image(encoded(picture, transparency=bytes([128, 255])))
    assert np.abs(result[0, 0].astype(int) - [227, 132, 137]).max() <= 1


@pytest.mark.parametrize(
    ("mode", "value", "expected"), [("RGBA", (0, 100, 200, 51), (204, 224, 244)), ("LA", (0, 51), (204,) * 3)]
)
def test_alpha_lies_over_white(mode: str, value: tuple, expected: tuple):
    assert np.abs(open_image(encoded(Image.new(mode, (3, 3), value)))[1, 1].astype(int) - expected).max() <= 1


def test_transparent_colour_of_an_rgb_picture_lies_over_white():
    picture = Image.new("RGB", (2, 2), (10, 20, 30))
    picture.putpixel((1, 1), (10, 20, 31))
    result = open_image(encoded(picture, transparency=(10, 20, 30)))
    assert result.tolist() == [[[255] * 3] * 2, [[255] * 3, [10, 20, 31]]]


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation(format: str):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    options = {"lossless": True} if format == "WEBP" else {}
    result = read_image(encoded(frames[0], format, save_all=True, append_images=frames[1:], **options))
    assert np.array_equal(result.pixels, np.full((8, 8, 3), (255, 0, 0)))
    assert result.notes == ("animated: first frame taken",)


def test_float_tiff_by_its_range():
    unit = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    assert np.array_equal(open_image(encoded(Image.fromarray(unit), "TIFF"))[..., 0], np.rint(unit * 255))
    wide = np.array([[-3e38, 0.0], [0.0, 3e38]], np.float32)  # the span itself does not fit float32
    result = open_image(encoded(Image.fromarray(wide), "TIFF"))[..., 0]
    assert result.tolist() == [[0, 128], [128, 255]]
    holes = unit.copy()
    holes[0, 0], holes[0, 1], holes[0, 2] = np.nan, np.inf, -np.inf
    result = open_image(encoded(Image.fromarray(holes), "TIFF"))[..., 0]
    assert result[0, :3].tolist() == [0, 255, 0]
    assert result[7, 7] == 255
    with pytest.raises(ImageError, match="no finite pixel"):
        open_image(encoded(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"))


def test_32_bit_integers_beyond_16_bit_are_stretched():
    grey = np.array([[-1000, 0], [1000, 3000]], np.int32)
    assert open_image(encoded(Image.fromarray(grey), "TIFF"))[..., 0].tolist() == [[0, 64], [128, 255]]


def test_one_pixel_picture():
    assert open_image(encoded(Image.new("RGB", (1, 1), (1, 2, 3)))).tolist() == [[[1, 2, 3]]]


def test_large_photo_is_shrunk_by_a_whole_factor_and_looks_the_same():
    y, x = np.mgrid[0:1200, 0:1600]
    large = np.stack([x // 7, y // 5, (x + y) // 12], axis=-1).astype(np.uint8)
    expected = np.asarray(Image.fromarray(large).reduce(2)).astype(int)
    for format in ("JPEG", "PNG", "WEBP"):
        result = read_image(encoded(large, format, quality=95) if format != "PNG" else encoded(large))
        assert result.pixels.shape == (600, 800, 3)
        assert np.abs(result.pixels - expected).mean() < 3, format
        assert result.notes == ("shrunk from 1,600 × 1,200",)


def test_12_megapixel_phone_photo_never_holds_its_full_size(monkeypatch: pytest.MonkeyPatch):
    """JPEG draft mode: the decoder itself delivers 1000 × 750, so nothing of 36 MB is ever allocated."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.linear_gradient("L").resize((4000, 3000)).convert("RGB"), "JPEG", exif=exif)
    decoded = []
    original = Pixels.to_srgb
    monkeypatch.setattr(
        Pixels, "to_srgb", lambda pixels, turn: decoded.append(pixels._image.size) or original(pixels, turn)
    )
    assert open_image(data).shape == (1000, 750, 3)
    assert decoded == [(1000, 750)]


def test_many_threads_at_once_leave_the_warning_filters_as_they_were(photo: np.ndarray):
    data = encoded(photo, "JPEG", exif=b"Exif\x00\x00garbage")
    expected = open_image(data)
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        result = list(pool.map(open_image, [data] * 300))
    assert all(np.array_equal(one, expected) for one in result)
    assert list(warnings.filters) == before


def test_large_pictures_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch, photo: np.ndarray):
    monkeypatch.setattr(limits, "LARGE_BYTES", photo.nbytes)
    inside, most = [], []
    original = Pixels.to_srgb

    def watched(*arguments):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.002)
        inside.pop()
        return original(*arguments)

    monkeypatch.setattr(Pixels, "to_srgb", watched)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_image, [encoded(photo)] * 24))
    assert max(most) == 1


# ---- refusals


def refusal(source, **options) -> str:
    """The message of the ImageError: one sentence, one line."""
    with pytest.raises(ImageError) as caught:
        open_image(source, **options)
    message = str(caught.value)
    assert message.endswith(".")
    assert message.isprintable()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


def test_what_is_not_an_image_is_refused(tmp_path: Path):
    text = tmp_path / "notes.jpg"
    text.write_text("these are words, whatever the ending says")
    assert "/notes.jpg is not an image" in refusal(text)
    assert "is not an image" in refusal(os.urandom(2000), name="noise.png")
    assert "HEIC" in refusal(b"\x00\x00\x00\x18ftypheic" + bytes(40))
    assert "is not an image" in refusal(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "EPS starts a program"


def test_zero_bytes_are_refused(tmp_path: Path):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    assert refusal(empty) == f"{empty} is empty (0 bytes)."
    assert refusal(b"", name="upload.png") == "upload.png is empty (0 bytes)."
    assert refusal(io.BytesIO()) == "the picture is empty (0 bytes)."


def test_missing_file_folder_and_pipe_are_refused(tmp_path: Path):
    assert refusal(tmp_path / "none.jpg").endswith("does not exist.")
    assert refusal(tmp_path).endswith("is a folder, not a picture.")
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    assert refusal(pipe).endswith("is a pipe or a device, not a picture.")
    with pytest.raises(ImageError, match="source=int"):
        open_image(7)
    with pytest.raises(ImageError, match="binary"):
        open_image(io.StringIO("text"))


@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG", "AVIF"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9])
def test_truncated_file_is_refused(format: str, kept: float):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(noise, format)
    refusal(data[: int(len(data) * kept)], name="cut")


def test_truncated_jpeg_says_so(photo: np.ndarray):
    data = encoded(photo, "JPEG", quality=95)
    expected = f"a.jpg is cut short after {len(data) * 2 // 3} bytes: part of the picture is missing."
    assert refusal(data[: len(data) * 2 // 3], name="a.jpg") == expected


MEASURE = """
import resource, sys
from xnorlab.images import ImageError, open_image
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
try:
    open_image(sys.argv[1])
except ImageError as error:
    print(peak() - before, error)
"""


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (10_000, 7_000), (12_000, 12_000)])
def test_huge_picture_is_refused_by_its_header_in_bounded_memory(tmp_path: Path, width: int, height: int):
    """20,000 × 20,000 would be 1.2 GB; 10,000 × 7,000 lies below Pillow's warning, 12,000² inside it.

    In a process of its own, whose peak memory is not hidden under that of other tests.
    """
    path = tmp_path / "huge.png"
    path.write_bytes(png_of_size(width, height))
    assert path.stat().st_size < 1_000_000
    done = subprocess.run([sys.executable, "-W", "error", "-c", MEASURE, path], capture_output=True, text=True)
    assert done.stderr == ""
    growth, message = done.stdout.split(maxsplit=1)
    assert "64 million" in message
    assert int(growth) < 20_000_000, "decoding takes at least 70 MB"


@pytest.mark.parametrize("unpacked_mb", [2, 200])
def test_text_that_unpacks_to_much_does_not_keep_a_png_from_being_read(unpacked_mb: int, photo: np.ndarray):
    """Pillow refuses 1 MB and more; whoever looks at the picture never reads the text."""
    png = encoded(photo)
    data = b"key\x00\x00" + zlib.compress(bytes(unpacked_mb * 1_000_000), 9)
    chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    for where in (33, len(png) - 12):  # before the pixels and after
        result = read_image(png[:where] + chunk + png[where:])
        assert np.array_equal(result.pixels, photo)
        assert result.notes == ()


def test_odd_names_are_shown_on_one_short_line(tmp_path: Path, photo: np.ndarray):
    for name in ("фото 写真 🐈.png", "new\nline.png", "tab\there.png", "quote'\"$(x).png", "-rf.png"):
        path = tmp_path / name
        path.write_bytes(encoded(photo))
        assert np.array_equal(open_image(path), photo)
        path.write_bytes(b"x")
        assert "\n" not in refusal(path)
    assert r"new\nline" in refusal(b"x", name="new\nline.png")
    assert len(refusal(b"x", name="n" * 100_000)) < 250
    assert "cannot be opened" in refusal("n" * 100_000)
    assert "not a possible file name" in refusal("nu\0ll.png")
    assert r"\udcff" in refusal(os.fsdecode(b"\xff.png"))
    assert r"\u202e" in refusal(b"x", name="gpj.\u202eexe"), "a right-to-left override cannot reorder the message"


@settings(max_examples=60, deadline=None)
@given(
    format=st.sampled_from(["PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG"]),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_damaged_file_is_read_or_refused_and_never_anything_else(format: str, edits: list):
    y, x = np.mgrid[0:24, 0:16]
    data = bytearray(encoded(np.stack([x, y, x * y % 251], axis=-1).astype(np.uint8), format))
    for where, value in edits:
        data[int(where * len(data))] = value
    with contextlib.suppress(ImageError):  # any other exception fails, and so does a warning
        result = open_image(bytes(data))
        assert result.dtype == np.uint8
        assert result.shape[2] == 3


def test_a_draft_of_a_jpeg_has_at_least_the_side_that_is_asked_for(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((640, 480), Image.Resampling.BICUBIC)
    for name, side, expected in (
        ("a.jpg", 480, (480, 640)),
        ("a.jpg", 241, (480, 640)),
        ("a.jpg", 240, (240, 320)),
        ("a.jpg", 100, (120, 160)),
        ("a.jpg", 5000, (480, 640)),
        ("a.png", 100, (480, 640)),
    ):
        picture.save(tmp_path / name)
        draft = open_image(tmp_path / name, draft_side=side)
        assert draft.shape[:2] == expected
        small = np.asarray(Image.fromarray(open_image(tmp_path / name)).resize(expected[::-1], Image.Resampling.BOX))
        assert np.abs(draft.astype(int) - small).mean() < 2
