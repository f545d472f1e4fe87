"""Signs and what K is made of: GreaterOrEqual and Where, as `to_onnx` writes them, QONNX's BipolarQuant and Quant."""

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.constants import constant
from xnorlab.export.onnx_files.handlers import reads
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import BipolarConstant, Comparison, Constant, Known, Magnitude, Signs

QONNX = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
"""Domains of BipolarQuant and Quant, the newest first."""


@reads("BipolarQuant", domains=QONNX)
def _bipolar_quant(reader: Reader, node: Node, x: Known, scale: Known) -> Known:
    """+scale where x >= 0, else −scale; of weights as of values."""
    factor = constant(scale, "scale")
    if factor.dtype != np.float32 or factor.size == 0 or not (np.isfinite(factor) & (factor > 0)).all():
        raise ExportError(f"its scale is {factor.dtype} of shape {factor.shape}; the rule is finite numbers above 0")
    if isinstance(x, Constant):
        if x.array.dtype != np.float32 or factor.ndim > x.array.ndim:
            raise ExportError(f"takes a constant {x.array.dtype} of shape {x.array.shape}; the rule is float weights")
        return BipolarConstant(np.where(x.array >= 0, np.float32(1), np.float32(-1)), factor)
    if factor.size != 1:
        raise ExportError(f"its scale has shape {factor.shape}; the rule is one number for values that are no weights")
    return Signs(node.name, reader.real(x), scale=float(factor.reshape(())))


@reads("GreaterOrEqual")
def _greater_or_equal(reader: Reader, node: Node, x: Known, threshold: Known) -> Comparison:
    value = reader.real(x)
    return Comparison(value, reader.per_channel(value, constant(threshold, "second input")))


@reads("Where")
def _where(reader: Reader, node: Node, condition: Known, then: Known, otherwise: Known) -> Signs:
    """One number and its negative, chosen by a comparison."""
    if not isinstance(condition, Comparison):
        raise ExportError("takes a condition that is no GreaterOrEqual of a value and a constant")
    value = condition.value
    plus, minus = (reader.per_channel(value, constant(known, "choice")) for known in (then, otherwise))
    scale = float(abs(plus[0]))
    if not 0 < scale < np.inf or (plus != -minus).any() or (np.abs(plus) != np.float32(scale)).any():
        raise ExportError("chooses between numbers that are not one number and its negative: these are no signs")
    threshold = condition.threshold if condition.threshold.any() else None
    flip = plus < 0
    return Signs(node.name, value, threshold, flip if flip.any() else None, scale)


@reads("Abs")
def _abs(reader: Reader, node: Node, x: Known) -> Magnitude:
    return Magnitude(node.name, reader.real(x))


@reads("Quant", domains=QONNX)
def _quant(reader: Reader, node: Node, x: Known, scale: Known, zero_point: Known, bits: Known) -> Known:
    """QONNX's Quant with one bit and a sign, which gives ±scale as BipolarQuant does."""
    given = {name: constant(known, name) for name, known in (("zero point", zero_point), ("bit width", bits))}
    for name, array in given.items():
        if array.size != 1:
            raise ExportError(f"its {name} has shape {array.shape}; the rule is one number")
    width, zero = float(given["bit width"].reshape(())), float(given["zero point"].reshape(()))
    signed, narrow = (node.attributes.get(name) for name in ("signed", "narrow"))
    if (width, zero, signed, narrow) != (1, 0, 1, 1):
        raise ExportError(
            f"has bit width {width:g}, zero point {zero:g}, signed={signed} and narrow={narrow}; the rule is one bit: "
            "bit width 1, zero point 0, signed=1, narrow=1"
        )
    return _bipolar_quant(reader, node, x, scale)
