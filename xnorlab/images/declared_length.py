"""The length that a picture file declares in its structure; a shorter file is cut short."""

import math
import struct
from typing import IO

from xnorlab.images import jpeg, png, tiff


def declared_bytes(file: IO[bytes], kind: str) -> int:
    """Find the least length that a complete file has by its own structure.

    Args:
        file: The file.
        kind: Its format by its first bytes, as `formats.named_by_beginning` names it.

    Returns:
        Bytes; 0 if the structure does not tell. A complete file may be longer.

    Raises:
        Exception: Any kind, if a header is damaged.
    """
    return _DECLARED[kind](file) if kind in _DECLARED else 0


def _length(file: IO[bytes]) -> int:
    return file.seek(0, 2)


def _jpeg(file: IO[bytes]) -> int:
    last, whole = 2, _length(file)
    for segment in jpeg.segments(file):
        last = segment.at + 2 + segment.length
        if segment.marker == jpeg.SCAN:
            file.seek(segment.at)
            while block := file.read(1 << 20):
                if b"\xff\xd9" in block:
                    return last
                if block[-1] == 0xFF and len(block) > 1:
                    file.seek(-1, 1)
            return whole + 1  # at least its end marker is missing
    return max(last, whole + 1) if last >= whole else 0


def _png(file: IO[bytes]) -> int:
    last = [png.Chunk(b"", len(png.BEGINNING) - 12, 0), *png.chunks(file)][-1]
    return last.end if last.kind == b"IEND" else last.end + 12


def _riff(file: IO[bytes]) -> int:
    file.seek(4)
    return struct.unpack("<I", file.read(4))[0] + 8


def _bmp(file: IO[bytes]) -> int:
    file.seek(0)
    head = file.read(54)
    if len(head) < 54:
        return 54
    offset, header = struct.unpack("<2I", head[10:18])
    if header < 40:
        return offset
    width, height, _, bits, compression = struct.unpack("<iiHHI", head[18:34])
    return offset + (abs(height) * ((width * bits + 31) // 32 * 4) if compression in (0, 3) else 0)


def _ppm(file: IO[bytes]) -> int:
    file.seek(0)
    fields: list[bytes] = []
    at = 0
    kind = file.read(2)
    wanted = 2 if kind == b"P4" else 3
    while len(fields) < wanted and (line := file.readline(10_000)):
        fields += line.partition(b"#")[0].split()
        at = file.tell()
    if kind not in (b"P4", b"P5", b"P6", b"Pf") or len(fields) != wanted:
        return 0 if fields and len(fields) >= wanted else _length(file) + 1
    width, height = int(fields[0]), int(fields[1])
    if kind == b"P4":
        return at + (width + 7) // 8 * height
    sample = 4 if kind == b"Pf" else 2 if int(fields[2]) > 255 else 1
    return at + width * height * sample * (3 if kind == b"P6" else 1)


def _boxes(file: IO[bytes]) -> int:
    at, whole = 0, _length(file)
    while at < whole:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return at + 8
        size = struct.unpack(">I", head[:4])[0]
        if size == 1 and len(head) == 16:
            size = struct.unpack(">Q", head[8:])[0]
        if size < 8:  # 0: up to the end of the file
            return at + 8
        at += size
    return at


def _gif(file: IO[bytes]) -> int:
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        return 13
    at = 13 + _colours(head[10])
    while True:
        file.seek(at)
        head = file.read(11)
        if head[:1] == b";":
            return at + 1
        if head[:1] == b"!":
            at = _past_blocks(file, at + 2)
        elif head[:1] == b"," and len(head) >= 10:
            at = _past_blocks(file, at + 10 + _colours(head[9]) + 1)
        else:
            return at + 1 if not head or head[:1] == b"," else 0


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _past_blocks(file: IO[bytes], at: int) -> int:
    file.seek(at)
    while size := file.read(1):
        at += 1 + size[0]
        if size == b"\0":
            return at
        file.seek(at)
    return at + 1


def _tiff(file: IO[bytes]) -> int:
    file.seek(0)
    header = file.read(16)
    if len(header) < 8:
        return 8
    order = "<" if header[:2] == b"II" else ">"
    big = 43 in header[2:4]
    at = struct.unpack(order + "Q", header[8:16])[0] if big else struct.unpack(order + "I", header[4:8])[0]
    count_bytes, entry, kind = (8, 20, "Q") if big else (2, 12, "H")
    file.seek(at)
    count = file.read(count_bytes)
    if len(count) < count_bytes:
        return at + count_bytes
    directory_end = at + count_bytes + entry * struct.unpack(order + kind, count)[0]
    if directory_end > _length(file):
        return directory_end
    tags = tiff.tags(file)
    offsets, counts = (tags.get(273) or tags.get(324) or ()), (tags.get(279) or tags.get(325) or ())
    if len(offsets) == len(counts):
        return max((start + size for start, size in zip(offsets, counts, strict=True)), default=0)
    bits = tags.get(258, (1,))
    row = math.ceil(tags[256] * sum(bits) / 8)
    return offsets[0] + row * tags[257] if len(offsets) == 1 and tags.get(259, 1) == 1 else 0


_DECLARED = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "WebP": _riff,
    "BMP": _bmp,
    "TIFF": _tiff,
    "PPM": _ppm,
    "AVIF": _boxes,
    "HEIC": _boxes,
}
