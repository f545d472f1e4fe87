"""BatchNorm over the batches of all processes of a training.

A recipe's batch is shared by all processes, and so are its mean and variance here: N processes then compute what one
would, up to rounding (which alone decides the sign of a value that equals its mean). In a binary network this matters
more than elsewhere: a norm sets the threshold of each sign that follows it, so that the mean of a small share would
flip signs of values near it. torch's own `nn.SyncBatchNorm` does not run on a CPU; this one runs wherever
torch.distributed does.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F


class _Normalize(torch.autograd.Function):
    """(x − μ)/√(σ² + ε)·γ + β with μ and σ² over all processes, whose shares of a batch have equal size.

    With g = ∂L/∂y, x̂ = (x − μ)/√(σ² + ε), n values per channel over all processes and sums over all of them,
    ∂L/∂x = γ/√(σ² + ε)·(g − Σg/n − x̂·Σ(g·x̂)/n). The gradients of γ and β are those of this process's share, like all
    others; DistributedDataParallel takes the mean of them. Source: Ioffe, Szegedy 2015, section 3.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        wide = x if x.dtype == torch.float64 else x.float()
        variance, mean = torch.var_mean(wide, _sample_axes(x), correction=0)
        own = torch.stack([mean, variance])
        shares = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
        distributed.all_gather(shares, own)
        means, variances = torch.stack(shares, 1)
        mean = means.mean(0)
        variance = (variances + (means - mean) ** 2).mean(0)
        inverse = (variance + eps).rsqrt()
        ctx.save_for_backward(x, weight, mean, inverse)
        ctx.mark_non_differentiable(mean, variance)
        factor = inverse * weight
        return torch.addcmul(_wide(bias - mean * factor, x), wide, _wide(factor, x)).to(x.dtype), mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, inverse = ctx.saved_tensors
        gradient = gradients[0].to(mean.dtype)
        normed = (x.to(mean.dtype) - _wide(mean, x)) * _wide(inverse, x)
        axes = _sample_axes(x)
        own = torch.stack([gradient.sum(axes), (gradient * normed).sum(axes)])
        every = own.clone()
        distributed.all_reduce(every)
        every /= x.numel() / x.shape[1] * distributed.get_world_size()
        inner = gradient - _wide(every[0], x) - normed * _wide(every[1], x)
        return (inner * _wide(weight * inverse, x)).to(x.dtype), own[1], own[0], None


class SyncedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm of any number of axes whose mean and variance in training are those over all processes.

    All processes must give it equally many values. In eval mode it is torch's BatchNorm.
    """

    def forward(self, input: Tensor) -> Tensor:
        """y: (N, C, …) → (N, C, …), in the type of x; statistics are taken in float32, or in float64 of float64."""
        if not self.training:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        result, mean, variance = _Normalize.apply(input, self.weight, self.bias, self.eps)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        count = input.numel() / input.shape[1] * distributed.get_world_size()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
        return result

    def _check_input_dim(self, input: Tensor) -> None:
        pass


def synchronize_norms_(model: nn.Module) -> None:
    """Put a `SyncedBatchNorm` in the place of each BatchNorm, with its parameters, statistics and name.

    The names in the state dict stay, so that a checkpoint loads with and without it.
    """
    for parent in list(model.modules()):
        for name, norm in list(parent.named_children()):
            if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
                synced = SyncedBatchNorm(norm.num_features, norm.eps, norm.momentum)
                synced.weight, synced.bias = norm.weight, norm.bias
                for buffer, value in norm.named_buffers():
                    setattr(synced, buffer, value)
                setattr(parent, name, synced.train(norm.training))


def _sample_axes(x: Tensor) -> list[int]:
    return [axis for axis in range(x.dim()) if axis != 1]


def _wide(values: Tensor, x: Tensor) -> Tensor:
    """One value per channel, (C,), in a shape that multiplies x."""
    return values.view(1, -1, *[1] * (x.dim() - 2))
