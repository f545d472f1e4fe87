"""The only bridge from torch to the runtime: a trained model becomes a packed network."""

from xnorlab.export.packing import pack
from xnorlab.export.refusal import ExportError

__all__ = ["ExportError", "pack"]
