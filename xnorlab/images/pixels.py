"""Conversion of a decoded picture of any mode to upright 8-bit sRGB, block by block, so that memory is bounded."""

from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image, ImageChops

from xnorlab.images import colour_profiles, depth, pillow_tiles, png
from xnorlab.images.sources import ImageError

WORKING_SIDE = 512
"""Least short side, in pixels, to which a large picture is shrunk, by a whole factor, while it is read."""

_BLOCK = 1 << 20  # pixels converted at a time
_ALPHA = {"L": "LA", "RGB": "RGBA"}
_GREY = ("1", "L", "LA", "La")
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}

Box = tuple[int, int, int, int]


class Pixels:
    """The conversion of one picture to sRGB; made before the picture is loaded, since loading drops what the file says.

    Args:
        image: The picture, opened and not yet loaded.
        file: The file that it was opened from.
        shown: The name of the picture in error messages.

    Attributes:
        notes: What was converted, for people; filled by `to_srgb`.
    """

    def __init__(self, image: Image.Image, file: IO[bytes], shown: str):
        self.notes: list[str] = []
        self._image = image
        self._shown = shown
        white = pillow_tiles.decode_raw_ppm(image) if image.format == "PPM" else None
        self._declared = depth.declared_grey(image, white)
        self._lower_bytes = pillow_tiles.lower_bytes(image)
        self._file = file
        self._bit_depth = png.bit_depth(file) if image.format == "PNG" else 8
        self._scale: depth.GreyScale | depth.ColourScale | None = None
        self._profile = colour_profiles.NOTHING
        self._opaque = False

    def to_srgb(self, turn: Image.Transpose | None) -> np.ndarray:
        """Convert the picture, which must be loaded by now, and shrink it to WORKING_SIDE.

        Args:
            turn: The transposition that makes it upright; None for none.

        Returns:
            uint8 (H, W, 3).

        Raises:
            ImageError: The picture is in Lab colours, or none of its grey values is finite.
        """
        image = self._image
        if image.mode == "LAB":
            raise ImageError(f"{self._shown} has the colour mode LAB, which is not converted here; save it as RGB.")
        self._inspect()
        width, height = image.size
        factor = max(1, min(width, height) // WORKING_SIDE)
        size = -(-height // factor), -(-width // factor)
        sideways = turn in (
            Image.Transpose.TRANSPOSE,
            Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_90,
            Image.Transpose.ROTATE_270,
        )
        out = np.empty((*(size[::-1] if sideways else size), 3), np.uint8)
        lying = _as_stored(out, turn)
        for box in self._boxes(factor):
            left, top = box[0] // factor, box[1] // factor
            block = np.asarray(self._srgb_block(box, factor))
            lying[top : top + block.shape[0], left : left + block.shape[1]] = block
        return out

    def _inspect(self) -> None:
        """Determine what depends on all pixels: the scale of deep samples, whether any pixel is opaque, the profile."""
        image = self._image
        if depth.is_deep_grey(image):
            self._scale = depth.grey_scale((np.asarray(self._cut(box)) for box in self._boxes()), self._declared)
            if self._scale is None:
                raise ImageError(f"{self._shown} has no finite pixel value.")
        elif self._lower_bytes is not None:
            self._scale = depth.colour_scale(image, self._file, self._lower_bytes, list(self._boxes()))
        if self._scale is not None:
            self.notes.append(self._scale.note)
        elif image.mode in ("1", "L", "RGB") and "transparency" in image.info:
            image.info["transparency"] = self._colour_key()
        if image.has_transparency_data:
            self._inspect_alpha()
        if image.mode == "CMYK":
            self.notes.append("converted from CMYK")
        mode = "L" if image.mode in _GREY or depth.is_deep_grey(image) else "CMYK" if image.mode == "CMYK" else "RGB"
        self._profile = colour_profiles.conversion(image.info.get("icc_profile"), mode)
        if self._profile.note:
            self.notes.append(self._profile.note)

    def _inspect_alpha(self) -> None:
        lowest, highest = 255, 0
        for box in self._boxes():
            alpha = np.asarray(self._plain_block(box).getchannel("A"))
            lowest, highest = min(lowest, int(alpha.min())), max(highest, int(alpha.max()))
            if lowest < 255 and highest > 0:
                self.notes.append("transparency laid over white")
                return
        self._opaque = True
        if highest == 0:
            self.notes.append("transparent everywhere: shown by its colours")

    def _boxes(self, factor: int = 1) -> Iterator[Box]:
        """Boxes (left, top, right, bottom) that cover the picture; all but the last edges are multiples of `factor`."""
        width, height = self._image.size
        wide = min(-(-width // factor), max(1, _BLOCK // factor)) * factor
        tall = max(1, _BLOCK // wide // factor) * factor
        for top in range(0, height, tall):
            for left in range(0, width, wide):
                yield left, top, min(left + wide, width), min(top + tall, height)

    def _cut(self, box: Box) -> Image.Image:
        return self._image if box == (0, 0, *self._image.size) else self._image.crop(box)

    def _srgb_block(self, box: Box, factor: int) -> Image.Image:
        """One block in sRGB, shrunk by `factor` first, since all later steps then take a fraction of the time."""
        block = self._plain_block(box)
        if self._opaque and block.mode in _ALPHA.values():
            block = block.convert(block.mode[:-1])  # saves the multiplication by alpha
        if factor > 1:
            block = block.reduce(factor)
        alpha = block.getchannel("A") if block.mode in _ALPHA.values() else None
        if alpha is not None:
            block = block.convert(block.mode[:-1])
        if self._profile.transform is not None:
            block = self._profile.to_srgb(block.convert(self._profile.space))
        block = block.convert("RGB")
        if alpha is not None:
            white = Image.new("RGB", block.size, (255, 255, 255))
            white.paste(block, mask=alpha)
            block = white
        return block

    def _plain_block(self, box: Box) -> Image.Image:
        """One block as 8-bit L, LA, RGB, RGBA or CMYK, with alpha if the picture has any transparency."""
        block = self._cut(box)
        if isinstance(self._scale, depth.ColourScale):
            return self._scale.to_8_bits(block, box)
        if self._scale is not None:
            return self._scaled_grey(block, self._scale)
        if block.mode == "CMYK":
            # Pillow inverts every CMYK JPEG; only Adobe's are stored inverted
            plain = self._image.format in ("JPEG", "MPO") and "adobe" not in self._image.info
            return ImageChops.invert(block) if plain else block
        if block.has_transparency_data:
            return block.convert(_PREMULTIPLIED.get(block.mode, "LA" if block.mode == "LA" else "RGBA"))
        return block if block.mode in ("L", "RGB") else block.convert("L" if block.mode == "1" else "RGB")

    def _scaled_grey(self, block: Image.Image, scale: depth.GreyScale) -> Image.Image:
        values = np.asarray(block)
        shades = Image.fromarray(scale.to_8_bits(values))
        if "transparency" in self._image.info:
            alpha = Image.fromarray(np.where(values == self._image.info["transparency"], 0, 255).astype(np.uint8))
            shades = Image.merge("LA", (shades, alpha))
        return shades

    def _colour_key(self) -> int | tuple[int, ...]:
        """The transparent colour of a PNG on the scale of 8 bits that Pillow decodes to; the file has it on its own."""
        key = self._image.info["transparency"]
        if self._bit_depth == 16:
            return tuple(value >> 8 for value in key) if isinstance(key, tuple) else key
        if self._bit_depth in (2, 4) and self._image.mode == "L":
            return key * (255 // (2**self._bit_depth - 1))
        return key


def _as_stored(upright: np.ndarray, turn: Image.Transpose | None) -> np.ndarray:
    """A view of `upright` (H, W, 3) in the orientation of the file: what is written there appears turned by `turn`."""
    match turn:
        case Image.Transpose.FLIP_LEFT_RIGHT:
            return upright[:, ::-1]
        case Image.Transpose.ROTATE_180:
            return upright[::-1, ::-1]
        case Image.Transpose.FLIP_TOP_BOTTOM:
            return upright[::-1]
        case Image.Transpose.TRANSPOSE:
            return upright.transpose(1, 0, 2)
        case Image.Transpose.TRANSVERSE:
            return upright[::-1, ::-1].transpose(1, 0, 2)
        case Image.Transpose.ROTATE_270:  # a quarter clockwise
            return upright.transpose(1, 0, 2)[::-1]
        case Image.Transpose.ROTATE_90:
            return upright.transpose(1, 0, 2)[:, ::-1]
        case _:
            return upright
