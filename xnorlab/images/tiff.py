"""The structure of TIFF files: their tags, and a description of the pixels in words."""

from typing import IO, Any

from PIL import TiffImagePlugin

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
    """Read the tags of the first page of a TIFF.

    Args:
        file: The file.

    Returns:
        Values by tag number.

    Raises:
        Exception: Any kind, if the directory is damaged.
    """
    file.seek(0)
    header = file.read(8)
    if len(header) > 2 and header[2] == 43:
        header += file.read(8)
    directory = TiffImagePlugin.ImageFileDirectory_v2(header)
    file.seek(directory.next)
    directory.load(file)
    return dict(directory)


def describe(tags: dict[int, Any]) -> str:
    """Describe the pixels of a TIFF with these tags in words: "RGB of 3 × 32 bits, real-valued"."""
    bits = tags.get(258, (1,))
    samples = max(tags.get(277, 1), len(bits))
    kinds = tags.get(339, (1,))
    colour = _COLOURS.get(tags.get(262, 0), f"colour space {tags.get(262, 0)}")
    each = "/".join(str(bit) for bit in bits) if len(set(bits)) > 1 else str(bits[0])
    described = f"{colour} of {samples} × {each} bits, {_SAMPLES.get(kinds[0], 'untyped')}"
    if tags.get(284, 1) == 2 and samples > 1:
        described += ", in planes"
    return described if tags.get(259, 1) == 1 else f"{described}, compression {tags[259]}"
