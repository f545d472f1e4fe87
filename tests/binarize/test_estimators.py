"""Estimators: the sign forward, the formula's slope backward, and an area under it of the jump's height."""

import pytest
import torch

from xnorlab.binarize import ESTIMATORS, EstimatedSign, forward_and_gradient, integral_from_zero, sign

X = torch.arange(-800, 801, dtype=torch.float64) / 200
SLOPES = {
    "clipped": lambda x, t: (x.abs() <= t).to(x) / t,
    "bireal": lambda x, t: (2 - 2 * x.abs() / t).clamp(min=0) / t,
    "identity": lambda x, t: torch.ones_like(x),
    "stochastic": lambda x, t: torch.ones_like(x),
}


@pytest.mark.parametrize("clip_range", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_slope_is_the_formula(name, clip_range):
    _, gradient = forward_and_gradient(lambda x: ESTIMATORS[name](x, clip_range), X)
    torch.testing.assert_close(gradient, SLOPES[name](X, clip_range))


@pytest.mark.parametrize("clip_range", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", ["clipped", "bireal", "identity"])
def test_forward_is_the_sign_whatever_the_range(name, clip_range):
    assert torch.equal(ESTIMATORS[name](X, clip_range), sign(X))


@pytest.mark.parametrize("clip_range", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", ["clipped", "bireal"])
def test_the_area_under_the_slope_is_the_height_of_the_jump(name, clip_range):
    _, gradient = forward_and_gradient(lambda x: ESTIMATORS[name](x, clip_range), X)
    smooth = integral_from_zero(X, gradient)
    assert (smooth[-1] - smooth[0]).item() == pytest.approx(2, abs=0.02)
    assert smooth[len(X) // 2] == 0


def test_the_clipped_slope_belongs_to_hardtanh():
    _, gradient = forward_and_gradient(ESTIMATORS["clipped"], X)
    torch.testing.assert_close(integral_from_zero(X, gradient), X.clamp(-1, 1), atol=3e-3, rtol=0)


def test_looking_at_a_function_leaves_its_argument_alone():
    x = torch.ones(3, requires_grad=True)
    y, gradient = forward_and_gradient(ESTIMATORS["clipped"], x)
    assert x.grad is None
    assert not y.requires_grad
    assert not gradient.requires_grad


def test_the_layers_module_computes_the_same():
    module = EstimatedSign("bireal", 2.0)
    assert torch.equal(module(X), sign(X))
    torch.testing.assert_close(forward_and_gradient(module, X)[1], SLOPES["bireal"](X, 2.0))
    assert "bireal, clip_range=2" in repr(module)


@pytest.mark.parametrize("clip_range", [0.0, -1.0, float("nan"), float("inf")])
def test_a_range_that_is_not_positive_is_refused(clip_range):
    with pytest.raises(ValueError, match="clip_range="):
        EstimatedSign("clipped", clip_range)


def test_an_unknown_estimator_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="estimator='tanh' is not one of clipped, bireal"):
        EstimatedSign("tanh")
