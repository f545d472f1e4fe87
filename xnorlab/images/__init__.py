"""Reading of photos and their preprocessing for a network, with numpy and Pillow only.

`open_image` turns any photo into upright 8-bit RGB, or refuses it with one sentence; `read_image` also says what was
converted. `Preprocessing` turns such a picture into a network's input.
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
