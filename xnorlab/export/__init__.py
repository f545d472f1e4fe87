"""The only bridge from torch to the runtime: a trained model becomes a packed network."""

from xnorlab.export.errors import ExportError
from xnorlab.export.packing import pack

__all__ = ["ExportError", "pack"]
