"""Binary layers for torch, and the named systems (schemes) that networks are built under."""

from xnorlab.nn.approximation import Agreement, ConvApproximation, agreement, approximate_conv, layer_inputs
from xnorlab.nn.binary_conv import BinaryConv2d
from xnorlab.nn.binary_linear import BinaryLinear
from xnorlab.nn.blocks import ResidualBlock, conv_block, first_block
from xnorlab.nn.rprelu import RPReLU, Shift
from xnorlab.nn.schemes import SCHEMES, Scheme
from xnorlab.nn.variants import VARIANTS, get_scheme

__all__ = [
    "SCHEMES",
    "VARIANTS",
    "Agreement",
    "BinaryConv2d",
    "BinaryLinear",
    "ConvApproximation",
    "RPReLU",
    "ResidualBlock",
    "Scheme",
    "Shift",
    "agreement",
    "approximate_conv",
    "conv_block",
    "first_block",
    "get_scheme",
    "layer_inputs",
]
