"""Activations, pools, borders, and what turns a map into a vector."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader, constant, reads
from xnorlab.export.onnx_files.signs import mean_magnitude
from xnorlab.export.onnx_files.values import BipolarConstant, Constant, Known, Magnitude, Signs, Value
from xnorlab.export.onnx_files.weights import sides, transposed
from xnorlab.runtime import ops
from xnorlab.runtime.ops.joining import FILLS


@reads("Identity", "Dropout")
def _identity(reader: Reader, node: Node, x: Known, *options: Known) -> Known:
    """What changes nothing in evaluation."""
    return x


@reads("Constant")
def _constant(reader: Reader, node: Node) -> Constant:
    kinds = {"value": None, "value_float": np.float32, "value_floats": np.float32}
    kinds |= {"value_int": np.int64, "value_ints": np.int64}
    given = [name for name in kinds if name in node.attributes]
    if len(given) != 1:
        raise ExportError("holds a constant of a kind that cannot be read")
    return Constant(np.asarray(node.attributes[given[0]], kinds[given[0]]))


@reads("Relu")
def _relu(reader: Reader, node: Node, x: Known) -> Value:
    value = reader.real(x)
    return reader.emit(node.name, ops.ReLU, value, order=value.order)


@reads("PRelu")
def _prelu(reader: Reader, node: Node, x: Known, slope: Known) -> Value:
    value = reader.real(x)
    slopes = reader.per_channel(value, constant(slope, "slope"))
    return reader.emit(node.name, ops.PReLU, value, order=value.order, slope=slopes)


@reads("LeakyRelu")
def _leaky_relu(reader: Reader, node: Node, x: Known) -> Value:
    value = reader.real(x)
    slope = np.full(reader.shape(value)[-1], node.attributes.get("alpha", 0.01), np.float32)
    return reader.emit(node.name, ops.PReLU, value, order=value.order, slope=slope)


@reads("Clip")
def _clip(reader: Reader, node: Node, x: Known, low: Known | None = None, high: Known | None = None) -> Value:
    value = reader.real(x)
    limits = []
    for name, known, side in (("min", low, -1), ("max", high, 1)):
        given = node.attributes.get(name) if known is None else constant(known, name)
        limit = side * float(np.finfo(np.float32).max) if given is None else np.asarray(given, np.float32)
        if np.size(limit) != 1:
            raise ExportError(f"its {name} has shape {np.shape(limit)}; the rule is one number")
        limits.append(float(np.reshape(limit, ())))
    return reader.emit(node.name, ops.Hardtanh, value, order=value.order, low=limits[0], high=limits[1])


@reads("MaxPool")
def _max_pool(reader: Reader, node: Node, x: Known) -> Value:
    return reader.emit(node.name, ops.CeilMaxPool if _rounds_up(node) else ops.MaxPool, reader.real(x), **_window(node))


@reads("AveragePool")
def _average_pool(reader: Reader, node: Node, x: Known) -> Value:
    window, counts_border = _window(node), bool(node.attributes.get("count_include_pad", 0))
    if not _rounds_up(node) and (counts_border or window["padding"] == (0, 0)):
        return reader.emit(node.name, ops.AvgPool, reader.real(x), **window)
    if counts_border:
        raise ExportError("rounds up (ceil_mode=1) and counts its border, which engines do in different ways")
    counts: dict[str, Any] = {"ceil_mode": _rounds_up(node), "count_include_pad": False}
    return reader.emit(node.name, ops.CountedAvgPool, reader.real(x), **window, **counts)


def _rounds_up(node: Node) -> bool:
    return bool(node.attributes.get("ceil_mode", 0))


def _window(node: Node) -> dict[str, Any]:
    kernel = node.attributes.get("kernel_shape")
    strides, dilations, (top, left, bottom, right) = sides(node)
    if not isinstance(kernel, tuple) or len(kernel) != 2 or dilations != (1, 1) or node.attributes.get("storage_order"):
        raise ExportError("the rule is a window (height, width) without dilation, row by row")
    if (top, left) != (bottom, right):
        raise ExportError(f"pads={(top, left, bottom, right)} cannot be read; the rule is the same on both sides")
    return {"kernel": kernel, "stride": strides, "padding": (top, left)}


@reads("GlobalAveragePool")
def _global_average_pool(reader: Reader, node: Node, x: Known) -> Value:
    return reader.emit(node.name, ops.GlobalAvgPool, reader.real(x))


@reads("ReduceMean")
def _reduce_mean(reader: Reader, node: Node, x: Known, axes: Known | None = None) -> Known:
    given = node.attributes.get("axes", ()) if axes is None else constant(axes, "axes").reshape(-1).tolist()
    keeps = bool(node.attributes.get("keepdims", 1))
    if isinstance(x, Magnitude):
        return mean_magnitude(x, tuple(axis % 4 for axis in given), keeps)
    value = reader.real(x)
    if len(reader.shape(value)) != 3 or sorted(axis % 4 for axis in given) != [2, 3]:
        raise ExportError(f"axes={tuple(given)} cannot be read; the rule is height and width of a map, (2, 3)")
    mean = reader.emit(node.name if keeps else f"{node.name} mean", ops.GlobalAvgPool, value)
    return mean if keeps else reader.emit(node.name, ops.Flatten, mean)


@reads("Pad")
def _pad(
    reader: Reader, node: Node, x: Known, pads: Known, fill: Known | None = None, axes: Known | None = None
) -> Known:
    widths, kind = constant(pads, "pads").reshape(-1).tolist(), node.attributes.get("mode", "constant")
    value = 0.0 if fill is None else float(constant(fill, "constant_value").reshape(-1)[0])
    fills = {onnx: torch for torch, onnx in FILLS.items()}
    if len(widths) != 8 or widths[0] or widths[4] or axes is not None or kind not in fills:
        raise ExportError(
            f"mode={kind!r} with pads={widths[:16]} cannot be read; the rule is 8 numbers, 0 for the batch"
        )
    ahead, top, left, behind, bottom, right = *widths[1:4], *widths[5:]
    is_even = (ahead, behind) == (0, 0) and (top, left) == (bottom, right) and kind == "constant"
    if isinstance(x, Signs) and is_even and x.padding == (0, 0) and value in (0, x.scale, -x.scale):
        return replace(x, name=node.name, padding=(top, left), pad_value=int(np.sign(value)), made=[])
    source = reader.real(x)
    if is_even and value in (-1, 1):
        return reader.emit(node.name, ops.Pad, source, padding=(top, left), value=int(value))
    fields: dict[str, Any] = {"rows": (top, bottom), "columns": (left, right), "channels": (ahead, behind)}
    return reader.emit(node.name, ops.Border, source, **fields, fill=fills[kind], value=value)


@reads("Concat")
def _concat(reader: Reader, node: Node, *inputs: Known) -> Value:
    values = [reader.settled(reader.real(x)) for x in inputs]
    axis, rank = node.attributes.get("axis"), len(reader.shape(values[0]))
    if type(axis) is not int or axis % (1 + rank) != 1:
        raise ExportError(f"axis={axis!r} cannot be read; the rule is 1, the channels")
    return reader.emit(node.name, ops.Concatenate, *values) if len(values) > 1 else values[0]


@reads("Softmax", "LogSoftmax")
def _softmax(reader: Reader, node: Node, x: Known) -> Value:
    value = reader.settled(reader.real(x))
    rank = len(reader.shape(value))
    if rank != 1 or node.attributes.get("axis", -1 if reader.graph.opset >= 13 else 1) not in (1, -1):
        raise ExportError(f"works on a value of shape {reader.shape(value)}; the rule is the last axis of a vector")
    return reader.emit(node.name, ops.Softmax, value, log=node.kind == "LogSoftmax")


@reads("Transpose")
def _transpose(reader: Reader, node: Node, x: Known) -> Known:
    axes = node.attributes.get("perm")
    if isinstance(x, Constant | BipolarConstant):
        return transposed(x, axes)
    value = reader.real(x)
    if axes != (0, 2, 3, 1) or len(reader.shape(value)) != 3 or value.channels_last:
        raise ExportError(f"perm={axes} cannot be read; the rule is (0, 2, 3, 1), channels last, ahead of a vector")
    return replace(value, channels_last=True)


@reads("Flatten")
def _flatten(reader: Reader, node: Node, x: Known) -> Known:
    if node.attributes.get("axis", 1) != 1:
        raise ExportError(f"axis={node.attributes['axis']} cannot be read; the rule is 1: all but the batch")
    return _as_vector(reader, node, x)


@reads("Reshape")
def _reshape(reader: Reader, node: Node, x: Known, shape: Known) -> Known:
    target = tuple(constant(shape, "shape").reshape(-1).tolist())
    if isinstance(x, Constant):
        return Constant(x.array.reshape(target))
    features = math.prod(reader.shape(x.value if isinstance(x, Signs) else reader.real(x)))
    batch = (0, -1) if reader.graph.batch is None else (0, -1, reader.graph.batch)
    fits = len(target) == 2 and target[0] in batch and target[1] in (-1, features)
    if not fits or target == (-1, -1) or (target[0] == 0 and node.attributes.get("allowzero", 0)):
        raise ExportError(
            f"to shape {target[:8]} cannot be read; the rule is (0, {features}): all but the batch in one"
        )
    return _as_vector(reader, node, x)


def _as_vector(reader: Reader, node: Node, x: Known) -> Known:
    """A map as a vector. The signs of a map become the signs of the vector."""
    if isinstance(x, Signs) and not any(x.padding):
        vector, pixels = _flat(reader, node, x.value), math.prod(reader.shape(x.value)[:-1])
        reader.hold(5 * math.prod(reader.shape(vector)))
        threshold, flip = (None if part is None else np.tile(part, pixels) for part in (x.threshold, x.flip))
        return Signs(f"{node.name} sign", vector, threshold, flip, x.scale)
    return _flat(reader, node, reader.real(x))


def _flat(reader: Reader, node: Node, value: Value) -> Value:
    shape = reader.shape(value)
    if len(shape) != 3:
        return value
    order = None
    if not value.channels_last and shape[2] > 1 and shape[0] * shape[1] > 1:
        height, width, channels = shape
        reader.hold(8 * math.prod(shape))
        order = np.arange(math.prod(shape)).reshape(channels, height, width).transpose(1, 2, 0).reshape(-1)
    return reader.emit(node.name, ops.Flatten, replace(value, channels_last=False), order=order)
