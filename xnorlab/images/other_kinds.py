"""Files that are often taken for pictures that are read here, by how they begin."""

import codecs

_BEGINNINGS = {
    b"%PDF": "a PDF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"8BPS": "a Photoshop document",
    b"gimp xcf": "a GIMP document",
    b"\xff\x0a": "a JPEG XL",
    b"\0\0\0\x0cJXL ": "a JPEG XL",
    b"\0\0\0\x0cjP  ": "a JPEG 2000",
    b"\xff\x4f\xff\x51": "a JPEG 2000",
    b"v/1\x01": "an OpenEXR",
    b"#?RADIANCE": "a Radiance HDR",
    b"DDS ": "a DirectDraw surface",
    b"qoif": "a QOI",
    b"\0\0\x01\0": "a Windows icon",
    b"icns": "an Apple icon",
    b"SIMPLE  =": "a FITS file",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"FUJIFILMCCD-RAW": "a camera's raw file",
    b"IIU\0": "a camera's raw file",
    b"IIRO": "a camera's raw file",
    b"PK\x03\x04": "a zip archive or office document",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x1aE\xdf\xa3": "a video",
    b"\xd0\xcf\x11\xe0": "an old office document",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
_CONTAINERS = {b"crx ": "a camera's raw file", b"M4A ": "a sound file"}  # by the brand in an ftyp box


def other_kind(head: bytes) -> str | None:
    """What a file with the first bytes `head` (1,024, or all) is, with its article; None where that is not known."""
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    if head[4:8] == b"ftyp":
        return _CONTAINERS.get(head[8:12], "a video")
    if head[:4] == b"RIFF":
        return {b"AVI ": "a video", b"WAVE": "a sound file"}.get(head[8:12])
    if head[128:132] == b"DICM":
        return "a DICOM file"
    return _kind_of_text(head)


def _kind_of_text(head: bytes) -> str | None:
    try:  # incrementally, since `head` may end inside a character
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return None
    lower = text.lstrip().lower()
    if "<svg" in lower:
        return "an SVG drawing"
    if lower.startswith(("<!doctype html", "<html")):
        return "a web page"
    readable = all(character.isprintable() or character in "\n\r\t\f" for character in text)
    return "a text" if readable and text else None
