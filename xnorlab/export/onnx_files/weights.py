"""Layers with weights: Conv, Gemm and MatMul, whose weights may be of one magnitude per filter."""

from typing import Any

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.constants import constant, ordered, spread
from xnorlab.export.onnx_files.handlers import reads
from xnorlab.export.onnx_files.moving import channels_moved_last, move, signs_of, with_channels_last
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import BipolarConstant, Constant, InputScale, Known, Magnitude, Signs, Value
from xnorlab.kernels.packing import pack_filters, pack_ternary
from xnorlab.runtime import ops


def sides(node: Node) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int]]:
    """Strides, dilations and pads (top, left, bottom, right) of a node with windows over a map."""
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID"):
        raise ExportError(f"auto_pad={auto!r} cannot be read; write the pads themselves")
    strides, dilations = (_integers(node, name, 2, (1, 1)) for name in ("strides", "dilations"))
    return strides, dilations, _integers(node, "pads", 4, (0, 0, 0, 0))


def _integers(node: Node, name: str, count: int, default: tuple[int, ...]) -> Any:
    value = node.attributes.get(name, default)
    if not isinstance(value, tuple) or len(value) != count or not all(type(v) is int for v in value):
        raise ExportError(f"{name}={value!r} must be {count} integers, those of a map with height and width")
    return value


@reads("Conv")
def _conv(reader: Reader, node: Node, x: Known, weight: Known, bias: Known | None = None) -> Known:
    strides, dilations, (top, left, bottom, right) = sides(node)
    geometry: dict[str, Any] = {"stride": strides, "padding": (top, left), "dilation": dilations}
    is_even = (top, left) == (bottom, right)
    if isinstance(x, Magnitude):
        if not is_even:
            raise ExportError("the input scale K has the same border on both sides")
        return _input_scale(node, x, weight, geometry)
    signs, scale, kind = _factored(weight, 4)
    fields: dict[str, Any] = {**geometry, "groups": node.attributes.get("group", 1), **_bias(bias, len(signs), 3)}
    nhwc = np.ascontiguousarray(signs.transpose(0, 2, 3, 1))
    if isinstance(x, Signs) and kind == "binary" and is_even and (x.padding == (0, 0) or not any((top, left))):
        if any(x.padding):
            fields |= {"padding": x.padding, "pad_value": x.pad_value}
        fields |= {"threshold": x.threshold, "flip": x.flip, "scale": _factors(scale, len(signs), x.scale)}
        value = _packed(reader, node, ops.BinaryConv, x.value, nhwc, fields)
        value.draft.signs = x
        return value
    source = reader.settled(reader.real(x))
    if not is_even:
        border: dict[str, Any] = {"rows": (top, bottom), "columns": (left, right)}
        source = reader.emit(f"{node.name} border", ops.Border, source, **border)
        fields["padding"] = (0, 0)
    if kind == "real":
        return reader.emit(node.name, ops.Conv, source, weight=nhwc, **fields)
    layer = ops.BinaryWeightConv if kind == "binary" else ops.TernaryWeightConv
    return _packed(reader, node, layer, source, nhwc, {**fields, "scale": scale})


def _packed(reader: Reader, node: Node, kind: type[ops.Op], source: Value, filters: np.ndarray, fields: dict) -> Value:
    """A layer with packed filters (N, kh, kw, C // groups)."""
    if len(reader.shape(source)) != 3:
        raise ExportError(f"works on shape {reader.shape(source)}; the rule is a map")
    channels = filters.shape[3] * fields["groups"]
    value = reader.emit(node.name, kind, source, channels=channels, **_planes(filters), **fields)
    value.draft.channels = len(filters)
    return value


def _planes(filters: np.ndarray) -> dict[str, np.ndarray]:
    if filters.all():
        return {"words": pack_filters(filters)}
    words, nonzero = pack_ternary(filters)
    return {"words": words, "nonzero": nonzero}


def _input_scale(node: Node, x: Magnitude, weight: Known, geometry: dict[str, Any]) -> InputScale:
    """A box filter over the mean magnitude."""
    box = constant(weight, "weight")
    if not x.mean or box.shape[:2] != (1, 1) or box.ndim != 4 or node.attributes.get("group", 1) != 1:
        raise ExportError("follows Abs, which can be read as a part of the input scale K only: a mean and a box filter")
    if not np.allclose(box, 1 / (box.shape[2] * box.shape[3]), rtol=1e-6, atol=0):
        raise ExportError("follows Abs with other weights than 1/(kh·kw), those of the input scale K")
    return InputScale(x.value, (box.shape[2], box.shape[3]), geometry)


@reads("Gemm")
def _gemm(reader: Reader, node: Node, x: Known, weight: Known, bias: Known | None = None) -> Known:
    given = {name: node.attributes.get(name, usual) for name, usual in (("alpha", 1.0), ("beta", 1.0), ("transA", 0))}
    if list(given.values()) != [1.0, 1.0, 0]:
        raise ExportError(f"{given} cannot be read; the rule is alpha=1, beta=1 and transA=0")
    turned = weight if node.attributes.get("transB", 0) else _turned(reader, node, weight)
    return _linear(reader, node, x, turned, bias)


@reads("MatMul")
def _matmul(reader: Reader, node: Node, x: Known, weight: Known) -> Known:
    """A matrix of a vector; of a map that ONNX has as (N, H, W, C) it is a convolution of 1 × 1."""
    turned = _turned(reader, node, weight)
    map = with_channels_last(reader, x)
    if map is None:
        return _linear(reader, node, x, turned, None)
    kernel = move(reader, node, turned, lambda array: array[:, :, None, None])
    return channels_moved_last(reader, node, reader.real(_conv(reader, node, map, kernel)))


def _turned(reader: Reader, node: Node, weight: Known) -> Known:
    """A weight (F, N) as (N, F)."""
    if not isinstance(weight, Constant | BipolarConstant):
        raise ExportError("its weight is not a constant")
    return move(reader, node, weight, lambda array: array.transpose())


def _linear(reader: Reader, node: Node, x: Known, weight: Known, bias: Known | None) -> Value:
    signs, scale, kind = _factored(weight, 2)
    signs_of_x = signs_of(reader, x) if kind == "binary" else None
    source = reader.real(x) if signs_of_x is None else signs_of_x.value
    shape = reader.shape(source)
    if shape != signs.shape[1:]:
        raise ExportError(f"multiplies a value of shape {shape} by a weight (N, F) of {signs.shape}; the rule is (F,)")
    fields: dict[str, Any] = _bias(bias, len(signs), 1)
    filters = ordered(source, signs)
    if kind == "real":
        return reader.emit(node.name, ops.Linear, source, weight=np.ascontiguousarray(filters), **fields)
    planes = {name: plane[:, 0, 0] for name, plane in _planes(np.ascontiguousarray(filters[:, None, None])).items()}
    fields |= {"features": signs.shape[1], "scale": scale, **planes}
    layer: type[ops.Op] = ops.BinaryWeightLinear if kind == "binary" else ops.TernaryWeightLinear
    if signs_of_x is not None:
        layer, factor = ops.BinaryLinear, _factors(scale, len(signs), signs_of_x.scale)
        fields |= {"threshold": signs_of_x.threshold, "flip": signs_of_x.flip, "scale": factor}
    value = reader.emit(node.name, layer, source, **fields)
    value.draft.channels, value.draft.rank = len(signs), 1
    return value


def _factored(weight: Known, axes: int) -> tuple[np.ndarray, np.ndarray | None, str]:
    """The weights, one factor per filter or None, and "binary", "ternary" or "real".

    Weights of one magnitude per filter are signs times that factor; with zeros among them they are ternary.
    """
    if isinstance(weight, BipolarConstant):
        filters, scale = weight.signs, weight.scale
        full = (1,) * (filters.ndim - scale.ndim) + scale.shape
        if filters.ndim != axes or any(size != 1 for size in full[1:]) or full[0] not in (1, len(filters)):
            rule = "the rule is one factor per filter or one for all"
            raise ExportError(f"its binary weights {filters.shape} have scales of shape {scale.shape}; {rule}")
        return filters, _factors(np.broadcast_to(scale.reshape(-1), len(filters)), len(filters)), "binary"
    filters = constant(weight, "weight")
    if filters.ndim != axes or filters.dtype != np.float32 or filters.size == 0:
        rule = "(N, C, kh, kw)" if axes == 4 else "(N, F)"
        raise ExportError(f"its weight is {filters.dtype} of shape {filters.shape}; the rule is float {rule}")
    flat = np.abs(filters).reshape(len(filters), -1)
    largest = flat.max(1)
    if flat.shape[1] == 1 or not ((flat == largest[:, None]) | (flat == 0)).all() or not largest.any():
        return filters, None, "real"
    kind = "binary" if flat.all() else "ternary"
    return np.sign(filters), _factors(np.where(largest == 0, np.float32(1), largest), len(filters)), kind


def _factors(scale: np.ndarray | None, filters: int, factor: float = 1.0) -> np.ndarray | None:
    """One factor per filter times a number, float32 (N,); None where the product is 1 everywhere."""
    factors = np.ones(filters, np.float32) if scale is None else scale
    factors = np.ascontiguousarray(factors * np.float32(factor))
    return None if (factors == 1).all() else factors


def _bias(bias: Known | None, filters: int, rank: int) -> dict[str, Any]:
    """The field `bias`, where there is one. That of Conv is (N,), that of Gemm is spread over (batch, N)."""
    if bias is None:
        return {}
    array = constant(bias, "bias")
    if rank == 3 and array.shape != (filters,):
        raise ExportError(f"its bias has shape {array.shape}; the rule is ({filters},)")
    return {"bias": spread(array, filters, 1)}
