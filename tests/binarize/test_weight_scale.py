"""Weight scales: α and sign(W) are the best pair, and the exact gradient is what autograd computes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xnorlab.binarize import (
    LearnedScale,
    MeanScale,
    Sign,
    StochasticSign,
    approximation_error,
    clip_latent_,
    exact_gradient,
    sign,
    weight_scale,
)


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 30))
def test_mean_abs_and_sign_are_the_best_pair(seed, filters, n):
    w = torch.randn(filters, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    alpha, best = weight_scale(w), approximation_error(w, weight_scale(w))
    assert torch.allclose(best, (w - alpha[:, None] * sign(w)).square().sum(1))
    for factor in (0.0, 0.5, 0.99, 1.01, 2.0):
        assert torch.all(approximation_error(w, alpha * factor) >= best)
    flipped = sign(w)
    flipped[:, 0] *= -1  # another B than the sign is never better, even with its own best scale
    own = (w * flipped).mean(1, keepdim=True)
    assert torch.all((w - own * flipped).square().sum(1) >= best - 1e-12)


def test_error_takes_a_whole_curve_of_scales():
    w = torch.randn(4, 3, 3, 3)
    scales = torch.linspace(0, 1, 7)[:, None].expand(7, 4)
    curve = approximation_error(w, scales)
    assert curve.shape == (7, 4)
    assert torch.allclose(curve[3], approximation_error(w, scales[3]))


def test_gradient_through_alpha_sign_w_is_the_exact_formula():
    torch.manual_seed(0)
    w = (torch.randn(6, 4, 3, 3, dtype=torch.float64) * 0.8).requires_grad_()
    grad = torch.randn_like(w)
    MeanScale()(w).backward(grad)
    assert torch.any(w.abs() > 1), "some weights must lie in the clipped region"
    assert torch.allclose(w.grad, exact_gradient(w.detach(), grad), atol=1e-14)


def test_exact_gradient_equals_finite_differences_of_a_smooth_surrogate():
    # Between weights of one sign and |w| < 1, α·h(W) with h(w) = w + const has the slopes that the straight-through
    # sign assumes: h' = 1, and h(w0) = sign(w0) at the point of differentiation.
    torch.manual_seed(1)
    w0 = torch.rand(2, 5, dtype=torch.float64) * 0.8 + 0.1
    w0 *= torch.where(torch.rand_like(w0) < 0.5, -1.0, 1.0)
    grad = torch.randn_like(w0)
    shift = sign(w0) - w0

    def cost(w):
        return (grad * weight_scale(w)[:, None] * (w + shift)).sum()

    numeric = torch.zeros_like(w0)
    for i in range(w0.numel()):
        step = torch.zeros(w0.numel(), dtype=torch.float64)
        step[i] = 1e-6
        step = step.view_as(w0)
        numeric.view(-1)[i] = (cost(w0 + step) - cost(w0 - step)) / 2e-6
    assert torch.allclose(exact_gradient(w0, grad), numeric, atol=1e-8)


def test_papers_short_form_leaves_out_the_cross_terms():
    # g_i·(1/n + α·1) as printed in section 3.1 agrees with the exact gradient only for one weight per filter.
    torch.manual_seed(2)
    for n, equal in ((1, True), (6, False)):
        w, grad = torch.rand(1, n) * 0.9, torch.randn(1, n)
        short = grad * (1 / n + weight_scale(w)[:, None])
        assert torch.allclose(short, exact_gradient(w, grad)) is equal


def test_detached_scale_leaves_only_the_straight_through_part():
    w = (torch.randn(3, 8) * 0.7).requires_grad_()
    grad = torch.randn_like(w)
    MeanScale(detach=True)(w).backward(grad)
    expected = weight_scale(w.detach())[:, None] * grad * (w.detach().abs() <= 1)
    assert torch.allclose(w.grad, expected)


def test_binarizers_are_signs_times_scales():
    w = torch.randn(5, 2, 3, 3)
    assert torch.equal(Sign()(w), sign(w))
    assert Sign().scale(w) is None
    assert torch.allclose(MeanScale()(w), sign(w) * weight_scale(w).view(-1, 1, 1, 1))
    learned = LearnedScale(5)
    learned.factor.data = torch.arange(1.0, 6)
    assert torch.allclose(learned(w), sign(w) * torch.arange(1.0, 6).view(-1, 1, 1, 1))
    assert StochasticSign().real_in_eval
    assert set(StochasticSign()(w).unique().tolist()) <= {-1.0, 1.0}


def test_latent_weights_are_clipped_in_place():
    w = torch.randn(4, 6, 3, 3) * 2
    clipped = w.clone()
    assert clip_latent_(clipped) is clipped
    assert torch.equal(clipped, w.clamp(-1, 1))


def test_weight_scale_refuses_a_vector():
    with pytest.raises(ValueError, match=r"w has shape \(3,\)"):
        weight_scale(torch.ones(3))
