"""The formulas of the paper's section 4.1 and its printed numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorlab.paper import cost_model
from xnorlab.paper.cost_model import layer_cost, predicted_speedup, predicted_speedup_in_words


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


def test_layer_cost_counts_what_a_loop_counts():
    """A loop over one grouped convolution, counting every product that a naive convolution forms."""
    batch, channels, filters, groups, kernel, output = 2, 6, 4, 2, (3, 2), (5, 4)
    products = 0
    for _ in np.ndindex(batch, filters, *output):
        products += channels // groups * kernel[0] * kernel[1]
    real = layer_cost(channels, filters, kernel, output, groups=groups, batch=batch)
    assert (real.real_macs, real.binary_macs) == (products, 0)
    assert real.weight_bytes == real.float32_bytes == 4 * filters * (channels // groups) * 6
    signs = layer_cost(
        channels, filters, kernel, output, groups=groups, batch=batch, binary_weights=True, binary_inputs=True
    )
    assert (signs.real_macs, signs.binary_macs) == (0, products)
    assert signs.weight_bytes == filters * (6 * 8 + 4)


def test_binary_weights_take_a_32nd():
    cost = layer_cost(256, 256, (3, 3), (14, 14), binary_weights=True, scaled=False)
    assert cost.float32_bytes == 32 * cost.weight_bytes
    assert cost.real_macs == 256 * 256 * 9 * 196


def test_sum_of_layers():
    first = layer_cost(3, 64, (7, 7), (112, 112))
    second = layer_cost(64, 64, (3, 3), (56, 56), binary_weights=True, binary_inputs=True)
    total = first + second
    assert total.real_macs == first.real_macs
    assert total.binary_macs == second.binary_macs
    assert total.predicted_operations == first.real_macs + second.binary_macs / 64
    assert total.weight_bytes == first.weight_bytes + second.weight_bytes
    assert total.float32_bytes == 4 * (64 * 147 + 64 * 576)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: predicted_speedup(0, 9), "channels=0 must be"),
        (lambda: predicted_speedup_in_words(4, -1), "kernel_area=-1 must be"),
        (lambda: layer_cost(6, 4, groups=4), "groups=4 does not divide channels=6"),
        (lambda: layer_cost(6, 4, binary_inputs=True), "binary_inputs=True needs"),
        (lambda: layer_cost(6, 4, (0, 3)), "kernel_height=0"),
    ],
)
def test_impossible_arguments_are_named(call, message: str):
    with pytest.raises(ValueError, match=message):
        call()


def test_published_rows_are_marked_and_sourced():
    for row in (*cost_model.PUBLISHED_ACCURACY, *cost_model.PUBLISHED_MEMORY):
        assert row.origin == "published"
        assert row.source
    memory = {row.network: row.float64_bytes / row.binary_bytes for row in cost_model.PUBLISHED_MEMORY}
    assert all(60 < ratio < 70 for ratio in memory.values()), "double precision to one bit is 64×"


def test_published_tables_hold_the_papers_numbers():
    found = {
        (row.network, row.scheme): (row.top1, row.top5)
        for row in cost_model.PUBLISHED_ACCURACY
        if "Table 1" in row.source or "Table 2" in row.source
    }
    assert found[("AlexNet", "xnor")] == (44.2, 69.2)
    assert found[("AlexNet", "bnn")] == (27.9, 50.42)
    assert found[("ResNet-18", "bwn")] == (60.8, 83.0)
    assert found[("GoogLeNet variant", "float")] == (71.3, 90.0)
    assert len(found) == 10
