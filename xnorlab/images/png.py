"""The structure of PNG files: their chunks, and a copy without metadata that Pillow refuses."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from xnorlab.images.colour_profiles import MAX_PROFILE_BYTES

BEGINNING = b"\x89PNG\r\n\x1a\n"
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_PROFILE = b"iCCP"


@dataclass(frozen=True)
class Chunk:
    """One chunk.

    Attributes:
        kind: Its type, 4 bytes.
        at: Position of its length field in the file.
        length: Bytes of its data.
    """

    kind: bytes
    at: int
    length: int

    @property
    def end(self) -> int:
        """Position of the next chunk."""
        return self.at + 12 + self.length


def chunks(file: IO[bytes]) -> Iterator[Chunk]:
    """Yield the chunks of the PNG `file`, IEND included, also one that reaches beyond the end of the file."""
    at = len(BEGINNING)
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        chunk = Chunk(head[4:], at, struct.unpack(">I", head[:4])[0])
        yield chunk
        if chunk.kind == b"IEND":
            return
        at = chunk.end


def bit_depth(file: IO[bytes]) -> int:
    """Bits per sample, from the header of the PNG `file`."""
    file.seek(24)
    return file.read(1)[0]


def without_metadata(file: IO[bytes]) -> tuple[IO[bytes], bytes | None] | None:
    """Leave the texts and the colour profile out of a PNG.

    Pillow refuses a whole picture if a text or profile unpacks to more than a megabyte or is broken.

    Args:
        file: The file.

    Returns:
        The file without them, and the unpacked profile: up to one byte more than MAX_PROFILE_BYTES of it, b"?" if it
        cannot be unpacked, None if there is none. None instead of both if `file` is no PNG or has neither.
    """
    file.seek(0)
    if file.read(8) != BEGINNING:
        return None
    kept, profile, before = [], None, 0
    for chunk in chunks(file):
        if chunk.kind == _PROFILE:
            file.seek(chunk.at + 8)
            profile = _unpacked(file.read(chunk.length))
        if chunk.kind == _PROFILE or chunk.kind in _TEXT:
            kept.append((before, chunk.at))
            before = chunk.end
    if not kept:
        return None
    return io.BufferedReader(_Parts(file, [*kept, (before, file.seek(0, 2))])), profile


def _unpacked(data: bytes) -> bytes:
    packed = data.partition(b"\0")[2]
    try:
        return zlib.decompressobj().decompress(packed[1:], MAX_PROFILE_BYTES + 1) if packed[:1] == b"\0" else b"?"
    except zlib.error:
        return b"?"


class _Parts(io.RawIOBase):
    """A readable file made of the parts [start, end) of another, one after the other."""

    def __init__(self, file: IO[bytes], parts: list[tuple[int, int]]):
        self._file = file
        self._parts = [(start, end) for start, end in parts if end > start]
        self._length = sum(end - start for start, end in self._parts)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._length)[whence])
        return self._at

    def readinto(self, buffer) -> int:
        at = self._at
        for start, end in self._parts:
            if at < end - start:
                self._file.seek(start + at)
                data = self._file.read(min(len(buffer), end - start - at))
                buffer[: len(data)] = data
                self._at += len(data)
                return len(data)
            at -= end - start
        return 0
