"""Handlers for layers with weights, real and binary, and for input binarizers that stand alone."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.conventions import pair
from xnorlab.export.builder import Builder, is_sign, packs
from xnorlab.export.errors import ExportError
from xnorlab.kernels.packing import pack_filters
from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.nn.binary_conv import binary_weight
from xnorlab.runtime import ops

Pair = tuple[int, int]


@packs(nn.Conv2d)
def _conv_module(builder: Builder, node: Node, module: nn.Conv2d, input: Node) -> None:
    if module.padding_mode != "zeros":
        raise ExportError(f"padding_mode={module.padding_mode!r} cannot be packed; only 'zeros' can")
    _conv(
        builder, node, input, module.weight, module.bias, module.stride, module.padding, module.dilation, module.groups
    )


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
    array = _parameter(weight)
    spread = pair(dilation, "dilation", 1)
    geometry = {
        "stride": pair(stride, "stride", 1),
        "padding": _padding(padding, array.shape[2:], spread),
        "dilation": spread,
        "groups": groups,
    }
    _real_conv(builder, node, builder.name_of(input), array, _parameter_or_none(bias), geometry)


def _padding(padding: Any, kernel: tuple[int, ...], dilation: Pair) -> Pair:
    if padding == "valid":
        return 0, 0
    if padding != "same":
        return pair(padding, "padding", 0)
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if any(r % 2 for r in reach):
        raise ExportError("padding='same' with an even kernel pads one side more; that cannot be packed")
    return reach[0] // 2, reach[1] // 2


def _real_conv(
    builder: Builder, node: Node, source: str, weight: np.ndarray, bias: np.ndarray | None, geometry: dict
) -> None:
    nhwc = np.ascontiguousarray(weight.transpose(0, 2, 3, 1))
    builder.give(node, builder.add(ops.Conv, node, source, weight=nhwc, bias=bias, **geometry))


@packs(nn.Linear)
def _linear_module(builder: Builder, node: Node, module: nn.Linear, input: Node) -> None:
    _linear(builder, node, input, module.weight, module.bias)


@packs(F.linear)
def _linear(builder: Builder, node: Node, input: Node, weight: Any, bias: Any = None) -> None:
    _vector(builder, input)
    ordered = builder.ordered(_parameter(weight), input)
    fields: dict[str, Any] = {"weight": ordered, "bias": _parameter_or_none(bias)}
    builder.give(node, builder.add(ops.Linear, node, builder.name_of(input), **fields))


@packs(ClippedSign, BiRealSign, RSign, KBit)
def _binarizer(builder: Builder, node: Node, module: nn.Module, input: Node) -> None:
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
    bias = _parameter_or_none(module.bias)
    if signs is not None and binarizer is not None and is_sign(binarizer):
        # K needs the layer's real input as well, so that no step ahead of it can be folded.
        source, sign = builder.sign_of(input, binarizer, fold=not module.input_scale)
        fields = {"pad_value": module.pad_value, "input_scale": module.input_scale, **sign}
        builder.give(node, _packed_conv(builder, node, ops.BinaryConv, source, signs, scale, bias, geometry, fields))
        return
    if module.input_scale:
        raise ExportError("input_scale=True can be packed with binary weights and signs as inputs only")
    source = builder.name_of(input)
    if binarizer is not None:
        source = _binarized(builder, node, input, binarizer, suffix="input")
    if module.pad_value and any(module.padding):
        source = builder.add(ops.Pad, node, source, suffix="padded", padding=module.padding, value=module.pad_value)
        geometry["padding"] = (0, 0)
    if real_weight:
        _real_conv(builder, node, source, _parameter(module.weight), bias, geometry)
    else:
        builder.give(node, _packed_conv(builder, node, ops.BinaryWeightConv, source, signs, scale, bias, geometry, {}))


def _packed_conv(
    builder: Builder,
    node: Node,
    kind: type,
    source: str,
    signs: np.ndarray,
    scale: np.ndarray | None,
    bias: np.ndarray | None,
    geometry: dict,
    fields: dict,
) -> str:
    words = pack_filters(np.ascontiguousarray(signs.transpose(0, 2, 3, 1)))
    channels = signs.shape[1] * geometry["groups"]
    return builder.add(kind, node, source, words=words, channels=channels, scale=scale, bias=bias, **geometry, **fields)


@packs(BinaryLinear)
def _binary_linear(builder: Builder, node: Node, module: BinaryLinear, input: Node) -> None:
    _vector(builder, input)
    binarizer = module.input_binarizer
    signs, scale = _weight(module)
    bias = _parameter_or_none(module.bias)
    sign: dict[str, np.ndarray] = {}
    kind: type = ops.BinaryWeightLinear
    if signs is not None and binarizer is not None and is_sign(binarizer):
        kind = ops.BinaryLinear
        source, sign = builder.sign_of(input, binarizer)
    elif binarizer is not None:
        source = _binarized(builder, node, input, binarizer, suffix="input")
    else:
        source = builder.name_of(input)
    if signs is None:
        weight = builder.ordered(_parameter(module.weight), input)
        builder.give(node, builder.add(ops.Linear, node, source, weight=weight, bias=bias))
        return
    filters = builder.ordered(signs, input)[:, None, None, :]
    words = pack_filters(np.ascontiguousarray(filters))[:, 0, 0]
    fields: dict[str, Any] = {"words": words, "features": signs.shape[1], "scale": scale, "bias": bias, **sign}
    builder.give(node, builder.add(kind, node, source, **fields))


def _binarized(builder: Builder, node: Node, input: Node, binarizer: nn.Module, *, suffix: str) -> str:
    """The name of the binarized or quantized value of `input`."""
    if is_sign(binarizer):
        source, sign = builder.sign_of(input, binarizer)
        return builder.add(ops.Sign, node, source, suffix=suffix, **sign)
    if isinstance(binarizer, KBit):
        return builder.add(ops.Quantize, node, builder.name_of(input), suffix=suffix, bits=binarizer.bits)
    raise ExportError(
        f"input_binarizer={type(binarizer).__name__} cannot be packed; ClippedSign, BiRealSign, RSign and KBit can"
    )


def _weight(module: BinaryConv2d | BinaryLinear) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The signs and the scale of the layer in evaluation, as numpy; no signs where its weights are real."""
    binarizer = module.weight_binarizer
    if binarizer is None or binarizer.real_in_eval:
        return None, None
    with torch.no_grad():
        weight, scale = binary_weight(module.weight, binarizer, training=False)
    if not (weight.abs() == 1).all():
        raise ExportError(f"weight_binarizer={type(binarizer).__name__} gives signs other than −1 and +1")
    return _parameter(weight), _parameter_or_none(scale)


def _vector(builder: Builder, node: Node) -> None:
    if builder.traced.values[node].dim() != 2:
        shape = tuple(builder.traced.values[node].shape)
        raise ExportError(f"works on shape {shape}; a matrix can be packed for vectors (N, F) only")


def _parameter(value: Any) -> np.ndarray:
    if not isinstance(value, Tensor):
        raise ExportError("a weight that depends on the input cannot be packed")
    return np.ascontiguousarray(value.detach().numpy())


def _parameter_or_none(value: Any) -> np.ndarray | None:
    return None if value is None else _parameter(value)
