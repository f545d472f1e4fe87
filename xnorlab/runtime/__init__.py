"""Inference without torch: packed networks, and the packed convolution on its own."""

from xnorlab.runtime.binary_conv import BinaryConv2d
from xnorlab.runtime.file_format import PackedFileError
from xnorlab.runtime.network import Network
from xnorlab.runtime.recording import Recording, record
from xnorlab.runtime.records import Answer, LayerSummary, Prediction
from xnorlab.runtime.unknown import UnknownRule

__all__ = [
    "Answer",
    "BinaryConv2d",
    "LayerSummary",
    "Network",
    "PackedFileError",
    "Prediction",
    "Recording",
    "UnknownRule",
    "record",
]
