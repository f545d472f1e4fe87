"""Layers whose weights are signs times one factor per filter, or −1, 0 and +1: packed to bits, whoever made them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor
from torch.fx import Node

from xnorlab.export import steps
from xnorlab.export.builder import Builder
from xnorlab.export.errors import ExportError
from xnorlab.kernels.packing import pack_filters, pack_ternary
from xnorlab.runtime import ops


def signs_of(weight: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
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


def signs_conv(
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
        builder.give(node, packed_conv(builder, node, ops.BinaryWeightConv, source, signs, scale, bias, geometry, {}))
        return
    pad_value = levels.pad_value if any(geometry["padding"]) else 0

    def layer(suffix: str, sign: dict[str, np.ndarray], scale: Any, bias: Any) -> str:
        fields = {"pad_value": pad_value, "suffix": suffix, **sign}
        return packed_conv(builder, node, ops.BinaryConv, levels.source, signs, scale, bias, geometry, fields)

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


def signs_linear(
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


def packed_conv(
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
    """Pack a convolution with filters of −1, 0 and +1 (N, C, kh, kw); returns its name."""
    planes = planes_of(np.ascontiguousarray(signs.transpose(0, 2, 3, 1)))
    channels = signs.shape[1] * geometry["groups"]
    return builder.add(kind, node, source, channels=channels, scale=scale, bias=bias, **planes, **geometry, **fields)


def planes_of(filters: np.ndarray) -> dict[str, np.ndarray]:
    """Filters of −1, 0 and +1 as the tensors of an op, by field: without a zero one bit each, else two."""
    if filters.all():
        return {"words": pack_filters(filters)}
    words, nonzero = pack_ternary(filters)
    return {"words": words, "nonzero": nonzero}


def demand_vector(builder: Builder, node: Node) -> None:
    """Raise unless the value of `node` is a vector (N, F)."""
    if builder.traced.values[node].dim() != 2:
        shape = tuple(builder.traced.values[node].shape)
        raise ExportError(f"works on shape {shape}; a matrix can be packed for vectors (N, F) only")


def parameter(value: Any) -> np.ndarray:
    """A weight as an array; raises ExportError where it depends on the input."""
    if not isinstance(value, Tensor):
        raise ExportError("a weight that depends on the input cannot be packed")
    return np.ascontiguousarray(value.detach().numpy())


def parameter_or_none(value: Any) -> np.ndarray | None:
    """A weight as an array, None for None."""
    return None if value is None else parameter(value)
