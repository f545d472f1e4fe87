"""Quantization to eight bits: 256 levels with an exact zero, one weight step per filter, small errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorlab.benchmark import ConvProblem, ConvShape
from xnorlab.benchmark.quantization import HALF_RANGE, Grid, round_weight

thousandths = st.integers(-(10**6), 10**6).map(lambda n: n / 1000)
values = st.lists(thousandths, min_size=1, max_size=20).map(lambda v: np.array(v, np.float32))


@given(values)
def test_grid_holds_zero_and_is_never_farther_than_a_step(x: np.ndarray):
    grid = Grid.of(x)
    step = (grid.high - grid.low) / 255
    assert grid.low <= 0 <= grid.high
    assert grid.round(np.zeros(1, np.float32))[0] == pytest.approx(0, abs=1e-4 * step)
    assert np.abs(grid.round(x) - x).max() <= 1.01 * step


def test_grid_of_positive_values_spends_no_level_on_negative_ones():
    assert Grid.of(np.array([2.0, 5.1])) == Grid(0.0, pytest.approx(5.1))
    assert np.array_equal(Grid.of(np.zeros(3)).round(np.zeros(3, np.float32)), np.zeros(3))


@pytest.mark.parametrize("axis", [0, 1])
def test_weights_are_rounded_filter_by_filter(axis: int):
    weight = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32) * np.float32([[1], [9], [0], [3], [2]])
    rounded, step = round_weight(weight, axis)
    assert rounded.dtype == np.int8
    assert rounded.min() >= -127
    assert step.shape == ((5, 1), (1, 7))[axis]
    assert np.abs(rounded * step - weight).max(axis=1 - axis) == pytest.approx(0, abs=float(step.max()) / 2 + 1e-6)
    assert np.all(np.abs(rounded).max(axis=1 - axis)[step.ravel() != 1] == 127), "each filter uses the whole range"


@given(values)
def test_half_the_range_fits_two_products_in_sixteen_bits(x: np.ndarray):
    rounded, step = round_weight(x.reshape(1, -1), largest=HALF_RANGE)
    pairs = 255 * (np.abs(rounded.astype(int)).max() * 2)
    assert pairs <= np.iinfo(np.int16).max
    assert np.abs(rounded * step - x).max() <= 0.51 * step.max()


def test_int8_answer_is_close_to_float():
    problem = ConvProblem(ConvShape(64, 12))
    exact, rounded = problem.answer("float"), problem.answer("int8")
    error = np.sqrt(np.square(rounded - exact).mean()) / exact.std()
    assert 0 < error < 0.03
