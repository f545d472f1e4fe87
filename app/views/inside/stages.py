"""What stands between a layer's sums and the next sign, in words."""

import numpy as np

from xnorlab import units
from xnorlab.runtime.binary_layer import BinaryLayer, BinaryOp, Stage
from xnorlab.runtime.ops import Add, Affine, AvgPool, GlobalAvgPool, MaxPool, PReLU
from xnorlab.runtime.pixel_sum import PixelSum

PLAIN = {
    "relu": "ReLU",
    "hardtanh": "clip to −1 … 1",
    "quantize": "rounding to a few levels",
    "activation": "activation",
    "hard_sigmoid": "hard sigmoid",
    "hard_swish": "hard swish",
    "divide": "division by a constant",
    "multiply": "product with another map",
    "pairwise": "gate, or another map",
    "constant": "constant per place",
    "group_norm": "group norm",
    "pixel_norm": "layer norm",
}

Row = tuple[str, str, str]
"""A step, how it is done here, and the value after it."""


def finished_in_words(op: BinaryOp) -> str:
    """What the layer itself does to its sums, such as "× α × K"; "" for nothing."""
    factors = [("α", op.scale is not None), ("K", getattr(op, "input_scale", False))]
    words = [f"× {name}" for name, there in factors if there]
    return " ".join([*words, *(["+ bias"] if op.bias is not None else [])])


def in_words(stage: Stage) -> str:
    """What a stage does."""
    op = stage.op
    if isinstance(op, MaxPool | AvgPool):
        kind = "largest" if isinstance(op, MaxPool) else "mean"
        return f"{kind} of {op.kernel[0]} × {op.kernel[1]}"
    if isinstance(op, Affine):
        return "learned shift" if (op.scale == 1).all() else "norm"
    if isinstance(op, Add):
        return "shortcut added"
    if isinstance(op, PReLU):
        return "PReLU"
    return "mean of the map" if isinstance(op, GlobalAvgPool) else PLAIN.get(op.kind, op.kind)


def chain(layer: BinaryLayer, pixel: PixelSum) -> list[Row]:
    """From a sum to the next layer's bit: one row per step, each with what it does to this filter at this pixel."""
    index, op = pixel.filter, layer.op
    rows: list[Row] = [("sum", f"{pixel.agreements:,} agree − {pixel.disagreements:,} differ", whole(pixel.sum))]
    words = finished_in_words(op)
    if words:
        numbers = [f"× {_number(op.scale[index])}"] if op.scale is not None else []
        numbers += [f"× {_number(layer.input_scale[pixel.pixel])}"] if layer.input_scale is not None else []
        numbers += [_plus(op.bias[index])] if op.bias is not None else []
        rows.append((words, " ".join(numbers), _number(pixel.own)))
    for stage, place in zip(layer.stages, layer.pixels_after(pixel.pixel), strict=True):
        rows.append((in_words(stage), _how(stage, place, index), _number(stage.value[(*place, index)])))
    if layer.next_rule is not None and layer.next_signs is not None:
        place = [pixel.pixel, *layer.pixels_after(pixel.pixel)][-1]
        rule, bit = layer.next_rule, layer.next_signs[(*place, index)]
        value, limit = _number(layer.last[(*place, index)]), _number(rule.threshold[index])
        holds = "yes" if layer.last[(*place, index)] >= rule.threshold[index] else "no"
        turned = ", turned over: the norm's factor is negative" if rule.flip[index] else ""
        rows.append(("the next layer's bit", f"{value} ≥ {limit}? {holds}{turned}", "+1" if bit > 0 else "−1"))
    return [(f"{number}: {step}", here, value) for number, (step, here, value) in enumerate(rows, start=1)]


def _how(stage: Stage, place: tuple[int, int], index: int) -> str:
    op = stage.op
    if isinstance(op, Affine):
        times = "" if (op.scale == 1).all() else f"× {_number(op.scale[index])} "
        return times + _plus(op.bias[index])
    if isinstance(op, PReLU):
        return f"× {_number(op.slope[index])} below 0"
    if isinstance(op, MaxPool | AvgPool):
        return f"of the window at row {place[0]}, column {place[1]} of the smaller map"
    if stage.added is not None:
        return f"{_plus(stage.added[(*place, index)])}, which came around the layer"
    if isinstance(op, GlobalAvgPool):
        return "over all its places, for the classifier"
    return "max(x, 0)" if op.kind == "relu" else ""


def whole(number: int) -> str:
    """A whole number with its sign, such as "+1,024"."""
    return f"{number:+,d}".replace("-", "−")


def _plus(value: float | np.floating) -> str:
    """A number to add, such as "plus 0.12" or "minus 3"; at the start of a cell a sign would begin a list."""
    return f"{'minus' if value < 0 else 'plus'} {_number(abs(value))}"


def _number(value: float | np.floating) -> str:
    return units.significant(float(value))
