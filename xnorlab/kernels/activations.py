"""Activation functions of float32 values: kernels of two arrays of one axis, what to read and what to write.

Each takes the steps that torch takes, in float32: where a step ends in infinity or in −0 there, it does so here, and a
sign behind it is the same. Parameters are float32.
"""

import math

import numpy as np

from xnorlab.kernels.exponentials import erf, exp, exp_beside_one, expm1, log1p, tanh
from xnorlab.kernels.jit import kernel, part_of_kernels

_ZERO, _HALF, _ONE, _THREE, _SIX = (np.float32(number) for number in (0, 0.5, 1, 3, 6))
_ROOT_OF_HALF, _ROOT_OF_2_OVER_PI, _CUBIC = (
    np.float32(number) for number in (math.sqrt(0.5), math.sqrt(2 / math.pi), 0.044715)
)
_INFINITY, _EXP_OVERFLOWS = np.float32(np.inf), np.float32(88.72284)
"""The second is the first float32 whose e^x is the first."""


@kernel
def exponential(x, out):
    """e^x."""
    for i in range(x.size):
        out[i] = exp(x[i])


@kernel
def sigmoid(x, out):
    """1 / (1 + e^−x)."""
    for i in range(x.size):
        out[i] = _ONE / (_ONE + exp_beside_one(-x[i]))


@kernel
def silu(x, out):
    """The sigmoid-weighted x, x / (1 + e^−x)."""
    for i in range(x.size):
        out[i] = x[i] / (_ONE + exp_beside_one(-x[i]))


@kernel
def hyperbolic_tangent(x, out):
    """The hyperbolic tangent, tanh x."""
    for i in range(x.size):
        out[i] = tanh(x[i])


@kernel
def gelu(x, out):
    """The Gaussian error linear unit, x · (1 + erf(x / √2)) / 2 (Hendrycks & Gimpel 2016)."""
    for i in range(x.size):
        out[i] = x[i] * _HALF * (_ONE + erf(x[i] * _ROOT_OF_HALF))


@kernel
def gelu_tanh(x, out):
    """GELU's tanh form, x · (1 + tanh(√(2/π) · (x + 0.044715·x³))) / 2."""
    for i in range(x.size):
        inner = _ROOT_OF_2_OVER_PI * (x[i] + _CUBIC * (x[i] * x[i] * x[i]))
        out[i] = _HALF * x[i] * (_ONE + tanh(inner))


@kernel
def elu(x, out, negative, positive, inner):
    """positive·x where x > 0, else negative · (e^(inner·x) − 1); inner > 0."""
    for i in range(x.size):
        value = x[i]
        low = expm1((_ZERO if value > _ZERO else value) * inner) * negative
        out[i] = value * positive if value > _ZERO else low


@part_of_kernels
def _softplus(x):
    """ln(1 + e^x)."""
    return (_ZERO if x < _ZERO else x) + log1p(exp(-abs(x)))


@kernel
def softplus(x, out, beta, threshold):
    """ln(1 + e^(beta·x)) / beta; x where beta·x > threshold."""
    for i in range(x.size):
        scaled = x[i] * beta
        soft = (_INFINITY if scaled >= _EXP_OVERFLOWS else _softplus(scaled)) / beta
        out[i] = x[i] if scaled > threshold else soft


@kernel
def log_sigmoid(x, out):
    """−ln(1 + e^−x)."""
    for i in range(x.size):
        out[i] = (_ZERO if x[i] > _ZERO else x[i]) - log1p(exp(-abs(x[i])))


@kernel
def mish(x, out):
    """Mish, x · tanh(ln(1 + e^x)) (Misra 2020)."""
    for i in range(x.size):
        out[i] = x[i] * tanh(_softplus(x[i]))


@kernel
def softsign(x, out):
    """Softsign, x / (1 + |x|)."""
    for i in range(x.size):
        out[i] = x[i] / (_ONE + abs(x[i]))


@part_of_kernels
def _six_at_most(x):
    """The sum x + 3, clipped to [0, 6]."""
    raised = x + _THREE
    raised = _ZERO if raised < _ZERO else raised
    return _SIX if raised > _SIX else raised


@kernel
def hard_sigmoid(x, out):
    """(x + 3 clipped to [0, 6]) / 6."""
    for i in range(x.size):
        out[i] = _six_at_most(x[i]) / _SIX


@kernel
def hard_swish(x, out):
    """Hard swish, x · (x + 3 clipped to [0, 6]) / 6."""
    for i in range(x.size):
        out[i] = x[i] * _six_at_most(x[i]) / _SIX
