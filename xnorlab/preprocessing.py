"""The fixed way from a picture to a network's input; its home is `xnorlab.images.preprocessing`."""

from xnorlab.images.preprocessing import MAX_RESIZE, Preprocessing

__all__ = ["MAX_RESIZE", "Preprocessing"]
