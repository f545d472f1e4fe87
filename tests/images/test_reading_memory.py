"""No accepted picture takes more than 600 MB to read, whatever its shape and mode; others are refused by their header.

Each is read in a process of its own, whose peak memory is not hidden under that of other tests.
"""

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from containers import png_chunk, tiff
from odd_pictures import png_of_zeros
from PIL import Image

MEASURE = """
import resource, sys
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
from xnorlab.images import ImageError, limits, open_image
estimate, needed_bytes = 0, limits.needed_bytes
def watched(*arguments):
    global estimate
    estimate = needed_bytes(*arguments)
    return estimate
limits.needed_bytes = watched
try:
    shape = open_image(sys.argv[1]).shape
except ImageError as error:
    shape = error
print(peak() - before, estimate, shape)
"""


def png(width: int, height: int, colour: int, channels: int) -> bytes:
    """A PNG of 8 bits whose rows count up, without ever holding them all."""
    row = b"\0" + bytes(range(251)) * (width * channels // 251 + 1)
    row = row[: 1 + width * channels]
    many = max(1, 1_000_000 // len(row))
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(row * min(many, height - done)) for done in range(0, height, many)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def one_strip(height: int, **tags: tuple[int, ...]) -> bytes:
    """A TIFF of 1,000 × `height` zeros with alpha, packed in a single strip."""
    packer = zlib.compressobj(1)
    rows = bytes(4_000_000)
    strip = b"".join(packer.compress(rows) for _ in range(height // 1000)) + packer.flush()
    return strip_tiff(strip, height, **tags)


def strip_tiff(strip: bytes, height: int, **tags: tuple[int, ...]) -> bytes:
    more = {int(tag[1:]): values for tag, values in tags.items()}
    return tiff([strip], (1000, height), {258: (8,) * 4, 259: (8,), 262: (2,), 277: (4,), 338: (2,), **more})


def saved(format: str, size: tuple[int, int], **options) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, format, **options)
    return file.getvalue()


def resized_jpeg(width: int, height: int) -> bytes:
    """A progressive JPEG with this size in its header, and less in it: refused before that shows."""
    data = saved("JPEG", (16, 16), progressive=True)
    at = data.index(b"\xff\xc2") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def resized_webp(width: int, height: int) -> bytes:
    data = saved("WEBP", (16, 16))
    at = data.index(b"\x9d\x01\x2a") + 3
    return data[:at] + struct.pack("<HH", width, height) + data[at + 4 :]


ACCEPTED: dict[str, Callable[[], bytes]] = {
    "PNG of 1 × 5,000,000": lambda: png(1, 5_000_000, 0, 1),
    "RGBA PNG of 1,000 × 64,000": lambda: png(1000, 64_000, 6, 4),
    "PNG of one row": lambda: png(10_000_000, 1, 6, 4),
    "TIFF of one strip": lambda: one_strip(12_000),
    "TIFF of one strip to be turned": lambda: one_strip(8_000, t274=(6,)),
    "WebP": lambda: saved("WEBP", (3500, 3500), method=0),
    "progressive JPEG": lambda: saved("JPEG", (3000, 3000), progressive=True, subsampling=0),
}
REFUSED: dict[str, Callable[[], bytes]] = {
    "PNG of 1 × 60,000,000": lambda: png_of_zeros(1, 60_000_000),
    "WebP of 7,700 × 7,700": lambda: resized_webp(7700, 7700),
    "progressive JPEG of 1,000 × 64,000": lambda: resized_jpeg(1000, 64_000),
    "TIFF of one strip of 1,000 × 64,000": lambda: strip_tiff(b"", 64_000),
}


def measured(make: Callable[[], bytes], path: Path) -> tuple[int, int, str]:
    """Bytes by which the peak memory grew, the estimate from the header, and what became of the picture."""
    path.write_bytes(make())
    done = subprocess.run([sys.executable, "-W", "error", "-c", MEASURE, path], capture_output=True, text=True)
    assert done.stderr == ""
    growth, estimate, result = done.stdout.split(maxsplit=2)
    return int(growth), int(estimate), result.strip()


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_picture_stays_within_the_estimate_from_its_header(name: str, tmp_path: Path):
    growth, estimate, result = measured(ACCEPTED[name], tmp_path / "picture")
    assert result.endswith(", 3)")
    assert growth <= estimate <= 600_000_000


@pytest.mark.parametrize("name", REFUSED)
def test_refused_picture_is_not_decoded(name: str, tmp_path: Path):
    growth, _, result = measured(REFUSED[name], tmp_path / "picture")
    assert result.endswith("MB of memory to read, more than the 600 MB allowed.")
    assert growth < 60_000_000
