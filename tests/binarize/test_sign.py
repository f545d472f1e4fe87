"""Signs and k-bit activations: values and gradients are the formulas'."""

import pytest
import torch

from xnorlab.binarize import KBit, RSign, quantize, sign, sign_bireal, sign_clipped, stochastic_sign

POINTS = torch.tensor([-2.0, -1.0, -0.75, -1e-30, -0.0, 0.0, 1e-30, 0.25, 1.0, 2.0])


def gradient(function, x: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    x = x.clone().requires_grad_()
    y = function(x)
    y.backward(torch.ones_like(y) if weight is None else weight)
    assert x.grad is not None
    return x.grad


@pytest.mark.parametrize("function", [sign, sign_clipped, sign_bireal])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_sign_is_plus_one_exactly_where_x_is_not_negative(function, dtype):
    # bfloat16 holds 1e-30 too
    expected = torch.tensor([-1, -1, -1, -1, 1, 1, 1, 1, 1, 1], dtype=dtype)
    assert torch.equal(function(POINTS.to(dtype)), expected)


def test_sign_itself_has_no_gradient():
    x = torch.randn(5, requires_grad=True)
    assert not sign(x).requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_clipped_gradient_is_one_on_the_closed_interval(dtype):
    just_over = torch.nextafter(torch.tensor(1.0), torch.tensor(2.0)) if dtype is torch.float32 else torch.tensor(1.01)
    x = torch.cat([POINTS, just_over[None], -just_over[None]]).to(dtype)
    weight = torch.arange(1.0, len(x) + 1, dtype=dtype)
    assert torch.equal(gradient(sign_clipped, x, weight), weight * (x.abs() <= 1))


def test_bireal_gradient_is_two_minus_two_abs_x():
    x = torch.linspace(-1.5, 1.5, 301)
    assert torch.allclose(gradient(sign_bireal, x), torch.clamp(2 - 2 * x.abs(), min=0))


def test_bireal_gradient_is_the_slope_of_its_piecewise_polynomial():
    def polynomial(x):  # Bi-Real Net, eq. 5, the function whose derivative stands in for the sign's
        inner = torch.where(x < 0, 2 * x + x**2, 2 * x - x**2)
        return torch.where(x < -1, -1.0, torch.where(x >= 1, 1.0, inner))

    x = torch.linspace(-1.4, 1.4, 57, dtype=torch.float64)
    slope = (polynomial(x + 1e-6) - polynomial(x - 1e-6)) / 2e-6
    assert torch.allclose(gradient(sign_bireal, x), slope, atol=1e-5)


def test_stochastic_sign_draws_plus_one_with_the_clipped_linear_probability():
    w = torch.tensor([-3.0, -1.0, -0.5, 0.0, 0.3, 1.0, 3.0])
    draws = stochastic_sign(w.expand(40_000, -1), torch.Generator().manual_seed(0))
    assert set(draws.unique().tolist()) == {-1.0, 1.0}
    p = ((w + 1) / 2).clamp(0, 1)
    # four standard errors of a frequency over 40,000 draws
    assert torch.all(((draws > 0).float().mean(0) - p).abs() <= 4 * (p * (1 - p) / 40_000).sqrt() + 1e-9)
    same = stochastic_sign(w.expand(40_000, -1), torch.Generator().manual_seed(0))
    assert torch.equal(draws, same)


def test_stochastic_sign_passes_the_gradient_unchanged():
    weight = torch.randn(9)
    assert torch.equal(gradient(stochastic_sign, torch.randn(9), weight), weight)


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_k_bit_activations_are_the_nearest_of_evenly_spaced_levels(bits):
    x = torch.linspace(-1.3, 1.3, 1001, dtype=torch.float64)
    levels = torch.linspace(-1, 1, 2**bits, dtype=torch.float64)
    nearest = (x[:, None].clamp(-1, 1) - levels).abs().min(1).values
    q = quantize(x, bits)
    assert torch.allclose((x.clamp(-1, 1) - q).abs(), nearest, atol=1e-12)
    assert len(q.unique()) == 2**bits
    assert torch.equal(gradient(lambda v: quantize(v, bits), x), (x.abs() < 1).double())


def test_one_bit_activation_is_the_sign():
    assert torch.equal(quantize(POINTS, 1), sign(POINTS))


@pytest.mark.parametrize("bits", [0, -1, 17])
def test_k_bit_activation_refuses_other_widths(bits):
    with pytest.raises(ValueError, match=f"bits={bits} must be between 1 and 16"):
        KBit(bits)


def test_rsign_compares_each_channel_with_its_own_threshold():
    layer = RSign(3)
    layer.threshold.data = torch.tensor([-1.0, 0.0, 0.5])
    x = torch.tensor([-0.5, -0.5, 0.5]).view(1, 3, 1, 1)
    assert layer(x).flatten().tolist() == [1.0, -1.0, 1.0]
    layer(x).sum().backward()
    # d/dτ sign(x − τ) = −(2 − 2|x − τ|) at distances 0.5, 0.5 and 0
    assert torch.allclose(layer.threshold.grad, torch.tensor([-1.0, -1.0, -2.0]))


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_rsign_is_bi_reals_sign_of_what_lies_above_the_threshold(memory: torch.memory_format):
    torch.manual_seed(0)
    layer = RSign(5).double()
    torch.nn.init.normal_(layer.threshold)
    x = torch.randn(2, 5, 4, 3, dtype=torch.float64).contiguous(memory_format=memory).requires_grad_()
    grad = torch.randn(2, 5, 4, 3, dtype=torch.float64)
    results = [layer(x), sign_bireal(x - layer.threshold.view(1, -1, 1, 1))]
    assert torch.equal(*results)
    assert results[0].is_contiguous(memory_format=memory)
    for ours, composed in zip(*(torch.autograd.grad(y, (x, layer.threshold), grad) for y in results), strict=True):
        assert torch.allclose(ours, composed)


@pytest.mark.parametrize("shape", [(2, 1), (2, 1, 1, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rsign_of_the_threshold_itself_is_plus_one_and_so_is_minus_zeros(shape: tuple[int, ...], dtype: torch.dtype):
    layer = RSign(1)
    for threshold, value in ((0.0, 0.0), (0.0, -0.0), (-0.0, 0.0), (-0.0, -0.0), (0.5, 0.5)):
        layer.threshold.data.fill_(threshold)
        y = layer(torch.full(shape, value, dtype=dtype))
        assert y.dtype == dtype
        assert y.eq(1).all()
