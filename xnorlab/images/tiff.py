"""TIFF files: their tags, the name of their kind, and one kind that Pillow gets wrong."""

from typing import IO, Any

from PIL import TiffImagePlugin

from xnorlab.images.limits import rawmode, tiles

_SAMPLES = {1: "integer", 2: "signed integer", 3: "real-valued", 5: "complex integer", 6: "complex"}
_COLOURS = {
    0: "grey",
    1: "grey",
    2: "RGB",
    3: "palette",
    4: "mask",
    5: "CMYK",
    6: "YCbCr",
    8: "Lab",
    9: "Lab",
    10: "Lab",
}
_COLOURS |= {32803: "colour filter array", 32844: "LogL", 32845: "LogLuv", 34892: "linear raw"}


def tags(file: IO[bytes]) -> dict[int, Any]:
    """The tags of the first page of the TIFF `file`; raises whatever a damaged directory leads to."""
    file.seek(0)
    header = file.read(8)
    if len(header) > 2 and header[2] == 43:
        header += file.read(8)
    directory = TiffImagePlugin.ImageFileDirectory_v2(header)
    file.seek(directory.next)
    directory.load(file)
    return dict(directory)


def kind(tags: dict[int, Any]) -> str:
    """What a TIFF with these tags holds, in words: "RGB of 3 × 32 bits, real-valued"."""
    bits = tags.get(258, (1,))
    samples = max(tags.get(277, 1), len(bits))
    kinds = tags.get(339, (1,))
    colour = _COLOURS.get(tags.get(262, 0), f"colour space {tags.get(262, 0)}")
    each = "/".join(str(bit) for bit in bits) if len(set(bits)) > 1 else str(bits[0])
    described = f"{colour} of {samples} × {each} bits, {_SAMPLES.get(kinds[0], 'untyped')}"
    if tags.get(284, 1) == 2 and samples > 1:
        described += ", in planes"
    return described if tags.get(259, 1) == 1 else f"{described}, compression {tags[259]}"


def read_deep_planes(image: Any) -> None:
    """Correct how `image`, a TIFF not yet loaded, is decoded: Pillow takes raw planes of 16 bits for planes of 8.

    Raises ValueError for planes other than red, green and blue, which it cannot decode.
    """
    if max(image.tag_v2.get(258, (1,))) != 16:
        return
    for index, tile in enumerate(tiles(image)):
        if len(rawmode(tile)) == 1 and rawmode(tile) in "RGBACMYK":
            if image.mode != "RGB":
                raise ValueError("unsupported planes of 16 bits")
            deep = f"{rawmode(tile)};16{'L' if image.tag_v2.prefix == b'II' else 'B'}"
            image.tile[index] = tile._replace(args=(deep, *tile.args[1:]))
