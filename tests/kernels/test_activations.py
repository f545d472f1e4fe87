"""Activation functions: errors in units in the last place against float64 and ends of the range."""

import math

import numpy as np
import pytest

from xnorlab.kernels import activations, exponentials
from xnorlab.kernels.jit import kernel

EVERYWHERE = np.arange(0, 2**32, 65_521, dtype=np.uint64).astype(np.uint32).view(np.float32)
"""Float32 of all signs and exponents: denormal numbers and NaN among them."""

POINTS = np.concatenate(
    [
        EVERYWHERE,
        *(np.linspace(-limit, limit, 40_001, dtype=np.float32) for limit in (1, 5, 105)),
        np.float32([0, -0.0, 1e-45, -1e-45, np.inf, -np.inf, np.nan, 88.72283, 88.72284, -103.97, -103.98]),
    ]
)


@kernel
def expm1_of_each(x, out):
    for i in range(x.size):
        out[i] = exponentials.expm1(x[i])


@kernel
def erf_of_each(x, out):
    for i in range(x.size):
        out[i] = exponentials.erf(x[i])


@kernel
def log1p_of_each(x, out):
    for i in range(x.size):
        out[i] = exponentials.log1p(x[i])


def computed(function, x, *parameters):
    function(x, out := np.full_like(x, 7), *map(np.float32, parameters))
    return out


@pytest.mark.parametrize(
    ("function", "exact", "low", "high", "ulp"),
    [
        (activations.exponential, np.exp, -np.inf, np.inf, 1.1),
        (activations.hyperbolic_tangent, np.tanh, -np.inf, np.inf, 2.6),
        (expm1_of_each, np.expm1, -np.inf, 0, 1.2),
        (erf_of_each, np.vectorize(math.erf, otypes=[float]), -np.inf, np.inf, 3.8),
        (log1p_of_each, np.log1p, 0, 1, 2.0),
    ],
)
def test_errors_in_units_in_the_last_place(function, exact, low, high, ulp):
    x = POINTS[((low <= POINTS) & (high >= POINTS)) | np.isnan(POINTS)]
    got = computed(function, x)
    with np.errstate(all="ignore"):
        want = exact(x.astype(np.float64))
        rounded = want.astype(np.float32)
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(got[~finite], rounded[~finite])
    errors = np.abs(got[finite] - want[finite]) / np.spacing(np.abs(rounded[finite])).astype(np.float64)
    assert errors.max() <= ulp


def gelu(x, tanh=False):
    inner = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)) if tanh else np.vectorize(math.erf)(x / 2**0.5)
    return x * 0.5 * (1 + inner)


def elu(x, negative, positive, inner):
    return np.where(x > 0, positive * x, negative * np.expm1(inner * np.minimum(x, 0)))


@pytest.mark.parametrize(
    ("function", "exact", "parameters"),
    [
        (activations.sigmoid, lambda x: 1 / (1 + np.exp(-x)), ()),
        (activations.silu, lambda x: x / (1 + np.exp(-x)), ()),
        (activations.gelu, gelu, ()),
        (activations.gelu_tanh, lambda x: gelu(x, tanh=True), ()),
        (activations.elu, elu, (0.7, 1.5, 2.0)),
        (activations.softplus, lambda x, b, t: np.where(b * x > t, x, np.logaddexp(0, b * x) / b), (2.0, 11.0)),
        (activations.log_sigmoid, lambda x: -np.logaddexp(0, -x), ()),
        (activations.mish, lambda x: x * np.tanh(np.logaddexp(0, x)), ()),
        (activations.softsign, lambda x: x / (1 + np.abs(x)), ()),
        (activations.hard_sigmoid, lambda x: np.clip(x + 3, 0, 6) / 6, ()),
        (activations.hard_swish, lambda x: x * np.clip(x + 3, 0, 6) / 6, ()),
    ],
)
def test_activations_are_right_to_float32_precision(function, exact, parameters):
    x = POINTS[np.abs(POINTS) <= 105]
    got = computed(function, x, *parameters)
    want = exact(x.astype(np.float64), *parameters)
    np.testing.assert_allclose(got, want, rtol=5e-7, atol=1e-6 if "gelu" in function._function.__name__ else 3e-7)
    assert np.isnan(computed(function, np.full(20, np.nan, np.float32), *parameters)).all()
    for size in (1, 31, 33, 70):  # vectors and what is left over agree
        np.testing.assert_array_equal(computed(function, x[:size], *parameters), got[:size])


def test_ends_are_those_of_the_steps_in_float32():
    """What a sign behind the function sees: SiLU of −100 is −100/∞ = −0, whose sign is +1."""
    far = np.float32([-3e38, -200, -89, 89, 200, 3e38])
    np.testing.assert_array_equal(computed(activations.sigmoid, far), np.float32([0, 0, 0, 1, 1, 1]))
    np.testing.assert_array_equal(computed(activations.silu, far) >= 0, np.ones(6, bool))
    np.testing.assert_array_equal(computed(activations.gelu, far), np.maximum(far, 0))
    np.testing.assert_allclose(computed(activations.softplus, far, 1, 20), np.maximum(far, 0), atol=1e-38)
    assert computed(activations.softplus, far, 1, 100)[3] == np.inf  # as e^89 in float32 is
