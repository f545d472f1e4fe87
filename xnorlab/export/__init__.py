"""Packing: the one bridge from torch to the runtime, on which a trained model becomes a packed network."""

from xnorlab.export.errors import ExportError
from xnorlab.export.packing import pack

__all__ = ["ExportError", "pack"]
