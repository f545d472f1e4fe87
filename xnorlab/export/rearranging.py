"""Handlers for steps that move numbers and compute none: reshapes, permutations, slices, shuffles, repeats.

Such a step is not packed when it comes: most of them stand in chains (a channel shuffle is a view, a transposition
and a view) of which only the last value is needed. What a chain does is found by sending the positions of its first
value's numbers through torch itself; `layout` finds the ops for it.
"""

import operator
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs
from xnorlab.runtime import ops

_METHODS = (
    *("view", "reshape", "flatten", "unflatten", "permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis"),
    *("squeeze", "unsqueeze", "chunk", "split", "tensor_split", "unbind", "narrow", "select", "index_select", "flip"),
    *("roll", "repeat", "expand", "repeat_interleave", "t", "tile", "split_with_sizes", "broadcast_to"),
    *("squeeze_", "unsqueeze_", "transpose_"),
)
_FUNCTIONS = (
    *(torch.reshape, torch.flatten, torch.unflatten, torch.permute, torch.transpose, torch.swapaxes, torch.swapdims),
    *(torch.movedim, torch.moveaxis, torch.squeeze, torch.unsqueeze, torch.chunk, torch.split, torch.tensor_split),
    *(torch.unbind, torch.narrow, torch.select, torch.index_select, torch.flip, torch.roll, torch.t, torch.tile),
    *(torch.repeat_interleave, torch.broadcast_to, torch.channel_shuffle, F.channel_shuffle, operator.getitem),
)
_MODULES = (nn.Flatten, nn.Unflatten, nn.ChannelShuffle)


@packs(*_FUNCTIONS, *(name for name in _METHODS if hasattr(Tensor, name)))
def _moves(builder: Builder, node: Node, input: Any, *args: Any, **kwargs: Any) -> None:
    if not isinstance(input, Node) or any(_varies(builder, value) for value in (args, kwargs)):
        raise ExportError("can be packed as a step of one value with constant arguments only")
    builder.rearrange(node, input)


@packs(*_MODULES)
def _moves_module(builder: Builder, node: Node, module: nn.Module, input: Node) -> None:
    builder.rearrange(node, input)


@packs(getattr)
def _attribute(builder: Builder, node: Node, input: Node, name: str) -> None:
    if name == "data":
        builder.same(node, input)
        return
    if name not in ("T", "mT", "H", "mH", "values"):
        raise ExportError(f"the attribute {name!r} of a value that depends on the input cannot be packed")
    builder.rearrange(node, input)


@packs(nn.PixelShuffle)
def _pixel_shuffle_module(builder: Builder, node: Node, module: nn.PixelShuffle, input: Node) -> None:
    _pixel_shuffle(builder, node, input, module.upscale_factor)


@packs(F.pixel_shuffle, torch.pixel_shuffle)
def _pixel_shuffle(builder: Builder, node: Node, input: Node, upscale_factor: int) -> None:
    builder.demand_map(input)
    builder.give(node, builder.add(ops.PixelShuffle, node, builder.name_of(input), factor=upscale_factor))


@packs(nn.PixelUnshuffle)
def _pixel_unshuffle_module(builder: Builder, node: Node, module: nn.PixelUnshuffle, input: Node) -> None:
    _pixel_unshuffle(builder, node, input, module.downscale_factor)


@packs(F.pixel_unshuffle, torch.pixel_unshuffle)
def _pixel_unshuffle(builder: Builder, node: Node, input: Node, downscale_factor: int) -> None:
    builder.demand_map(input)
    builder.give(node, builder.add(ops.PixelUnshuffle, node, builder.name_of(input), factor=downscale_factor))


def _varies(builder: Builder, argument: Any) -> bool:
    """Whether an argument holds a value that depends on the input."""
    if isinstance(argument, Node):
        return builder.traced.varies(argument)
    parts = argument.values() if isinstance(argument, dict) else argument
    return isinstance(argument, dict | list | tuple) and any(_varies(builder, part) for part in parts)
