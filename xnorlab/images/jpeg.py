"""The structure of JPEG files: their segments, and whether they are decoded in several scans."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
SCAN = 0xDA
END = 0xD9


@dataclass(frozen=True)
class Segment:
    """One marker segment.

    Attributes:
        marker: Second byte of the marker.
        at: Position of the marker in the file.
        length: Bytes that follow the marker.
        head: The first 32 bytes after the length field.
    """

    marker: int
    at: int
    length: int
    head: bytes

    @property
    def is_frame(self) -> bool:
        """Whether it is a start-of-frame segment: bits per sample, height, width, components."""
        return self.marker in _FRAMES


def segments(file: IO[bytes]) -> Iterator[Segment]:
    """Yield the segments of `file` from its start up to its first scan; stop early at anything else."""
    at = 2
    while True:
        file.seek(at)
        head = file.read(36)
        if len(head) < 4 or head[0] != 0xFF:
            return
        marker = head[1]
        if marker == 0xFF or marker in _ALONE:  # a fill byte, a marker alone
            at += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack(">H", head[2:4])[0]
        yield Segment(marker, at, length, head[4:])
        if marker in (SCAN, END):
            return
        at += 2 + length


def holds_coefficients(file: IO[bytes]) -> bool:
    """Whether libjpeg keeps all coefficients at once: for a progressive file, or one with a scan per component."""
    components = 0
    for segment in segments(file):
        if segment.is_frame and len(segment.head) >= 6:
            components = segment.head[5]
            if segment.marker in (0xC2, 0xCA):
                return True
        elif segment.marker == SCAN and segment.head:
            return segment.head[0] < components
    return False
