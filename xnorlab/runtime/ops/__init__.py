"""Every op that a packed network may hold, by the `kind` that its file names."""

from xnorlab.runtime.ops.base import Op, Shape
from xnorlab.runtime.ops.convolutions import BinaryConv, BinaryWeightConv, Conv
from xnorlab.runtime.ops.elementwise import Add, Affine, Hardtanh, Pad, PReLU, Quantize, ReLU, Sign
from xnorlab.runtime.ops.matrices import BinaryLinear, BinaryWeightLinear, Linear
from xnorlab.runtime.ops.pooling import AvgPool, Flatten, GlobalAvgPool, MaxPool

OPS: dict[str, type[Op]] = {
    op.kind: op
    for op in (
        Conv,
        BinaryConv,
        BinaryWeightConv,
        Linear,
        BinaryLinear,
        BinaryWeightLinear,
        Affine,
        ReLU,
        PReLU,
        Hardtanh,
        Sign,
        Quantize,
        Add,
        Pad,
        MaxPool,
        AvgPool,
        GlobalAvgPool,
        Flatten,
    )
}

__all__ = [
    "OPS",
    "Add",
    "Affine",
    "AvgPool",
    "BinaryConv",
    "BinaryLinear",
    "BinaryWeightConv",
    "BinaryWeightLinear",
    "Conv",
    "Flatten",
    "GlobalAvgPool",
    "Hardtanh",
    "Linear",
    "MaxPool",
    "Op",
    "PReLU",
    "Pad",
    "Quantize",
    "ReLU",
    "Shape",
    "Sign",
]
