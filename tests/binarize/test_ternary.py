"""Ternary weights: round-clip and threshold as their papers print them, scales, and the straight-through gradient."""

import pytest
import torch

from xnorlab.binarize import AbsMeanTernary, ThresholdTernary, ternary, weight_scale

BINARIZERS = {"b1.58": AbsMeanTernary(), "b1.58 per tensor": AbsMeanTernary(per_tensor=True), "TWN": ThresholdTernary()}


@pytest.fixture
def w() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(5, 4, 3, 3) * torch.arange(1.0, 6.0).view(-1, 1, 1, 1)


@pytest.mark.parametrize("per_tensor", [False, True])
def test_round_clip_of_bitnet(w, per_tensor):
    gamma = w.abs().mean() if per_tensor else weight_scale(w).view(-1, 1, 1, 1)
    binarizer = AbsMeanTernary(per_tensor=per_tensor)
    assert torch.equal(binarizer.signs(w), torch.round(w / gamma).clamp(-1, 1))
    torch.testing.assert_close(binarizer(w), gamma * torch.round(w / gamma).clamp(-1, 1))
    assert binarizer.scale(w).shape == (5,)


def test_a_weight_at_half_the_scale_rounds_to_zero_as_ties_do():
    w = torch.tensor([[2.0, 1.0, 1.0 + 2.0**-22, 0.0, -1.0, -3.0, 6.0, 2.0 - 2.0**-22]])  # γ = 2
    assert AbsMeanTernary().scale(w).item() == 2
    assert AbsMeanTernary().signs(w).tolist() == [[1, 0, 1, 0, 0, -1, 1, 1]]


def test_threshold_and_scale_of_ternary_weight_networks(w):
    for own, signs, alpha in zip(w, ThresholdTernary().signs(w), ThresholdTernary().scale(w), strict=True):
        kept = own.abs() > 0.7 * own.abs().mean()
        assert torch.equal(signs, torch.where(kept, own.sign(), torch.zeros(())))
        torch.testing.assert_close(alpha, own.abs()[kept].mean())


def test_the_scale_of_ternary_weight_networks_is_the_best_for_its_threshold(w):
    w = w.double()
    signs, alpha = ThresholdTernary().signs(w).flatten(1), ThresholdTernary().scale(w)
    errors = [(w.flatten(1) - factor * alpha[:, None] * signs).square().sum(1) for factor in (0.99, 1.0, 1.01)]
    assert (errors[1] < errors[0]).all()
    assert (errors[1] < errors[2]).all()


@pytest.mark.parametrize("name", BINARIZERS)
def test_the_gradient_goes_straight_through(w, name):
    grad = torch.randn_like(w)
    w.requires_grad_()
    BINARIZERS[name](w).backward(grad)
    assert torch.equal(w.grad, grad)


@pytest.mark.parametrize("name", BINARIZERS)
def test_filters_of_zeros_stay_zero(name):
    w = torch.zeros(2, 9, requires_grad=True)
    out = BINARIZERS[name](w)
    out.sum().backward()
    assert not out.any()
    assert torch.isfinite(BINARIZERS[name].scale(w)).all()
    assert w.grad.eq(1).all()


def test_values_are_in_the_dtype_of_the_weights():
    signs = ternary(torch.tensor([[0.3, -2.0, 0.0]], dtype=torch.float64), torch.tensor([1.0]))
    assert (signs.dtype, signs.tolist()) == (torch.float64, [[0.0, -1.0, 0.0]])
