"""PNG and TIFF files written byte by byte, for the kinds that Pillow does not write."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np

PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7: first column and row, and the steps between columns and rows."""


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(png: bytes, *chunks: bytes, at_end: bool = False) -> bytes:
    """`png` with more chunks, before its pixels or at its end."""
    where = png.index(b"IEND") - 4 if at_end else 33
    return png[:where] + b"".join(chunks) + png[where:]


def png(samples: np.ndarray, depth: int, colour: int, *chunks: bytes, interlaced: bool = False) -> bytes:
    """A PNG of `samples` (H, W) or (H, W, channels), each of `depth` bits and not scaled; `colour`: its colour type."""
    planes = samples.reshape(*samples.shape[:2], -1)
    passes = [planes[y0::dy, x0::dx] for x0, y0, dx, dy in PASSES] if interlaced else [planes]
    rows = [b"\0" + _packed(row.reshape(-1), depth) for part in passes if part.size for row in part]
    head = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, interlaced)
    body = png_chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + b"".join(chunks) + body + png_chunk(b"IEND", b"")


def _packed(row: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = (row[:, None].astype(np.uint8) >> np.arange(depth - 1, -1, -1, dtype=np.uint8)) & 1
    return np.packbits(bits).tobytes()


def tiff(parts: Sequence[bytes], size: tuple[int, int], tags: dict[int, Sequence[int]], order: str = "<") -> bytes:
    """A TIFF of one page: its strips or tiles, (width, height), and more tags with values of 16 bits.

    Strips by default; with tag 322 (tile width) the parts are tiles.
    """
    tiled = 322 in tags
    offsets, data = [], b""
    for part in parts:
        offsets.append(8 + len(data))
        data += part + bytes(len(part) % 2)
    tags = {256: size[:1], 257: size[1:], 258: (8,), 259: (1,), 262: (1,), 277: (1,), **tags}
    entries: dict[int, tuple[str, Sequence[int]]] = {tag: ("H", values) for tag, values in tags.items()}
    entries[324 if tiled else 273] = ("I", offsets)
    entries[325 if tiled else 279] = ("I", [len(part) for part in parts])
    if not tiled:
        entries.setdefault(278, ("H", size[1:]))
    at = 8 + len(data)
    directory, beyond = struct.pack(order + "H", len(entries)), b""
    for tag, (kind, values) in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(packed) > 4:
            where = at + 2 + 12 * len(entries) + 4 + len(beyond)
            beyond, packed = beyond + packed, struct.pack(order + "I", where)
        directory += struct.pack(order + "HHI", tag, 3 if kind == "H" else 4, len(values)) + packed.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return head + data + directory + bytes(4) + beyond
