"""Handlers for what works over the positions of a map: pools, means and flattening."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.conventions import pair
from xnorlab.export.builder import Builder, packs
from xnorlab.export.ceil_mode import windows_fill
from xnorlab.export.dependence import Reads
from xnorlab.export.errors import ExportError
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
    if ceil_mode or return_indices or pair(dilation, "dilation", 1) != (1, 1):
        raise ExportError("can be packed with dilation=1, ceil_mode=False and return_indices=False only")
    _pool(builder, node, input, ops.MaxPool, kernel_size, stride, padding)


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
    padded = pair(padding, "padding", 0) != (0, 0)
    if divisor_override is not None or (padded and not count_include_pad):
        raise ExportError("can be packed with count_include_pad=True and its own divisor only")
    name = _pool(builder, node, input, ops.AvgPool, kernel_size, stride, padding)
    if ceil_mode:
        pool = builder.ops[name]
        assert isinstance(pool, ops.AvgPool)
        if not windows_fill(pool, builder.traced.values[input].shape[2:]):
            raise ExportError("can be packed with ceil_mode=True only where no window reaches beyond the map")
        builder.whole_windows[name] = node


def _pool(builder: Builder, node: Node, input: Node, kind: type, kernel: Any, stride: Any, padding: Any) -> str:
    if builder.traced.values[input].dim() != 4:
        raise ExportError("pools something that is no map (N, C, H, W)")
    window = pair(kernel, "kernel_size", 1)
    step = window if stride is None or stride == [] else pair(stride, "stride", 1)
    fields: dict[str, Any] = {"kernel": window, "stride": step, "padding": pair(padding, "padding", 0)}
    name = builder.add(kind, node, builder.name_of(input), **fields)
    builder.give(node, name)
    return name


@packs(nn.AdaptiveAvgPool2d)
def _adaptive_module(builder: Builder, node: Node, module: nn.AdaptiveAvgPool2d, input: Node) -> None:
    _adaptive(builder, node, input, module.output_size)


@packs(F.adaptive_avg_pool2d)
def _adaptive(builder: Builder, node: Node, input: Node, output_size: Any) -> None:
    if output_size not in (1, (1, 1), [1, 1]):
        raise ExportError(f"output_size={output_size} cannot be packed; only 1 can, the mean over the map")
    builder.give(node, builder.add(ops.GlobalAvgPool, node, builder.name_of(input)))


@packs(torch.mean, "mean")
def _mean(builder: Builder, node: Node, input: Node, dim: Any = None, keepdim=False) -> None:
    axes = {d % 4 for d in dim} if isinstance(dim, list | tuple) else set()
    if builder.traced.values[input].dim() != 4 or axes != {2, 3}:
        raise ExportError("can be packed as the mean over a map's dimensions 2 and 3 only")
    if keepdim:
        builder.give(node, builder.add(ops.GlobalAvgPool, node, builder.name_of(input)))
        return
    pooled = builder.add(ops.GlobalAvgPool, node, builder.name_of(input), suffix="map")
    builder.give(node, builder.add(ops.Flatten, node, pooled))


@packs(nn.Flatten)
def _flatten_module(builder: Builder, node: Node, module: nn.Flatten, input: Node) -> None:
    _flatten(builder, node, input)


@packs(torch.flatten, "flatten")
def _flatten(builder: Builder, node: Node, input: Node, start_dim: Any = 0, end_dim: Any = -1) -> None:
    before, after = builder.traced.values[input].shape, builder.traced.values[node].shape
    if before == after:
        builder.same(node, input)
        return
    if len(before) != 4 or tuple(after) != (before[0], before[1:].numel()):
        raise ExportError(f"turns {tuple(before)} into {tuple(after)}; only (N, C, H, W) into (N, C·H·W) can be packed")
    channels, height, width = before[1:]
    order = np.arange(channels * height * width).reshape(channels, height, width).transpose(1, 2, 0).ravel()
    moved = order if height * width > 1 else None
    builder.give(node, builder.add(ops.Flatten, node, builder.name_of(input)), moved)


@packs(torch.reshape, "reshape", "view")
def _reshape(builder: Builder, node: Node, input: Node, *shape: Any, **named: Any) -> None:
    _flatten(builder, node, input)
    wanted = builder.traced.elements([*node.args[1:], *(v for k, v in node.kwargs.items() if k != "input")])
    if builder.traced.values[node].dim() == 4:
        kept = [_keeps(builder, input, dim, size) for dim, size in enumerate(wanted)]
        if not all(kept[2:]) or len(kept) != 4:
            builder.fix(node, "gives its input a height and a width that are not always its own")
    elif not all(builder.same_map(source, input) for source in builder.traced.arguments(node).maps):
        builder.fix(node, "takes a number that the model computed from its input's height or width")
    # A flattened map runs at one height and width only, where its sizes are what they were on the example.
    builder.settle(node)


def _keeps(builder: Builder, input: Node, dim: int, size: Any) -> bool:
    """Whether a reshape to `size` leaves a dimension as it is, whatever the input's height and width."""
    if isinstance(size, Reads):
        return size.size is not None and size.size[1] == dim and builder.same_map(size.size[0], input)
    return size == -1 or (size == 1 and builder.traced.stays_one_pixel(input))
