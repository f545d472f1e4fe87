"""Input scale K: equals its definition by loops, and improves the approximation."""

import itertools

import pytest
import torch

from xnorlab.binarize import input_scale, sign, weight_scale
from xnorlab.conventions import output_size


def slow_k(x, kernel, stride, padding, dilation):
    """Equation 11's K by loops: A = mean over channels of |x|, then the mean over each window, outside = 0."""
    n, _, h, w = x.shape
    a = x.abs().mean(1)
    oh = output_size(h, kernel[0], stride, padding, dilation)
    ow = output_size(w, kernel[1], stride, padding, dilation)
    k = torch.zeros(n, 1, oh, ow, dtype=x.dtype)
    for b, i, j, u, v in itertools.product(range(n), range(oh), range(ow), range(kernel[0]), range(kernel[1])):
        row, col = i * stride - padding + u * dilation, j * stride - padding + v * dilation
        if 0 <= row < h and 0 <= col < w:
            k[b, 0, i, j] += a[b, row, col] / (kernel[0] * kernel[1])
    return k


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [((3, 3), 1, 1, 1), ((5, 2), 2, 2, 1), ((1, 1), 1, 0, 1), ((3, 3), 1, 2, 2)],
)
@pytest.mark.parametrize("exact", [False, True])
def test_k_is_the_box_filtered_mean_of_abs_x(kernel, stride, padding, dilation, exact):
    x = torch.randn(2, 5, 9, 8, dtype=torch.float64)
    k = input_scale(x, kernel, stride, padding, dilation, exact=exact)
    assert torch.allclose(k, slow_k(x, kernel, stride, padding, dilation), atol=1e-12)


def test_k_alpha_improves_the_approximation_of_a_real_convolution():
    # Section 3.2: x ∗ W ≈ (sign(x) ⊛ sign(W)) ⊙ K·α; on an input whose magnitude varies over the picture
    # K must bring the result nearer to the true one than any single constant does.
    torch.manual_seed(0)
    x = torch.randn(1, 16, 20, 20) * torch.linspace(0.1, 3, 20)
    w = torch.randn(8, 16, 3, 3)
    true = torch.nn.functional.conv2d(x, w)
    signs = torch.nn.functional.conv2d(sign(x), sign(w)) * weight_scale(w).view(1, -1, 1, 1)
    with_k = signs * input_scale(x, 3)
    constant = (true * signs).sum() / signs.square().sum()
    assert (true - with_k).square().sum() < 0.9 * (true - constant * signs).square().sum()


def test_k_carries_a_gradient():
    x = torch.randn(1, 4, 6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: input_scale(v, 3, padding=1), (x,))
