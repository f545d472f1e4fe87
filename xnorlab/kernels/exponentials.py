"""The exponential function of float32 values and its kin, without a branch: LLVM turns loops over them into vectors.

All rest on one reduction, x = n·ln 2 + r with an integer n and |r| ≤ ln 2 / 2, and one polynomial,

    e^r − 1 = r + r²·q(r),        q of degree 4, relative error 1.4e-8.

The polynomials are minimax fits in float64 (Lawson's algorithm: least squares, weighted anew by the errors), whose
coefficients are rounded to float32. Products and sums are rounded one by one, never fused, so that every processor
gives the same bits. Errors in units in the last place (ulp), over all float32 values, are at most 1.1 for `exp`, 1.2
for `expm1`, 2.6 for `tanh`, 3.8 for `erf` and 2.0 for `log1p`. NaN gives NaN.
"""

import numpy as np

from xnorlab.kernels.codegen.arithmetic import power_of_two
from xnorlab.kernels.jit import part_of_kernels

_ZERO, _HALF, _ONE, _TWO = (np.float32(number) for number in (0, 0.5, 1, 2))
_SHIFT = np.float32(1.5 * 2**23)
"""Added to a float32 of at most 2²², it rounds to the nearest integer, which its last bits hold then."""

_LOG2_E = np.float32(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.1219444005469057e-4)
"""Their sum is ln 2; the first has ten bits, so that its product with an n of at most eight bits is exact."""

_EXP_LOWEST, _EXP_HIGHEST = np.float32(-104), np.float32(88.73)
"""Below the first e^x rounds to 0, above the second it is infinite."""

_EXP_NORMAL = np.float32(-86)
"""Half of its e^x is still no denormal number."""

_EXPM1_LOWEST = np.float32(-40)
"""Below it e^x − 1 rounds to −1."""

_Q0, _Q1, _Q2, _Q3, _Q4 = (np.float32(c) for c in (0.49999997, 0.16666539, 0.041667223, 0.008367181, 0.0013882396))

_ERF_HIGHEST = np.float32(4)
"""Above it erf x rounds to 1."""

_E0, _E1, _E2, _E3, _E4, _E5, _E6, _E7, _E8 = (
    np.float32(c)
    for c in (
        -1.1283792,
        -0.6366194,
        -0.10277783,
        0.019153064,
        0.00016039638,
        -0.0016670278,
        0.00063283707,
        -0.00011764133,
        9.256271e-06,
    )
)

_L0, _L1, _L2, _L3 = (np.float32(c) for c in (0.6666641, 0.400217, 0.27999142, 0.2802446))


@part_of_kernels
def _reduced(x):
    """The reduction above: n and e^r − 1."""
    n = (x * _LOG2_E + _SHIFT) - _SHIFT
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    z = r * r
    return n, r + z * ((_Q0 + r * _Q1) + z * ((_Q2 + r * _Q3) + z * _Q4))


@part_of_kernels
def exp(x):
    """e^x, from denormal numbers to infinity."""
    x = _EXP_LOWEST if x < _EXP_LOWEST else x
    n, raised = _reduced(_EXP_HIGHEST if x > _EXP_HIGHEST else x)
    # In two factors, for powers of two that float32 lacks: 2^128, and those of denormal numbers.
    shifted = n * _HALF + _SHIFT
    first, second = power_of_two(shifted), power_of_two((n - (shifted - _SHIFT)) + _SHIFT)
    return (first + first * raised) * second


@part_of_kernels
def exp_beside_one(x):
    """e^x where it is added to 1: infinite where it overflows, and no smaller than e^−86."""
    x = _EXP_NORMAL if x < _EXP_NORMAL else x
    n, raised = _reduced(_EXP_HIGHEST if x > _EXP_HIGHEST else x)
    half = power_of_two((n - _ONE) + _SHIFT)
    return (half + half * raised) * _TWO


@part_of_kernels
def expm1(x):
    """e^x − 1 for x ≤ 0."""
    n, raised = _reduced(_EXPM1_LOWEST if x < _EXPM1_LOWEST else x)
    power = power_of_two(n + _SHIFT)
    return power * raised + (power - _ONE)


@part_of_kernels
def tanh(x):
    """The hyperbolic tangent, −m / (m + 2) with m = e^(−2|x|) − 1, and the sign of x."""
    m = expm1(-_TWO * abs(x))
    size = -m / (m + _TWO)
    return size if x >= _ZERO else -size


@part_of_kernels
def erf(x):
    """The error function, 1 − e^(t·p(t)) of t = |x|, and the sign of x.

    p(t) = ln(1 − erf t) / t is a polynomial of degree 8: it leaves a relative error of erf of 4e-9.
    """
    t = abs(x)
    t = _ERF_HIGHEST if t > _ERF_HIGHEST else t
    z = t * t
    low, high = (_E0 + t * _E1) + z * (_E2 + t * _E3), (_E4 + t * _E5) + z * (_E6 + t * _E7)
    size = -expm1(t * (low + z * z * (high + z * z * _E8)))
    return size if x >= _ZERO else -size


@part_of_kernels
def log1p(x):
    """ln(1 + x) for 0 ≤ x ≤ 1, 2·artanh(x / (2 + x)); its polynomial's relative error is 5e-9."""
    s = x / (_TWO + x)
    z = s * s
    return _TWO * s + s * z * (_L0 + z * (_L1 + z * (_L2 + z * _L3)))
