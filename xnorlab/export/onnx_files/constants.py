"""Constants of a graph, as the packed network takes them."""

import numpy as np

from xnorlab.export.errors import ExportError
from xnorlab.export.onnx_files.values import Constant, Known, Value


def spread(array: np.ndarray, channels: int, rank: int) -> np.ndarray:
    """A constant with one entry per channel or one for all, as float32 (C,).

    Args:
        array: as ONNX spreads it over (N, C, H, W) or (N, F).
        channels: C.
        rank: axes of the value without the batch.

    Raises:
        ExportError: the constant differs between pixels or inputs.
    """
    full = (1,) * (1 + rank - array.ndim) + array.shape
    if len(full) != 1 + rank or array.dtype != np.float32 or any(s != 1 for a, s in enumerate(full) if a != 1):
        rule = f"the rule is one float number for each of the {channels} channels, or one for all"
        raise ExportError(f"takes a constant {array.dtype} of shape {array.shape}; {rule}")
    if full[1] not in (1, channels):
        raise ExportError(f"takes a constant of shape {array.shape} for {channels} channels")
    return np.ascontiguousarray(np.broadcast_to(array.reshape(-1), (channels,)))


def ordered(value: Value, array: np.ndarray) -> np.ndarray:
    """`array`, one entry per feature of ONNX's `value` along the last axis, in the order of the runtime."""
    return array if value.order is None else np.ascontiguousarray(array[..., value.order])


def constant(known: Known | None, what: str) -> np.ndarray:
    """The array of a constant; raises ExportError where `known` is none."""
    if not isinstance(known, Constant):
        raise ExportError(f"its {what} is not a constant")
    return known.array
