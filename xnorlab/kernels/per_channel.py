"""Per-channel arithmetic that numpy has no single pass for: a·x + b rounded once, and PReLU."""

import numpy as np

from xnorlab.kernels.codegen.arithmetic import fused_multiply_add
from xnorlab.kernels.geometry import result
from xnorlab.kernels.jit import kernel


@kernel
def _multiply_add(x, a, b, out):
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            out[row, c] = fused_multiply_add(x[row, c], a[c], b[c])


@kernel
def _parametric_relu(x, slope, out):
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            value = x[row, c]
            out[row, c] = value if value > np.float32(0) else value * slope[c]


def multiply_add(x: np.ndarray, scale: np.ndarray, bias: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """scale[c]·x + bias[c], rounded once.

    Args:
        x: float32 (…, C).
        scale: float32 (C,), contiguous.
        bias: float32 (C,), contiguous.
        out: where to write the result, float32, C-contiguous, of the shape of `x`; a new array where None.

    Returns:
        float32 of the shape of `x`.

    Raises:
        ValueError: an array has another dtype or does not fit.
    """
    rows = _rows(x, scale=scale, bias=bias)
    out = result(x.shape, out)
    _multiply_add(rows, scale, bias, out.reshape(rows.shape))
    return out


def parametric_relu(x: np.ndarray, slope: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """PReLU: x where x > 0, else slope[c]·x. Arguments and errors are those of `multiply_add`."""
    rows = _rows(x, slope=slope)
    out = result(x.shape, out)
    _parametric_relu(rows, slope, out.reshape(rows.shape))
    return out


def _rows(x: np.ndarray, **parameters: np.ndarray) -> np.ndarray:
    """`x` as contiguous (rows, C); raises ValueError unless it and the parameters are float32 and fit."""
    for name, array in (("x", x), *parameters.items()):
        if array.dtype != np.float32:
            raise ValueError(f"{name} is {array.dtype}; the rule is float32")
    for name, array in parameters.items():
        if array.shape != x.shape[-1:] or not array.flags.c_contiguous:
            raise ValueError(f"{name} has shape {array.shape}; x of shape {x.shape} needs {x.shape[-1:]}, contiguous")
    # Writeable, because a kernel is compiled for one set of types, and read-only arrays are a type of their own.
    return np.require(x, requirements=["C", "A", "W"]).reshape(-1, x.shape[-1])
