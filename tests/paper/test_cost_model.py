"""The formulas of the paper's section 4.1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorlab.paper.cost_model import predicted_speedup, predicted_speedup_in_words, weight_memory


@pytest.mark.parametrize(
    ("channels", "speedup"), [(3, 19.0), (32, 52.4), (64, 57.6), (128, 60.6), (256, 62.27), (512, 63.1)]
)
def test_formula_gives_the_papers_figures_at_3x3(channels: int, speedup: float):
    assert predicted_speedup(channels, 9) == pytest.approx(speedup, abs=0.06)


def test_formula_at_1x1_and_its_limit():
    assert predicted_speedup(256, 1) == pytest.approx(51.2)
    assert predicted_speedup(10**9, 9) == pytest.approx(64)


@given(st.integers(1, 4096), st.integers(1, 121))
def test_speedup_is_real_operations_over_packed_ones(channels: int, area: int):
    """c·N_W·N_I real operations against c·N_W·N_I / 64 + N_I, for any N_I."""
    n_outputs = 1000
    real = channels * area * n_outputs
    assert predicted_speedup(channels, area) == pytest.approx(real / (real / 64 + n_outputs))


@given(st.integers(1, 64), st.integers(1, 121))
def test_whole_words_agree_at_multiples_of_64_and_step_after_them(words: int, area: int):
    channels = 64 * words
    assert predicted_speedup_in_words(channels, area) == pytest.approx(predicted_speedup(channels, area))
    assert predicted_speedup_in_words(channels + 1, area) < predicted_speedup_in_words(channels, area)
    assert predicted_speedup_in_words(channels + 1, area) <= predicted_speedup(channels + 1, area)


def test_weight_memory_counts_what_arrays_take():
    channels, filters, kernel = 6, 4, (3, 2)
    memory = weight_memory(channels, filters, 6)
    assert memory.float32_bytes == np.zeros((filters, channels, *kernel), np.float32).nbytes
    words, scales = np.zeros((filters, *kernel, 1), np.uint64), np.zeros(filters, np.float32)
    assert memory.packed_bytes == words.nbytes + scales.nbytes


def test_binary_weights_take_a_32nd_and_the_scale_factors_come_on_top():
    memory = weight_memory(256, 256, 9)
    assert memory.float32_bytes == 32 * (memory.packed_bytes - 4 * 256)
    n = 9 * 256
    assert memory.float32_bytes / memory.packed_bytes == pytest.approx(32 * n / (n + 32))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: predicted_speedup(0, 9), "channels=0 must be"),
        (lambda: predicted_speedup_in_words(4, -1), "kernel_area=-1 must be"),
        (lambda: weight_memory(6, 0, 9), "filters=0 must be"),
        (lambda: weight_memory(6, 4, 0), "kernel_area=0 must be"),
    ],
)
def test_impossible_arguments_are_named(call, message: str):
    with pytest.raises(ValueError, match=message):
        call()
