"""Handlers for xnorlab's own layers and input binarizers."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.fx import Node

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.export.handlers import packs
from xnorlab.export.sign_folding import is_sign, sign_of
from xnorlab.export.sign_weights import (
    demand_vector,
    packed_conv,
    parameter,
    parameter_or_none,
    planes_of,
    signs_conv,
    signs_linear,
)
from xnorlab.export.signs import sign_module
from xnorlab.export.torch_layers import real_conv
from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.nn.binary_conv import binary_weight
from xnorlab.runtime import ops


@packs(ClippedSign, BiRealSign, RSign, KBit)
def _binarizer(builder: Builder, node: Node, module: nn.Module, input: Node) -> None:
    if is_sign(module):
        sign_module(builder, node, module, input)
        return
    builder.give(node, _binarized(builder, node, input, module, suffix=""), builder.order[input])


@packs(BinaryConv2d)
def _binary_conv(builder: Builder, node: Node, module: BinaryConv2d, input: Node) -> None:
    binarizer = module.input_binarizer
    signs, scale = _weight(module)
    real_weight = signs is None
    geometry = {
        "stride": module.stride,
        "padding": module.padding,
        "dilation": module.dilation,
        "groups": module.groups,
    }
    bias = parameter_or_none(module.bias)
    if signs is not None and binarizer is not None and is_sign(binarizer):
        _check_binary(module, signs)
        # K needs the layer's real input as well, so that no step ahead of it can be folded.
        source, sign = sign_of(builder, input, binarizer, fold=not module.input_scale)
        fields = {"pad_value": module.pad_value, "input_scale": module.input_scale, **sign}
        builder.give(node, packed_conv(builder, node, ops.BinaryConv, source, signs, scale, bias, geometry, fields))
        return
    if module.input_scale:
        raise ExportError("input_scale=True can be packed with binary weights and signs as inputs only")
    if signs is not None and signs.all() and binarizer is None:
        signs_conv(builder, node, input, signs, scale, bias, geometry)
        return
    source = builder.name_of(input)
    if binarizer is not None:
        source = _binarized(builder, node, input, binarizer, suffix="input")
    if module.pad_value and any(module.padding):
        source = builder.add(ops.Pad, node, source, suffix="padded", padding=module.padding, value=module.pad_value)
        geometry["padding"] = (0, 0)
    if real_weight:
        real_conv(builder, node, source, parameter(module.weight), bias, geometry)
    else:
        kind = ops.BinaryWeightConv if signs.all() else ops.TernaryWeightConv
        builder.give(node, packed_conv(builder, node, kind, source, signs, scale, bias, geometry, {}))


def _check_binary(module: BinaryConv2d | BinaryLinear, signs: np.ndarray) -> None:
    """Raise ExportError where a layer whose inputs are signs has a weight of 0."""
    if not signs.all():
        raise ExportError(
            f"weight_binarizer={type(module.weight_binarizer).__name__} gives zeros; with signs as inputs only −1 and "
            "+1 can be packed, with real inputs 0 as well"
        )


@packs(BinaryLinear)
def _binary_linear(builder: Builder, node: Node, module: BinaryLinear, input: Node) -> None:
    demand_vector(builder, input)
    binarizer = module.input_binarizer
    signs, scale = _weight(module)
    bias = parameter_or_none(module.bias)
    if signs is not None and signs.all() and binarizer is None:
        signs_linear(builder, node, input, builder.ordered(signs, input), scale, bias)
        return
    sign: dict[str, np.ndarray] = {}
    kind: type = ops.BinaryWeightLinear if signs is None or signs.all() else ops.TernaryWeightLinear
    if signs is not None and binarizer is not None and is_sign(binarizer):
        _check_binary(module, signs)
        kind = ops.BinaryLinear
        source, sign = sign_of(builder, input, binarizer)
    elif binarizer is not None:
        source = _binarized(builder, node, input, binarizer, suffix="input")
    else:
        source = builder.name_of(input)
    if signs is None:
        weight = builder.ordered(parameter(module.weight), input)
        builder.give(node, builder.add(ops.Linear, node, source, weight=weight, bias=bias))
        return
    filters = builder.ordered(signs, input)[:, None, None, :]
    planes = {name: plane[:, 0, 0] for name, plane in planes_of(np.ascontiguousarray(filters)).items()}
    fields: dict[str, Any] = {"features": signs.shape[1], "scale": scale, "bias": bias, **planes, **sign}
    builder.give(node, builder.add(kind, node, source, **fields))


def _binarized(builder: Builder, node: Node, input: Node, binarizer: nn.Module, *, suffix: str) -> str:
    """The name of the binarized or quantized value of `input`."""
    if is_sign(binarizer):
        source, sign = sign_of(builder, input, binarizer)
        return builder.add(ops.Sign, node, source, suffix=suffix, **sign)
    if isinstance(binarizer, KBit):
        return builder.add(ops.Quantize, node, builder.name_of(input), suffix=suffix, bits=binarizer.bits)
    raise ExportError(
        f"input_binarizer={type(binarizer).__name__} cannot be packed; ClippedSign, BiRealSign, RSign and KBit can"
    )


def _weight(module: BinaryConv2d | BinaryLinear) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The signs (or −1, 0 and +1) and the scale of the layer in evaluation; no signs where its weights are real."""
    binarizer = module.weight_binarizer
    if binarizer is None or binarizer.real_in_eval:
        return None, None
    with torch.no_grad():
        weight, scale = binary_weight(module.weight, binarizer, training=False)
    if not ((weight.abs() == 1) | (weight == 0)).all():
        raise ExportError(f"weight_binarizer={type(binarizer).__name__} gives signs other than −1, 0 and +1")
    return parameter(weight), parameter_or_none(scale)
