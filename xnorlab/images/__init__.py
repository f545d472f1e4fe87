"""From any photo to the pixels that a network sees; numpy and Pillow only.

`open_image` turns whatever a visitor hands in into upright 8-bit RGB, or refuses it with one sentence; `read_image`
also says what was converted. `Preprocessing` takes such a picture on to a network's input.
"""

from xnorlab.images.formats import SUFFIXES
from xnorlab.images.limits import MAX_PIXELS
from xnorlab.images.pixels import WORKING_SIDE
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.images.reading import Picture, open_image, read_image
from xnorlab.images.sources import ImageError

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "WORKING_SIDE",
    "ImageError",
    "Picture",
    "Preprocessing",
    "open_image",
    "read_image",
]
