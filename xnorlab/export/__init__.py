"""Packing: the one bridge from torch to the runtime, on which a trained model becomes a packed network; and ONNX."""

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files import from_onnx, to_onnx
from xnorlab.export.packing import pack

__all__ = ["ExportError", "from_onnx", "pack", "to_onnx"]
