"""Pools and borders: what works on the places of a map."""

from dataclasses import replace
from typing import Any

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.constants import constant
from xnorlab.export.onnx_files.handlers import reads
from xnorlab.export.onnx_files.parsing import Node
from xnorlab.export.onnx_files.reader import Reader
from xnorlab.export.onnx_files.values import Known, Signs, Value
from xnorlab.export.onnx_files.weights import sides
from xnorlab.runtime import ops
from xnorlab.runtime.ops.joining import FILLS


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


@reads("GlobalMaxPool")
def _global_max_pool(reader: Reader, node: Node, x: Known) -> Value:
    return reader.emit(node.name, ops.AdaptivePool, reader.real(x), how="max", size=(1, 1))


@reads("Pad")
def _pad(
    reader: Reader, node: Node, x: Known, pads: Known, fill: Known | None = None, axes: Known | None = None
) -> Known:
    widths, kind = constant(pads, "pads").reshape(-1).tolist(), node.attributes.get("mode", "constant")
    if axes is not None:
        widths = _of_all_axes(widths, constant(axes, "axes").reshape(-1).tolist())
    value = 0.0 if fill is None else float(constant(fill, "constant_value").reshape(-1)[0])
    fills = {onnx: torch for torch, onnx in FILLS.items()}
    if len(widths) != 8 or widths[0] or widths[4] or kind not in fills:
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


def _of_all_axes(widths: list[int], axes: list[int]) -> list[int]:
    """The border of these axes of a map as that of all its axes."""
    if len(widths) != 2 * len(axes) or not all(-4 <= axis < 4 for axis in axes):
        raise ExportError(f"pads={widths[:16]} do not fit axes={axes[:8]} of a map")
    whole = [0] * 8
    for number, axis in enumerate(axes):
        whole[axis % 4], whole[4 + axis % 4] = widths[number], widths[len(axes) + number]
    return whole
