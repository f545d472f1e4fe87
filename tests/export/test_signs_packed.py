"""Signs of a model's own code become packed signs, exactly: also where torch.sign gives 0."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xnorlab import export
from xnorlab.runtime import ops


class Own(nn.Module):
    """A convolution with weights that are signs, behind a function of the input."""

    def __init__(self, step, out=6, channels=5, scaled=False):
        super().__init__()
        self.step, self.scaled = step, scaled
        self.weight = nn.Parameter(torch.randn(out, channels, 3, 3))

    def forward(self, x):
        """x: (N, 5, H, W)."""
        weight = self.weight.sign()
        if self.scaled:
            weight = weight * self.weight.abs().mean((1, 2, 3), keepdim=True)
        return F.conv2d(self.step(x), weight, padding=1)


def kinds(packed):
    return [op.kind for op in packed.ops]


EXACT = {
    "sign": (torch.sign, ["binary_conv", "binary_conv", "add"]),
    "sign of a sum": (lambda x: torch.sign(x - 0.3), ["binary_conv", "binary_conv", "add"]),
    "sign that is never 0": (lambda x: torch.sign(torch.where(x > 0.3, 2.0, -1.0)), ["binary_conv"]),
    "sign that never changes": (lambda x: torch.sign(torch.sigmoid(x) + 1), ["binary_conv"]),
    "sign of ReLU": (lambda x: torch.sign(F.relu(x)), ["binary_conv"]),
    "sign of a clip": (lambda x: torch.sign(x.clamp(-0.5, 2)), ["binary_conv", "binary_conv", "add"]),
    "at least 0": (lambda x: torch.where(x >= 0, 1.0, -1.0), ["binary_conv"]),
    "above 0": (lambda x: (x > 0).float() * 2 - 1, ["binary_conv"]),
    "falling": (lambda x: torch.where(x > 0, -1.0, 1.0), ["binary_conv"]),
    "zeros and ones": (lambda x: (x > 0.25).float(), ["binary_conv"]),
    "zeros and threes": (lambda x: 3 * (x > 0.25).float(), ["binary_conv"]),
    "halves": (lambda x: torch.sign(x) * 0.5, ["binary_conv", "binary_conv", "add"]),
    "straight through": (lambda x: (torch.where(x > 0, 1.0, -1.0) - x).detach() + x, ["binary_conv"]),
}


@pytest.mark.parametrize("name", EXACT)
def test_own_signs_are_packed_and_equal_torchs(inputs, nhwc, name):
    step, want = EXACT[name]
    model = Own(step).eval()
    x = inputs(2, 5, 7, 6)
    x[:, :2, :3] = 0
    x[0, 3, 3] = -0.0
    packed = export.pack(model, x)
    assert kinds(packed) == want
    with torch.no_grad():
        expected = nhwc(model(x))
    if name == "straight through":  # torch rounds the difference, which is not exactly ±1 there
        np.testing.assert_allclose(packed.run(nhwc(x)), expected, atol=1e-4)
    else:
        np.testing.assert_array_equal(packed.run(nhwc(x)), expected)


@pytest.mark.parametrize("step", [torch.sign, lambda x: (x > 0).float()])
def test_scaled_weights_and_levels(inputs, nhwc, step):
    model, x = Own(step, scaled=True).eval(), inputs(2, 5, 7, 6)
    x[:, :2] = 0
    with torch.no_grad():
        np.testing.assert_allclose(export.pack(model, x).run(nhwc(x)), nhwc(model(x)), atol=1e-5)


def test_a_level_that_no_border_has_stays_real(inputs, nhwc):
    model, x = Own(lambda x: (x > 0).float() * 2 - 0.5).eval(), inputs(2, 5, 7, 6)
    packed = export.pack(model, x)
    assert kinds(packed) == ["sign", "affine", "binary_weight_conv"]
    with torch.no_grad():
        np.testing.assert_allclose(packed.run(nhwc(x)), nhwc(model(x)), atol=1e-5)


def test_a_weight_with_a_zero_stays_real(inputs, nhwc):
    model, x = Own(torch.sign).eval(), inputs(2, 5, 7, 6)
    model.weight.data[0, 0, 0, 0] = 0
    packed = export.pack(model, x)
    assert kinds(packed)[-1] == "conv"
    with torch.no_grad():
        np.testing.assert_array_equal(packed.run(nhwc(x)), nhwc(model(x)))


def test_real_weights_are_not_taken_for_signs(inputs):
    packed = export.pack(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1, groups=4)).eval(), inputs(1, 3, 6, 6))
    assert kinds(packed) == ["conv", "conv"]


@pytest.mark.parametrize("make", [nn.Tanh, nn.Softsign, nn.ELU, nn.LeakyReLU, nn.SELU])
def test_monotone_functions_before_a_sign_at_zero_are_folded_away(inputs, make):
    model = nn.Sequential(make(), Own(lambda x: torch.where(x >= 0, 1.0, -1.0))).eval()
    assert kinds(export.pack(model, inputs(2, 5, 6, 6))) == ["binary_conv"]


def test_data_parallel_is_the_module_inside(inputs, nhwc):
    model, x = Own(torch.sign).eval(), inputs(1, 5, 6, 6)
    packed = export.pack(nn.DataParallel(nn.Sequential(nn.DataParallel(model))), x)
    with torch.no_grad():
        np.testing.assert_array_equal(packed.run(nhwc(x)), nhwc(model(x)))


def test_expanded_constants_hold_at_other_sizes(inputs, nhwc):
    model = Own(lambda x: torch.where(x + torch.ones_like(x) * 0.1 > 0, torch.ones_like(x), -torch.ones_like(x))).eval()
    packed = export.pack(model, inputs(2, 5, 6, 6))
    assert packed.fixed_by == ""
    x = inputs(3, 5, 9, 4, seed=1)
    with torch.no_grad():
        np.testing.assert_array_equal(packed.run(nhwc(x)), nhwc(model(x)))


def test_a_constant_per_place_fixes_the_size(inputs):
    packed = export.pack(Own(lambda x: x * torch.linspace(0, 1, 36).view(6, 6)).eval(), inputs(1, 5, 6, 6))
    assert "each place" in packed.fixed_by
    assert any(isinstance(op, ops.Constant) for op in packed.ops)
