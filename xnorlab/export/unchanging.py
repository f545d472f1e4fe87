"""Handlers for what changes nothing in evaluation: dropout, copies, casts to the dtype that a value has."""

from typing import Any

import torch
from torch import nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_DROPOUT_FUNCTIONS = (
    *(F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout),
    "torchvision.ops.stochastic_depth.stochastic_depth",
)


@packs(nn.Identity, *_DROPOUTS)
def _identity_module(builder: Builder, node: Node, module: nn.Module, input: Node) -> None:
    builder.same(node, input)


@packs(*_DROPOUT_FUNCTIONS)
def _dropout(
    builder: Builder, node: Node, input: Node, p=0.5, mode: Any = None, training: Any = None, **_: Any
) -> None:
    # F.dropout has its third argument, `training`, where stochastic_depth has `mode`.
    active = (True if mode is None else mode) if training is None else training
    if active is not False:
        raise ExportError("is active in evaluation; pass training=self.training")
    builder.same(node, input)


@packs("contiguous", "detach", "detach_", "clone", torch.detach, torch.clone, "requires_grad_", "cpu")
@packs(torch.Tensor.contiguous, torch.Tensor.detach, torch.Tensor.clone)
def _copy(builder: Builder, node: Node, input: Node, *_: Any, **__: Any) -> None:
    builder.same(node, input)


@packs("float", "to", "type", "type_as", "half", "double", "bfloat16", "bool", "int", "long")
def _cast(builder: Builder, node: Node, input: Node, *_: Any, **__: Any) -> None:
    before, after = (builder.traced.values[each].dtype for each in (input, node))
    if after != torch.float32 or before not in (torch.float32, torch.bool):
        raise ExportError(f"turns {before} into {after}, which cannot be packed; only float32 can")
    if before == torch.float32:
        builder.same(node, input)
    else:
        builder.later(node, input, lambda name: name, monotone=True)
    builder.settle(node)
