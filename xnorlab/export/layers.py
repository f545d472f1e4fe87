"""Handlers for layers with weights, real and binary: xnorlab's own, and torch's with weights that are signs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn import functional as F

from xnorlab.binarize import BiRealSign, ClippedSign, KBit, RSign
from xnorlab.conventions import pair
from xnorlab.export import steps
from xnorlab.export.builder import Builder, is_sign, packs
from xnorlab.export.errors import ExportError
from xnorlab.export.signs import sign_module
from xnorlab.kernels.packing import pack_filters, pack_ternary
from xnorlab.nn import BinaryConv2d, BinaryLinear
from xnorlab.nn.binary_conv import binary_weight
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
    array = _parameter(weight)
    spread = pair(dilation, "dilation", 1)
    geometry = {
        "stride": pair(stride, "stride", 1),
        "padding": _padding(padding, array.shape[2:], spread),
        "dilation": spread,
        "groups": groups,
    }
    signs, scale = _signs_of(array)
    if signs is not None and isinstance(input, Node):
        _signs_conv(builder, node, input, signs, scale, _parameter_or_none(bias), geometry)
        return
    source = builder.name_of(input) if isinstance(input, Node) else input
    _real_conv(builder, node, source, array, _parameter_or_none(bias), geometry)


def _signs_of(weight: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The signs and the scale of a real weight (N, …) that is one number times a sign in each filter; else None twice.

    Straight-through estimators of weights leave rounding errors: α·sign(W) − W + W. They are told from real weights
    by being as small as rounding makes them.
    """
    sizes = np.abs(weight.reshape(len(weight), -1)).astype(np.float64)
    scale = sizes.mean(1)
    spread = np.abs(sizes - scale[:, None]).max(1)
    rounding = 4 * np.finfo(np.float32).eps
    if sizes.shape[1] < 2 or not ((spread <= rounding * (1 + scale)) & (spread <= 1e-4 * scale) & (scale > 0)).all():
        return None, None
    return np.where(weight >= 0, np.float32(1), np.float32(-1)), None if (scale == 1).all() else scale.astype(
        np.float32
    )


def _signs_conv(
    builder: Builder,
    node: Node,
    input: Node,
    signs: np.ndarray,
    scale: np.ndarray | None,
    bias: np.ndarray | None,
    geometry: dict,
) -> None:
    """Pack a convolution with binary weights, with binary inputs too where these are signs, as the graph shows."""
    levels = steps.find(builder, input)
    if levels is None or (levels.pad_value is None and any(geometry["padding"])):
        source = builder.name_of(input)
        builder.give(node, _packed_conv(builder, node, ops.BinaryWeightConv, source, signs, scale, bias, geometry, {}))
        return
    pad_value = levels.pad_value if any(geometry["padding"]) else 0

    def layer(suffix: str, sign: dict[str, np.ndarray], scale: Any, bias: Any) -> str:
        fields = {"pad_value": pad_value, "suffix": suffix, **sign}
        return _packed_conv(builder, node, ops.BinaryConv, levels.source, signs, scale, bias, geometry, fields)

    builder.give(node, _of_levels(builder, node, levels, layer, signs, scale, bias))


def _of_levels(
    builder: Builder,
    node: Node,
    levels: steps.Levels,
    layer: Callable[..., str],
    signs: np.ndarray,
    scale: np.ndarray | None,
    bias: np.ndarray | None,
) -> str:
    """Pack a layer whose inputs are levels: one binary layer, or the sum of two where there are three levels.

    Sums of signs are integers, and halves of them are exact, so that scale and bias round as behind one layer.
    """
    one = np.ones(len(signs), np.float32)
    factor = np.float32(levels.factor / len(levels.signs))
    offset = np.float32(levels.offset) * signs.reshape(len(signs), -1).sum(1)
    if len(levels.signs) == 1:
        total = one if scale is None else scale
        shift = offset * total + (0 if bias is None else bias)
        plain = factor == 1 and scale is None
        return layer(
            "", levels.signs[0], None if plain else factor * total, shift if bias is not None or shift.any() else None
        )
    halves = [layer("signs", sign, one * factor, None) for sign in levels.signs]
    if scale is None and bias is None and not offset.any():
        return builder.add(ops.Add, node, *halves)
    total = one if scale is None else scale
    sums = builder.add(ops.Add, node, *halves, suffix="sum")
    return builder.add(ops.Affine, node, sums, scale=total, bias=offset * total + (0 if bias is None else bias))


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
    signs, scale = _signs_of(ordered)
    if signs is not None:
        _signs_linear(builder, node, input, signs, scale, _parameter_or_none(bias))
        return
    fields: dict[str, Any] = {"weight": ordered, "bias": _parameter_or_none(bias)}
    builder.give(node, builder.add(ops.Linear, node, builder.name_of(input), **fields))


def _signs_linear(
    builder: Builder, node: Node, input: Node, signs: np.ndarray, scale: np.ndarray | None, bias: np.ndarray | None
) -> None:
    """Pack a matrix of signs, in the runtime's order of features, with binary inputs too where these are signs."""
    fields = {"words": pack_filters(signs[:, None, None, :])[:, 0, 0], "features": signs.shape[1]}
    levels = steps.find(builder, input)
    if levels is None:
        source = builder.name_of(input)
        builder.give(node, builder.add(ops.BinaryWeightLinear, node, source, **fields, scale=scale, bias=bias))
        return

    def layer(suffix: str, sign: dict[str, np.ndarray], scale: Any, bias: Any) -> str:
        own = {**fields, **sign, "scale": scale, "bias": bias}
        return builder.add(ops.BinaryLinear, node, levels.source, suffix=suffix, **own)

    builder.give(node, _of_levels(builder, node, levels, layer, signs, scale, bias))


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
    bias = _parameter_or_none(module.bias)
    if signs is not None and binarizer is not None and is_sign(binarizer):
        _check_binary(module, signs)
        # K needs the layer's real input as well, so that no step ahead of it can be folded.
        source, sign = builder.sign_of(input, binarizer, fold=not module.input_scale)
        fields = {"pad_value": module.pad_value, "input_scale": module.input_scale, **sign}
        builder.give(node, _packed_conv(builder, node, ops.BinaryConv, source, signs, scale, bias, geometry, fields))
        return
    if module.input_scale:
        raise ExportError("input_scale=True can be packed with binary weights and signs as inputs only")
    if signs is not None and signs.all() and binarizer is None:
        _signs_conv(builder, node, input, signs, scale, bias, geometry)
        return
    source = builder.name_of(input)
    if binarizer is not None:
        source = _binarized(builder, node, input, binarizer, suffix="input")
    if module.pad_value and any(module.padding):
        source = builder.add(ops.Pad, node, source, suffix="padded", padding=module.padding, value=module.pad_value)
        geometry["padding"] = (0, 0)
    if real_weight:
        _real_conv(builder, node, source, _parameter(module.weight), bias, geometry)
    else:
        kind = ops.BinaryWeightConv if signs.all() else ops.TernaryWeightConv
        builder.give(node, _packed_conv(builder, node, kind, source, signs, scale, bias, geometry, {}))


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
    planes = _planes(np.ascontiguousarray(signs.transpose(0, 2, 3, 1)))
    channels = signs.shape[1] * geometry["groups"]
    return builder.add(kind, node, source, channels=channels, scale=scale, bias=bias, **planes, **geometry, **fields)


def _planes(filters: np.ndarray) -> dict[str, np.ndarray]:
    """Filters of −1, 0 and +1 as the tensors of an op, by field: without a zero one bit each, else two."""
    if filters.all():
        return {"words": pack_filters(filters)}
    words, nonzero = pack_ternary(filters)
    return {"words": words, "nonzero": nonzero}


def _check_binary(module: BinaryConv2d | BinaryLinear, signs: np.ndarray) -> None:
    """Raise ExportError where a layer whose inputs are signs has a weight of 0."""
    if not signs.all():
        raise ExportError(
            f"weight_binarizer={type(module.weight_binarizer).__name__} gives zeros; with signs as inputs only −1 and "
            "+1 can be packed, with real inputs 0 as well"
        )


@packs(BinaryLinear)
def _binary_linear(builder: Builder, node: Node, module: BinaryLinear, input: Node) -> None:
    _vector(builder, input)
    binarizer = module.input_binarizer
    signs, scale = _weight(module)
    bias = _parameter_or_none(module.bias)
    if signs is not None and signs.all() and binarizer is None:
        _signs_linear(builder, node, input, builder.ordered(signs, input), scale, bias)
        return
    sign: dict[str, np.ndarray] = {}
    kind: type = ops.BinaryWeightLinear if signs is None or signs.all() else ops.TernaryWeightLinear
    if signs is not None and binarizer is not None and is_sign(binarizer):
        _check_binary(module, signs)
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
    planes = {name: plane[:, 0, 0] for name, plane in _planes(np.ascontiguousarray(filters)).items()}
    fields: dict[str, Any] = {"features": signs.shape[1], "scale": scale, "bias": bias, **planes, **sign}
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
    """The signs (or −1, 0 and +1) and the scale of the layer in evaluation; no signs where its weights are real."""
    binarizer = module.weight_binarizer
    if binarizer is None or binarizer.real_in_eval:
        return None, None
    with torch.no_grad():
        weight, scale = binary_weight(module.weight, binarizer, training=False)
    if not ((weight.abs() == 1) | (weight == 0)).all():
        raise ExportError(f"weight_binarizer={type(binarizer).__name__} gives signs other than −1, 0 and +1")
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
