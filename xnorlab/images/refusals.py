"""The reasons why a file cannot be read: no picture, a kind of picture that is not read, or damaged."""

import re
import zlib
from typing import IO

from PIL import Image, UnidentifiedImageError, features

from xnorlab.images import formats, jpeg, png, tiff
from xnorlab.images.declared_length import declared_bytes
from xnorlab.printable import one_line

_NOT_READ = re.compile(r"unsupported|not (yet )?supported|cannot handle|unknown (pixel|data|image) ", re.IGNORECASE)
_ENDED = re.compile(r"truncated|not enough|incomplete|reached eof|unexpected end|end of (file|data)", re.IGNORECASE)


def reason(file: IO[bytes], error: Exception) -> str:
    """Say why a file cannot be read, as the part of a sentence after the file's name and before the full stop.

    Args:
        file: The file.
        error: What Pillow raised when it read the file.
    """
    length = file.seek(0, 2)
    file.seek(0)
    head = file.read(1024)
    kind = formats.named_by_beginning(head)
    if kind is None:
        return _foreign(head, length)
    if kind == "HEIC" and not formats.heic_formats():
        return (
            "is a HEIC photo, which is read with the package pillow-heif (pip install pillow-heif); or save it as JPEG"
        )
    if kind in ("AVIF", "WebP") and not features.check(kind.lower()):
        return f"is a picture in {kind}, which this build of Pillow cannot read"
    declared = _declared(file, kind)
    if declared > length:
        more = f" of at least {declared:,}" if declared > length + 1 else ""
        return f"is cut short after {length:,} bytes{more}: part of the picture is missing"
    pillow = _pillows_reason(file, kind, error)
    unread = _unread_kind(file, kind, pillow)
    if unread:
        return f"is a {kind} of a kind that is not read here: {unread}"
    if kind == "PNG" and (chunk := _broken_chunk(file)) is not None:
        name = one_line(chunk.kind.decode("latin-1"))
        return f"is a damaged PNG: the checksum of its {name} chunk at byte {chunk.at:,} is wrong"
    if _ENDED.search(pillow) or isinstance(error, EOFError):
        return f"is cut short or damaged: its {length:,} bytes end before the picture does"
    return f"is a damaged {kind}: {pillow}" if pillow else f"begins like a {kind}, but is none"


def _foreign(head: bytes, length: int) -> str:
    if any(len(head) >= 3 and beginning.startswith(head) for beginning in (png.BEGINNING, b"GIF89a")):
        return f"is cut short after {length:,} bytes: part of the picture is missing"
    kind = formats.other_kind(head)
    which = f": it is {kind}" if kind else ""
    return f"is not an image in a format that is read here ({formats.READ}){which}"


def _declared(file: IO[bytes], kind: str) -> int:
    try:
        return declared_bytes(file, kind)
    except Exception:  # a damaged header: its lengths mean nothing
        return 0


def _pillows_reason(file: IO[bytes], kind: str, error: Exception) -> str:
    """The message of Pillow's plugin for `kind`; Image.open hides it if it cannot identify a file."""
    if isinstance(error, UnidentifiedImageError):
        name = {"HEIC": "HEIF"}.get(kind, kind.upper())
        file.seek(0)
        try:
            Image.OPEN[name][0](file, "")
        except Exception as hidden:
            error = hidden
        else:
            return ""
    return one_line(str(error) or type(error).__name__).strip().rstrip(".")[:200]


def _unread_kind(file: IO[bytes], kind: str, pillow: str) -> str | None:
    """The variant of the format `kind` that the file has, if that is why it is not read; else None."""
    try:
        if kind == "TIFF" and (_NOT_READ.search(pillow) or "samples per pixel" in pillow or pillow.isdigit()):
            return tiff.describe(tiff.tags(file))
        if kind == "JPEG":
            frame = next((segment for segment in jpeg.segments(file) if segment.is_frame), None)
            if frame is not None and (frame.head[0] != 8 or frame.head[5] not in (1, 3, 4)):
                return f"{frame.head[5]} × {frame.head[0]} bits"
    except Exception:  # damaged further on
        return None
    return pillow[:1].lower() + pillow[1:] if _NOT_READ.search(pillow) else None


def _broken_chunk(file: IO[bytes]) -> png.Chunk | None:
    for chunk in png.chunks(file):
        file.seek(chunk.at + 4)
        data = file.read(chunk.length + 4)
        if zlib.crc32(data).to_bytes(4, "big") != file.read(4):
            return chunk
    return None
