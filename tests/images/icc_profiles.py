"""Small colour profiles made by hand: matrices with a gamma, a grey curve, and a table of inks."""

import itertools
import struct

D50 = (0.9642, 1.0, 0.8249)
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _description(text: str) -> bytes:
    ascii_text = text.encode() + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(ascii_text)) + ascii_text + bytes(4 + 4 + 2 + 1 + 67)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*values)


def _gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256)) + bytes(2)


def _profile(space: bytes, connection: bytes, kind: bytes, name: str, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": _description(name), b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": _xyz(D50), **tags}
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for signature, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += signature + struct.pack(">II", at, len(data))
        body, at = body + padded, at + len(padded)
    head = struct.pack(">I4s4s", at, bytes(4), b"\x02\x40\0\0") + kind + space + connection
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*D50)
    return head.ljust(128, b"\0") + table + body


def rgb(name: str, primaries: tuple[tuple[float, ...], ...], gamma: float = 2.2) -> bytes:
    """An RGB display profile: red, green and blue as XYZ under D50."""
    colours = {tag: _xyz(values) for tag, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    curves = {tag: _gamma(gamma) for tag in (b"rTRC", b"gTRC", b"bTRC")}
    return _profile(b"RGB ", b"XYZ ", b"mntr", name, colours | curves)


def grey(name: str, gamma: float) -> bytes:
    """A grey profile of one curve."""
    return _profile(b"GRAY", b"XYZ ", b"mntr", name, {b"kTRC": _gamma(gamma)})


def inks(name: str) -> bytes:
    """A CMYK press whose inks are duller than Pillow's: a table of two grid points an ink, in Lab of 8 bits."""
    identity = bytes(range(256))
    lightness = (0.45, 0.55, 0.12, 0.85)  # what full cyan, magenta, yellow and black take away
    tints = ((-35, -45), (65, 0), (-5, 80), (0, 0))
    nodes = b""
    for inked in itertools.product((0, 1), repeat=4):
        light, a, b = 100.0, 0.0, 0.0
        for on, taken, tint in zip(inked, lightness, tints, strict=True):
            if on:
                light, a, b = light * (1 - taken), a + tint[0], b + tint[1]
        dark = 0.1 if inked[3] else 1
        nodes += bytes(min(255, max(0, round(v))) for v in (light * 2.55, 128 + a * dark, 128 + b * dark))
    matrix = _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + identity * 4 + nodes + identity * 3
    return _profile(b"CMYK", b"Lab ", b"prtr", name, {b"A2B0": table})
