"""ONNX out and in: a packed network as an ONNX file, and a file with signs and binary weights as a packed network."""

from xnorlab.export.onnx_files.reading import from_onnx
from xnorlab.export.onnx_files.writing import to_onnx

__all__ = ["from_onnx", "to_onnx"]
