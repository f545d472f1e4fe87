"""Pictures in 16-bit integers give float32's sums, bit for bit; what is no picture, or on no grid, is told apart."""

import naive
import numpy as np
import pytest

from xnorlab.kernels.codegen.processor import vector_unit
from xnorlab.kernels.fixed_conv import FixedConv2d, on_grid
from xnorlab.kernels.float_conv import FloatConv2d

pytestmark = pytest.mark.skipif(vector_unit().arm, reason="x86's instruction")


def grid_weights(rng, *shape: int) -> np.ndarray:
    """j·2^p with |j| up to 1,000 and another p for every filter."""
    exponents = rng.integers(-18, 3, (shape[0], 1, 1, 1))
    return np.ldexp(rng.integers(-1000, 1001, shape).astype(np.float32), exponents).astype(np.float32)


def pictures(rng, *shape: int) -> np.ndarray:
    return (rng.integers(-128, 129, shape) / 64).astype(np.float32)


def run(layer: FixedConv2d, x: np.ndarray) -> np.ndarray | None:
    """The layer's output with guards around it, or None where `x` is refused."""
    buffer, out = layer.buffer(x.shape), naive.Guarded(layer.tables(x.shape).shape, np.float32)
    if not layer.take(x.ctypes.data, buffer, x.shape):
        return None
    layer.call(x.shape, layer.epilogue().store(out.array.ctypes.data), buffer.ctypes.data).run()
    assert out.intact
    return out.array


@pytest.mark.parametrize("seed", range(60))
def test_sums_equal_those_of_float32(seed: int):
    rng = np.random.default_rng(seed)
    kernel, stride, padding = (tuple(int(v) for v in rng.integers(*limits, 2)) for limits in ((1, 8), (1, 5), (0, 4)))
    channels, filters = int(rng.integers(1, 5)), int(rng.integers(1, 70))
    weight = grid_weights(rng, filters, *kernel, channels)
    bias = rng.standard_normal(filters, np.float32) if seed % 2 else None
    x = pictures(rng, int(rng.integers(1, 4)), *(int(v) for v in rng.integers(7, 40, 2)), channels)
    layer = FixedConv2d.of(weight, bias=bias, stride=stride, padding=padding)
    assert layer is not None
    sums = run(layer, x)
    expected = FloatConv2d(weight, bias=bias, stride=stride, padding=padding)(x)
    np.testing.assert_array_equal(sums, expected)


def test_inputs_that_are_no_pictures_are_told_apart():
    rng = np.random.default_rng(0)
    layer = FixedConv2d.of(grid_weights(rng, 4, 3, 3, 3), padding=1)
    assert layer is not None
    x = pictures(rng, 1, 9, 31, 3)
    assert run(layer, x) is not None
    for place in ((0, 0, 0, 0), (0, 8, 30, 2), (0, 4, 21, 1)):
        for value in (1 / 128, 2 + 1 / 64, -3.0, 1e30, np.nan, np.inf, -np.inf):
            other = x.copy()
            other[place] = value
            assert run(layer, other) is None


def test_weights_on_no_exact_grid_are_told_apart():
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    assert FixedConv2d.of(weight) is None
    large = np.full((1, 11, 11, 3), 2.0**11, np.float32)
    assert FixedConv2d.of(large) is not None  # one grid number, 1
    large[0, 0, 0, 0] = 2.0**11 + 1 / 64  # now the sums need more than 24 bits
    assert FixedConv2d.of(large) is None


@pytest.mark.parametrize("weights", [[1, 2.0**-16, 0], [40_001 / 65_536, 0, 0], [2.0**-146, 0, 0], [2.0**110, 0, 0]])
def test_weights_that_16_bits_or_float32_do_not_hold_are_told_apart(weights: list[float]):
    assert FixedConv2d.of(np.float32(weights).reshape(1, 1, 1, 3)) is None


def test_the_grid_is_the_coarsest_one():
    rows = np.float32([[0.75, -0.5, 0.0, 3.0], [0.0, 0.0, 0.0, 0.0], [2.0**-20, 2.0**-18, 0.0, 0.0], [96, 32, 64, 160]])
    integers, exponents = on_grid(rows)
    np.testing.assert_array_equal(integers, [[3, -2, 0, 12], [0, 0, 0, 0], [1, 4, 0, 0], [3, 1, 2, 5]])
    np.testing.assert_array_equal(exponents, [-2, 0, -20, 5])
    np.testing.assert_array_equal(np.ldexp(integers.astype(np.float32), exponents[:, None]), rows)
