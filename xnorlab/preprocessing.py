"""How a picture becomes a network's input. The code lies in `xnorlab.images.preprocessing`."""

from xnorlab.images.preprocessing import MAX_RESIZE, Preprocessing

__all__ = ["MAX_RESIZE", "Preprocessing"]
