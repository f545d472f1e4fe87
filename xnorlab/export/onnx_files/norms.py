"""Norms by an input's own statistics: instance, group and layer normalisation, and BatchNormalization."""

from typing import Any

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.arithmetic import with_constant
from xnorlab.export.onnx_files.constants import constant
from xnorlab.export.onnx_files.handlers import reads
from xnorlab.export.onnx_files.moving import channels_moved_last, moves_back, onnx_shape, with_channels_last
from xnorlab.export.onnx_files.parsing import COMPOSED, Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import Known, Moved, Value
from xnorlab.runtime import ops


@reads("BatchNormalization")
def _batch_norm(reader: Reader, node: Node, x: Known, *parameters: Known) -> Value:
    """A product and a sum, from the statistics in float64."""
    value = reader.real(x)
    if len(parameters) != 4 or node.attributes.get("training_mode", 0):
        raise ExportError("is in training; the rule is evaluation, with scale, B, mean and var")
    scale, bias, mean, var = (
        _per_channel(reader, value, p, name).astype(np.float64)
        for p, name in zip(parameters, ("scale", "B", "mean", "var"), strict=True)
    )
    if (var < 0).any():
        raise ExportError(f"var holds {var.min()}, below 0")
    factor = scale / np.sqrt(var + node.attributes.get("epsilon", 1e-5))
    fields = {"scale": factor.astype(np.float32), "bias": (bias - mean * factor).astype(np.float32)}
    return reader.emit(node.name, ops.Affine, value, order=value.order, **fields)


def _per_channel(reader: Reader, value: Value, known: Known, name: str) -> np.ndarray:
    """A parameter (C,), in the order of the runtime."""
    array = constant(known, name)
    is_map = array.ndim == 1 and len(reader.shape(value)) == 3
    return reader.per_channel(value, array[:, None, None] if is_map else array)


@reads("InstanceNormalization")
def _instance_norm(reader: Reader, node: Node, x: Known, scale: Known, bias: Known) -> Known:
    """The norm of each channel of a map; of groups of channels where a map was reshaped to (N, groups, numbers)."""
    eps = float(node.attributes.get("epsilon", 1e-5))
    if isinstance(x, Moved) and len(x.shape) == 2 and moves_back(reader, x):
        parameters = constant(scale, "scale"), constant(bias, "B")
        if not (parameters[0] == 1).all() or parameters[1].any():
            raise ExportError("of groups has a scale other than 1 or a B other than 0, which stand behind it")
        base = reader.settled(reader.real(x.base))
        value = _normed(reader, node, ops.GroupNorm, base, groups=x.shape[0], eps=eps)
        return _moved_alike(node, x, value)
    value = reader.real(x)
    if len(reader.shape(value)) != 3:
        raise ExportError(f"works on shape {reader.shape(value)}; the rule is a map")
    fields = {"scale": _per_channel(reader, value, scale, "scale"), "bias": _per_channel(reader, value, bias, "B")}
    return reader.emit(node.name, ops.GroupNorm, value, groups=reader.shape(value)[-1], eps=eps, **fields)


def _moved_alike(node: Node, x: Moved, value: Value) -> Moved:
    """A norm of the base of `x`, moved as `x` is."""
    return Moved(str(node), f"{node.name} moved", value, x.steps, x.shape)


@reads("GroupNormalization")
def _group_norm(reader: Reader, node: Node, x: Known, scale: Known, bias: Known) -> Value:
    value, groups = reader.settled(reader.real(x)), node.attributes.get("num_groups")
    channels = reader.shape(value)[-1]
    if type(groups) is not int or groups < 1 or channels % groups:
        raise ExportError(f"num_groups={groups} does not divide {channels} channels")
    parts = {}
    for name, known in (("scale", scale), ("bias", bias)):
        array = constant(known, name)
        if array.shape == (groups,):  # before version 21 there was one for each group
            array = np.repeat(array, channels // groups)
        if array.shape != (channels,):
            raise ExportError(f"its {name} has shape {array.shape}; the rule is ({channels},)")
        parts[name] = array
    eps = float(node.attributes.get("epsilon", 1e-5))
    return reader.emit(node.name, ops.GroupNorm, value, groups=groups, eps=eps, **parts)


@reads("LayerNormalization")
def _layer_norm(reader: Reader, node: Node, x: Known, scale: Known, bias: Known | None = None) -> Known:
    """The norm over the last axes: all of a value, or the channels of a map that ONNX has as (N, H, W, C)."""
    eps, axis = float(node.attributes.get("epsilon", 1e-5)), node.attributes.get("axis", -1)
    pixels = with_channels_last(reader, x)
    if pixels is not None and axis in (-1, 3):
        channels = reader.shape(pixels)[-1]
        parts = {name: _vector(known, channels, name) for name, known in (("scale", scale), ("bias", bias)) if known}
        value = reader.emit(node.name, ops.PixelNorm, pixels, eps=eps, **parts)
        return channels_moved_last(reader, node, value)
    value = reader.settled(reader.real(x))
    rank = 1 + len(reader.shape(value))
    if axis % rank != 1:
        rule = "the rule is all axes but the batch, or the channels of a map (N, H, W, C)"
        raise ExportError(f"axis={axis} of a value of shape {onnx_shape(reader.shape(value))} cannot be read; {rule}")
    normed = reader.emit(f"{node.name} normed", ops.GroupNorm, value, groups=1, eps=eps)
    scaled = with_constant(reader, node, "multiply", normed, constant(scale, "scale"))
    return scaled if bias is None else with_constant(reader, node, "add", scaled, constant(bias, "B"))


def _vector(known: Known, channels: int, name: str) -> np.ndarray:
    array = constant(known, name)
    if array.shape != (channels,):
        raise ExportError(f"its {name} has shape {array.shape}; the rule is ({channels},)")
    return array


@reads("MeanVarianceNormalization", domains=(COMPOSED,))
def _mean_variance(reader: Reader, node: Node, x: Known) -> Known:
    """(x − mean) / √(variance + eps) over axes, to which a product and a sum may come."""
    axes, eps = node.attributes.get("axes", ()), float(node.attributes.get("eps", 0.0))
    pixels = with_channels_last(reader, x)
    if pixels is not None and axes in ((-1,), (3,)):
        value = _normed(reader, node, ops.PixelNorm, pixels, eps=eps)
        return channels_moved_last(reader, node, value)
    value = reader.settled(reader.real(x))
    rank = 1 + len(reader.shape(value))
    along = sorted({axis % rank for axis in axes})
    if rank == 4 and along == [1]:
        return _normed(reader, node, ops.PixelNorm, value, eps=eps)
    if along == list(range(1, rank)):
        return _normed(reader, node, ops.GroupNorm, value, groups=1, eps=eps)
    if rank == 4 and along == [2, 3]:
        return _normed(reader, node, ops.GroupNorm, value, groups=reader.shape(value)[-1], eps=eps)
    raise ExportError(
        f"normalises axes={axes} of a value of shape {onnx_shape(reader.shape(value))}, which cannot be read"
    )


def _normed(reader: Reader, node: Node, kind: type[ops.Op], value: Value, **fields: Any) -> Value:
    """A norm without scale and bias yet."""
    made = reader.emit(node.name, kind, value, **fields)
    made.draft.channels, made.draft.rank = reader.shape(value)[-1], len(reader.shape(value))
    return made
