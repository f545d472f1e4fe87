"""Handlers for interpolation and for transposed convolutions."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.conventions import pair
from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs
from xnorlab.runtime import ops


@packs(nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d)
def _upsample_module(builder: Builder, node: Node, module: nn.Upsample, input: Node) -> None:
    factor = module.recompute_scale_factor
    _interpolate(builder, node, input, module.size, module.scale_factor, module.mode, module.align_corners, factor)


@packs(F.interpolate, F.upsample)
def _interpolate(
    builder: Builder,
    node: Node,
    input: Node,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
    antialias: bool = False,
) -> None:
    builder.demand_map(input)
    if mode not in ("nearest", "nearest-exact", "bilinear", "area") or antialias:
        raise ExportError(
            f"mode={mode!r} with antialias={antialias} cannot be packed; 'nearest', 'nearest-exact', 'bilinear' and "
            "'area' without it can"
        )
    factors = None if scale_factor is None else tuple(float(factor) for factor in _two(scale_factor))
    sides = tuple(builder.traced.values[node].shape[2:])
    if recompute_scale_factor and factors is not None and any(factor != int(factor) for factor in factors):
        builder.fix(node, "computes its factors again from a height and a width (recompute_scale_factor=True)")
        factors, size = None, sides
    if mode == "area":
        if factors is not None:
            builder.fix(node, "takes the mean over cells (mode='area') whose number follows a height and a width")
        builder.give(node, builder.add(ops.AdaptivePool, node, builder.name_of(input), how="mean", size=sides))
        return
    fields = {"size": None if factors else tuple(int(side) for side in _two(size)), "factors": factors}
    corners = bool(align_corners) and mode == "bilinear"
    builder.give(
        node, builder.add(ops.Resize, node, builder.name_of(input), mode=mode, align_corners=corners, **fields)
    )


def _two(value: Any) -> tuple[Any, Any]:
    return tuple(value) if isinstance(value, list | tuple) else (value, value)


@packs(nn.ConvTranspose2d)
def _transposed_module(builder: Builder, node: Node, module: nn.ConvTranspose2d, input: Node) -> None:
    if module.padding_mode != "zeros":
        raise ExportError(f"padding_mode={module.padding_mode!r} cannot be packed; only 'zeros' can")
    geometry = module.stride, module.padding, module.output_padding, module.groups, module.dilation
    _transposed(builder, node, input, module.weight, module.bias, *geometry)


@packs(F.conv_transpose2d, torch.conv_transpose2d)
def _transposed(
    builder: Builder,
    node: Node,
    input: Node,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> None:
    """A convolution over the map with zeros between its pixels; its filters are turned by half a turn."""
    builder.demand_map(input)
    if not isinstance(weight, Tensor) or isinstance(bias, Node):
        raise ExportError("a weight that depends on the input cannot be packed")
    channels, each, *kernel = weight.shape
    spread, step = pair(dilation, "dilation", 1), pair(stride, "stride", 1)
    sides = list(
        zip(kernel, spread, pair(padding, "padding", 0), pair(output_padding, "output_padding", 0), strict=True)
    )
    before = [d * (k - 1) - p for k, d, p, _ in sides]
    border = [(side, side + extra) for side, (*_, extra) in zip(before, sides, strict=True)]
    name = builder.name_of(input)
    if step != (1, 1):
        name = builder.add(ops.Spread, node, name, suffix="spread", step=step)
    if min(min(both) for both in border) < 0:
        cuts = [tuple((-a if a < 0 else None, b if b < 0 else None, 1)) for a, b in border]
        name = builder.add(ops.Slice, node, name, suffix="cut", rows=cuts[0], columns=cuts[1])
    rows, columns = (tuple(max(0, side) for side in both) for both in border)
    if any((*rows, *columns)):
        name = builder.add(ops.Border, node, name, suffix="padded", rows=rows, columns=columns)
    turned = weight.detach().flip(2, 3).reshape(groups, channels // groups, each, *kernel)
    filters = turned.permute(0, 2, 3, 4, 1).reshape(groups * each, *kernel, channels // groups)
    fields: dict[str, Any] = {
        "weight": np.ascontiguousarray(filters.numpy()),
        "bias": None if bias is None else bias.detach().numpy(),
        "dilation": spread,
        "groups": groups,
    }
    builder.give(node, builder.add(ops.Conv, node, name, **fields))
