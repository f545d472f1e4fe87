"""RPReLU: the paper's formula, and the same values and gradients in training and evaluation."""

import pytest
import torch
from torch.nn import functional as F

from xnorlab.nn import RPReLU


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5, 2)])
def test_training_has_the_values_and_gradients_of_the_three_parts(shape):
    torch.manual_seed(0)
    layer = RPReLU(3).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    inputs = (x, *layer.parameters())
    grad = torch.randn(shape, dtype=torch.float64)
    results = [layer.train()(x), layer.eval()(x)]
    assert torch.equal(*results)
    gradients = [torch.autograd.grad(y, inputs, grad) for y in results]
    for ours, torchs in zip(*gradients, strict=True):
        assert torch.allclose(ours, torchs)


def test_it_is_the_papers_formula():
    layer = RPReLU(2)
    before, slope, after = layer.parameters()
    with torch.no_grad():
        before.copy_(torch.tensor([-1.0, 2.0]))
        slope.copy_(torch.tensor([0.5, 0.1]))
        after.copy_(torch.tensor([3.0, 4.0]))
    x = torch.tensor([[0.0, -5.0], [4.0, 1.0]])
    assert torch.allclose(layer(x), torch.tensor([[2.5, 3.7], [6.0, 7.0]]))


def test_a_bfloat16_map_stays_one_in_training():
    x = torch.randn(2, 3, 4, 4).bfloat16().requires_grad_()
    layer = RPReLU(3)
    y = layer(x)
    assert y.dtype == torch.bfloat16
    y.float().square().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in layer.parameters())
    assert F.cosine_similarity(x.grad.flatten().float(), 2 * y.flatten().float(), dim=0) > 0.5
