"""Handlers for torch's own layers with weights, which are packed to bits where they are signs."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.conventions import pair
from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs
from xnorlab.export.sign_weights import demand_vector, parameter, parameter_or_none, signs_conv, signs_linear, signs_of
from xnorlab.runtime import ops

Pair = tuple[int, int]


@packs(nn.Conv2d)
def _conv_module(builder: Builder, node: Node, module: nn.Conv2d, input: Node) -> None:
    source, padding = input, module.padding
    if module.padding_mode != "zeros":
        source, padding = _bordered(builder, node, module, builder.name_of(input)), 0
    geometry = module.stride, padding, module.dilation, module.groups
    _conv_of(builder, node, source, module.weight, module.bias, *geometry)


def _bordered(builder: Builder, node: Node, module: nn.Conv2d, name: str) -> str:
    """The name of the layer's input with a border that is not of zeros."""
    mode = module.padding_mode
    if mode not in ("reflect", "replicate"):
        raise ExportError(f"padding_mode={mode!r} cannot be packed; 'zeros', 'reflect' and 'replicate' can")
    left, right, top, bottom = module._reversed_padding_repeated_twice
    return builder.add(ops.Border, node, name, suffix="padded", rows=(top, bottom), columns=(left, right), fill=mode)


@packs(F.conv2d, torch.conv2d)
def _conv(
    builder: Builder,
    node: Node,
    input: Node,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups=1,
) -> None:
    _conv_of(builder, node, input, weight, bias, stride, padding, dilation, groups)


def _conv_of(
    builder: Builder,
    node: Node,
    input: Node | str,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> None:
    array = parameter(weight)
    spread = pair(dilation, "dilation", 1)
    geometry = {
        "stride": pair(stride, "stride", 1),
        "padding": _padding(padding, array.shape[2:], spread),
        "dilation": spread,
        "groups": groups,
    }
    signs, scale = signs_of(array)
    if signs is not None and isinstance(input, Node):
        signs_conv(builder, node, input, signs, scale, parameter_or_none(bias), geometry)
        return
    source = builder.name_of(input) if isinstance(input, Node) else input
    real_conv(builder, node, source, array, parameter_or_none(bias), geometry)


def _padding(padding: Any, kernel: tuple[int, ...], dilation: Pair) -> Pair:
    if padding == "valid":
        return 0, 0
    if padding != "same":
        return pair(padding, "padding", 0)
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if any(r % 2 for r in reach):
        raise ExportError("padding='same' with an even kernel pads one side more; that cannot be packed")
    return reach[0] // 2, reach[1] // 2


def real_conv(
    builder: Builder, node: Node, source: str, weight: np.ndarray, bias: np.ndarray | None, geometry: dict
) -> None:
    """Pack a convolution with real weights (N, C, kh, kw)."""
    nhwc = np.ascontiguousarray(weight.transpose(0, 2, 3, 1))
    builder.give(node, builder.add(ops.Conv, node, source, weight=nhwc, bias=bias, **geometry))


@packs(nn.Linear)
def _linear_module(builder: Builder, node: Node, module: nn.Linear, input: Node) -> None:
    _linear(builder, node, input, module.weight, module.bias)


@packs(F.linear)
def _linear(builder: Builder, node: Node, input: Node, weight: Any, bias: Any = None) -> None:
    if builder.traced.values[input].dim() == 4 and builder.moved(input).has_channels_last:
        _linear_of_pixels(builder, node, input, parameter(weight), parameter_or_none(bias))
        return
    demand_vector(builder, input)
    ordered = builder.ordered(parameter(weight), input)
    signs, scale = signs_of(ordered)
    if signs is not None:
        signs_linear(builder, node, input, signs, scale, parameter_or_none(bias))
        return
    fields: dict[str, Any] = {"weight": ordered, "bias": parameter_or_none(bias)}
    builder.give(node, builder.add(ops.Linear, node, builder.name_of(input), **fields))


def _linear_of_pixels(builder: Builder, node: Node, input: Node, weight: np.ndarray, bias: np.ndarray | None) -> None:
    """Pack a matrix of each pixel's channels, which torch has last (ConvNeXt): a convolution of 1 × 1."""
    moved = builder.moved(input)
    fields: dict[str, Any] = {"weight": np.ascontiguousarray(weight[:, None, None, :]), "bias": bias}
    name = builder.add(ops.Conv, node, moved.base.emit(), suffix="pixels", **fields)
    builder.settle(node)
    builder.move(node, moved.with_map(name, len(weight)))
