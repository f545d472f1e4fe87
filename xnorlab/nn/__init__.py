"""Torch layers and the named systems."""

from xnorlab.nn.binary_conv import BinaryConv2d
from xnorlab.nn.binary_linear import BinaryLinear
from xnorlab.nn.blocks import ResidualBlock, conv_block, first_block
from xnorlab.nn.schemes import SCHEMES, Scheme, Shift, get_scheme

__all__ = [
    "SCHEMES", "BinaryConv2d", "BinaryLinear", "ResidualBlock", "Scheme", "Shift", "conv_block", "first_block",
    "get_scheme",
]  # fmt: skip
