"""Handlers for windows over a map: pools of fixed windows, and of a grid of cells."""

from typing import Any

import torch
from torch import nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.conventions import pair
from xnorlab.export.builder import Builder
from xnorlab.export.dependence import Reads
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs
from xnorlab.runtime import ops


@packs(nn.MaxPool2d)
def _max_pool_module(builder: Builder, node: Node, module: nn.MaxPool2d, input: Node) -> None:
    _max_pool(
        builder,
        node,
        input,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        module.ceil_mode,
        module.return_indices,
    )


@packs(F.max_pool2d, torch.max_pool2d)
def _max_pool(
    builder: Builder,
    node: Node,
    input: Node,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode=False,
    return_indices=False,
) -> None:
    if return_indices or pair(dilation, "dilation", 1) != (1, 1):
        raise ExportError("can be packed with dilation=1 and return_indices=False only")
    name = _pool(builder, node, input, ops.CeilMaxPool if ceil_mode else ops.MaxPool, kernel_size, stride, padding)
    if ceil_mode:
        builder.rounds_up.append(name)


@packs(nn.AvgPool2d)
def _avg_pool_module(builder: Builder, node: Node, module: nn.AvgPool2d, input: Node) -> None:
    _avg_pool(
        builder,
        node,
        input,
        module.kernel_size,
        module.stride,
        module.padding,
        module.ceil_mode,
        module.count_include_pad,
        module.divisor_override,
    )


@packs(F.avg_pool2d)
def _avg_pool_function(
    builder: Builder,
    node: Node,
    input: Node,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override: Any = None,
) -> None:
    window = node.kwargs["kernel_size"] if "kernel_size" in node.kwargs else node.args[1]
    padded = pair(padding, "padding", 0) != (0, 0)
    if _is_whole_map(builder, input, window) and not padded and divisor_override is None:
        builder.settle(node)
        builder.give(node, builder.add(ops.GlobalAvgPool, node, builder.name_of(input)))
        return
    _avg_pool(builder, node, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _is_whole_map(builder: Builder, input: Node, window: Any) -> bool:
    """Whether a window is, at every size of the input, as high and as wide as the map that it moves over."""
    sides = [size.size for size in builder.traced.elements(window) if isinstance(size, Reads) and size.size]
    return [dim for _, dim in sides] == [2, 3] and all(builder.same_map(node, input) for node, _ in sides)


def _avg_pool(
    builder: Builder,
    node: Node,
    input: Node,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
) -> None:
    border = pair(padding, "padding", 0) != (0, 0)
    if not ceil_mode and divisor_override is None and (count_include_pad or not border):
        _pool(builder, node, input, ops.AvgPool, kernel_size, stride, padding)
        return
    fields = {
        "ceil_mode": bool(ceil_mode),
        "count_include_pad": bool(count_include_pad) or not border,
        "divisor": 0 if divisor_override is None else divisor_override,
    }
    name = _pool(builder, node, input, ops.CountedAvgPool, kernel_size, stride, padding, fields)
    if ceil_mode:
        builder.rounds_up.append(name)


def _pool(
    builder: Builder,
    node: Node,
    input: Node,
    kind: type,
    kernel: Any,
    stride: Any,
    padding: Any,
    more: dict[str, Any] | None = None,
) -> str:
    builder.demand_map(input)
    window = pair(kernel, "kernel_size", 1)
    step = window if stride is None or stride == [] else pair(stride, "stride", 1)
    fields: dict[str, Any] = {"kernel": window, "stride": step, "padding": pair(padding, "padding", 0), **(more or {})}
    name = builder.add(kind, node, builder.name_of(input), **fields)
    builder.give(node, name)
    return name


@packs(nn.AdaptiveAvgPool2d)
def _adaptive_mean_module(builder: Builder, node: Node, module: nn.AdaptiveAvgPool2d, input: Node) -> None:
    _adaptive_mean(builder, node, input, module.output_size)


@packs(F.adaptive_avg_pool2d)
def _adaptive_mean(builder: Builder, node: Node, input: Node, output_size: Any) -> None:
    _adaptive(builder, node, input, output_size, "mean")


@packs(nn.AdaptiveMaxPool2d)
def _adaptive_max_module(builder: Builder, node: Node, module: nn.AdaptiveMaxPool2d, input: Node) -> None:
    _adaptive_max(builder, node, input, module.output_size, module.return_indices)


@packs(F.adaptive_max_pool2d)
def _adaptive_max(builder: Builder, node: Node, input: Node, output_size: Any, return_indices=False) -> None:
    if return_indices:
        raise ExportError("can be packed with return_indices=False only")
    _adaptive(builder, node, input, output_size, "max")


def _adaptive(builder: Builder, node: Node, input: Node, output_size: Any, how: str) -> None:
    builder.demand_map(input)
    sides = tuple(output_size) if isinstance(output_size, list | tuple) else (output_size, output_size)
    if sides == (1, 1) and how == "mean":
        builder.give(node, builder.add(ops.GlobalAvgPool, node, builder.name_of(input)))
        return
    size = tuple(0 if side is None else int(side) for side in sides)
    builder.give(node, builder.add(ops.AdaptivePool, node, builder.name_of(input), how=how, size=size))
