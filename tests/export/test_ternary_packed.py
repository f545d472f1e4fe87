"""Ternary layers pack to two bits per weight, with torch's outputs; what cannot be packed is named."""

import numpy as np
import pytest
import torch
from torch import nn

from xnorlab import export
from xnorlab.binarize import AbsMeanTernary, ClippedSign, KBit, ThresholdTernary, WeightBinarizer
from xnorlab.export import ExportError
from xnorlab.nn import BinaryConv2d, BinaryLinear

WEIGHTS = {
    "b1.58": lambda: AbsMeanTernary(),
    "b1.58 per tensor": lambda: AbsMeanTernary(per_tensor=True),
    "TWN": lambda: ThresholdTernary(),
}


def agree(model, nhwc, example, x, *, exact=False):
    packed = export.pack(model.eval(), example)
    with torch.no_grad():
        want = nhwc(model(x))
    tolerance = 0 if exact else 1e-4 * max(1.0, float(np.abs(want).max()))
    np.testing.assert_allclose(packed.run(nhwc(x)), want, atol=tolerance, rtol=0)
    return [op.kind for op in packed.ops]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_convolutions_and_matrices_agree_with_torch(trained, inputs, nhwc, weights):
    make = WEIGHTS[weights]
    layer = BinaryConv2d(6, 8, (3, 2), (2, 1), (1, 2), (1, 2), 2, bias=True, weight_binarizer=make())
    nn.init.normal_(layer.bias)
    model = trained(nn.Sequential(layer, nn.BatchNorm2d(8), nn.ReLU()), 4, 6, 9, 7)
    assert "ternary_weight_conv" in agree(model, nhwc, inputs(2, 6, 9, 7), inputs(3, 6, 9, 7, seed=2))
    matrix = BinaryLinear(70, 5, bias=True, weight_binarizer=make())
    assert agree(matrix, nhwc, inputs(2, 70), inputs(9, 70, seed=2)) == ["ternary_weight_linear"]


def test_inputs_on_a_grid_give_torchs_sums_bit_for_bit(inputs, nhwc):
    """Sums of multiples of 1/64 are exact in any order, so that nothing but the weights' values could differ."""
    layer = BinaryConv2d(70, 33, 3, padding=1, weight_binarizer=AbsMeanTernary())
    on_grid = (inputs(3, 70, 6, 5, seed=1) * 64).round() / 64
    assert agree(layer, nhwc, on_grid[:1], on_grid, exact=True) == ["ternary_weight_conv"]


def test_a_matrix_behind_a_flattened_map_has_its_columns_in_the_runtimes_order(trained, inputs, nhwc):
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.Flatten(), BinaryLinear(8 * 5 * 4, 6, weight_binarizer=AbsMeanTernary())
    )
    assert "ternary_weight_linear" in agree(model, nhwc, inputs(2, 3, 7, 6), inputs(3, 3, 7, 6, seed=4))


def test_k_bit_inputs_are_real_ones(inputs, nhwc):
    layer = BinaryConv2d(6, 8, 3, weight_binarizer=ThresholdTernary(), input_binarizer=KBit(4), pad_value=-1, padding=1)
    assert agree(layer, nhwc, inputs(2, 6, 7, 7), inputs(3, 6, 7, 7, seed=3))[-1] == "ternary_weight_conv"


def test_without_a_zero_a_layer_is_packed_to_one_bit(inputs, nhwc):
    layer = BinaryConv2d(6, 8, 3, weight_binarizer=AbsMeanTernary())
    with torch.no_grad():
        layer.weight.copy_(torch.where(layer.weight < 0, -0.5, 0.5))
    assert agree(layer, nhwc, inputs(2, 6, 7, 7), inputs(3, 6, 7, 7, seed=3)) == ["binary_weight_conv"]


class Halves(WeightBinarizer):
    """Somebody's own binarizer with values that cannot be packed."""

    def signs(self, w):
        """w: (N, …) → ±1/2."""
        return torch.where(w < 0, -0.5, 0.5)


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (
            lambda: BinaryConv2d(6, 8, 3, weight_binarizer=AbsMeanTernary(), input_binarizer=ClippedSign()),
            "AbsMeanTernary gives zeros; with signs as inputs only −1 and .1 can be packed, with real inputs 0 as well",
        ),
        (lambda: BinaryConv2d(6, 8, 3, weight_binarizer=Halves()), "Halves gives signs other than −1, 0 and .1"),
    ],
)
def test_what_cannot_be_packed_is_named(inputs, layer, told):
    with pytest.raises(ExportError, match=told):
        export.pack(layer().eval(), inputs(2, 6, 7, 7))


def test_signs_and_ternary_weights_in_a_matrix_are_refused(inputs):
    layer = BinaryLinear(70, 5, weight_binarizer=ThresholdTernary(), input_binarizer=ClippedSign())
    with pytest.raises(ExportError, match="ThresholdTernary gives zeros"):
        export.pack(layer.eval(), inputs(2, 70))
