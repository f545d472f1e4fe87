"""ONNX nodes that several ops share: the sign, and what follows on the sums of packed weights."""

import numpy as np

from xnorlab.runtime.ops.base import OnnxGraph


def add_sign(graph: OnnxGraph, value: str, rank: int, threshold: np.ndarray | None, flip: np.ndarray | None) -> str:
    """Append the sign, +1 where (x >= threshold) differs from flip and −1 elsewhere; returns the name of its value.

    It is GreaterOrEqual and Where: ONNX's own Sign gives 0 for 0, where the sign here is +1.

    Args:
        graph: where to.
        value: the name of x.
        rank: axes of x without the batch.
        threshold: float32 (C,), or None for 0.
        flip: bool (C,), or None for no flip.
    """
    limit = graph.tensor(np.array(0)) if threshold is None else graph.per_channel(threshold, rank)
    reached = graph.node("GreaterOrEqual", [value, limit])
    if flip is None:
        return graph.node("Where", [reached, graph.tensor(np.array(1)), graph.tensor(np.array(-1))])
    signs = np.where(flip, np.float32(-1), np.float32(1))
    return graph.node("Where", [reached, graph.per_channel(signs, rank), graph.per_channel(-signs, rank)])


def add_scaled(
    graph: OnnxGraph, sums: str, rank: int, scale: np.ndarray | None, bias: np.ndarray | None, factor: str | None = None
) -> str:
    """Append sums · scale · factor + bias, each of them where there is one, rounded after each step as the op is.

    Args:
        graph: where to.
        sums: the name of the sums.
        rank: their axes without the batch.
        scale: float32 (N,) or None.
        bias: float32 (N,) or None.
        factor: the name of K, (B, 1, OH, OW), or None.

    Returns:
        The name of the last value.
    """
    value = sums if scale is None else graph.node("Mul", [sums, graph.per_channel(scale, rank)])
    value = value if factor is None else graph.node("Mul", [value, factor])
    return value if bias is None else graph.node("Add", [value, graph.per_channel(bias, rank)])
