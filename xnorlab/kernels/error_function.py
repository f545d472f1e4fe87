"""The error function of float32 values, which numpy does not have."""

import math

import numpy as np

from xnorlab.kernels.geometry import result
from xnorlab.kernels.jit import kernel


@kernel
def _erf(x, out):
    for i in range(x.size):
        out[i] = np.float32(math.erf(np.float64(x[i])))


def erf(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """erf(x), computed in float64 and rounded once.

    Args:
        x: float32, any shape.
        out: where to write the result, float32, C-contiguous, of the shape of `x`; a new array where None.

    Returns:
        float32 of the shape of `x`.

    Raises:
        ValueError: an array has another dtype or does not fit.
    """
    if x.dtype != np.float32:
        raise ValueError(f"x is {x.dtype}; the rule is float32")
    out = result(x.shape, out)
    # Writeable, because a kernel is compiled for one set of types, and read-only arrays are a type of their own.
    _erf(np.require(x, requirements=["C", "A", "W"]).reshape(-1), out.reshape(-1))
    return out
