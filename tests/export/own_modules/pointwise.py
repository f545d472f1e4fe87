"""Modules whose subject is arithmetic on single values: activations, constants, gates, signs of one's own, norms."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torchvision.ops import SqueezeExcitation, StochasticDepth

from own_modules.case import Around, Case, Tail, binary
from xnorlab.binarize import ClippedSign, MeanScale, sign_bireal
from xnorlab.nn import BinaryConv2d


class Bias(nn.Module):
    """ReActNet's own learned shift."""

    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.linspace(-0.5, 0.5, channels).view(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        return x + self.bias.expand_as(x)


class ReActSign(nn.Module):
    """ReActNet's own sign, with Bi-Real Net's gradient written out."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        out_forward = torch.sign(x)
        mask1, mask2, mask3 = x < -1, x < 0, x < 1
        out1 = (-1) * mask1.type(torch.float32) + (x * x + 2 * x) * (1 - mask1.type(torch.float32))
        out2 = out1 * mask2.type(torch.float32) + (-x * x + 2 * x) * (1 - mask2.type(torch.float32))
        out3 = out2 * mask3.type(torch.float32) + 1 * (1 - mask3.type(torch.float32))
        return out_forward.detach() - out3.detach() + out3


class HardBinaryConv(nn.Module):
    """ReActNet's own convolution: a mean scale, and a straight-through estimator of the weights."""

    def __init__(self, channels: int, out: int, kernel: int = 3):
        super().__init__()
        self.weight = nn.Parameter((torch.rand(out, channels, kernel, kernel) - 0.5) * 0.2)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        real = self.weight
        scale = torch.mean(torch.mean(torch.mean(abs(real), dim=3, keepdim=True), dim=2, keepdim=True), 1, keepdim=True)
        hard = scale.detach() * torch.sign(real)
        soft = torch.clamp(real, -1.0, 1.0)
        return F.conv2d(x, hard.detach() - soft.detach() + soft, stride=1, padding=1)


class OwnConv(nn.Conv2d):
    """A subclass of torch's convolution with binary inputs and weights."""

    def forward(self, input: Tensor) -> Tensor:
        """input: (N, C, H, W)."""
        alpha = self.weight.abs().mean((1, 2, 3), keepdim=True)
        return F.conv2d(input.sign(), self.weight.sign() * alpha, self.bias, self.stride, self.padding)


class Doubled(BinaryConv2d):
    """A subclass of xnorlab's layer that computes something else than its parent."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        return torch.sigmoid(super().forward(x)) * 2


class OwnLinear(nn.Linear):
    """A subclass of torch's matrix with binary inputs and weights."""

    def forward(self, input: Tensor) -> Tensor:
        """input: (N, F)."""
        return F.linear(torch.where(input >= 0, 1.0, -1.0), self.weight.sign(), self.bias)


class Straight(torch.autograd.Function):
    """A sign with a straight-through gradient, as autograd's function."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """x: any shape."""
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradient where |x| ≤ 1."""
        return grads[0] * (ctx.saved_tensors[0].abs() <= 1)


class Masked(torch.autograd.Function):
    """A sign that is written by masks."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """x: any shape."""
        out = torch.zeros_like(x)
        out = out + x
        out[x >= 0] = 1
        out[x < 0] = -1
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradient as it is."""
        return grads[0]


class Squeeze(nn.Module):
    """Squeeze-and-excitation with two 1 × 1 convolutions."""

    def __init__(self, gate: nn.Module):
        super().__init__()
        self.down, self.up, self.gate = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1), gate

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 8, H, W)."""
        return x * self.gate(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


class SqueezeByMatrices(nn.Module):
    """Squeeze-and-excitation with two matrices."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 8, H, W)."""
        gate = self.fc(F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)).view(x.size(0), 8, 1, 1)
        return x * gate.expand_as(x)


class PerChannel(nn.Module):
    """A learned factor and a buffer, per channel."""

    def __init__(self, what: Callable[[Any, Tensor], Tensor]):
        super().__init__()
        self.what = what
        self.gain = nn.Parameter(torch.linspace(-1, 2, 8).view(1, 8, 1, 1))
        self.scalar = nn.Parameter(torch.tensor(0.7))
        self.register_buffer("mean", torch.linspace(-0.3, 0.3, 8).view(8, 1, 1))
        self.register_buffer("place", torch.linspace(-1, 1, 64).view(8, 8))

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 8, H, W)."""
        return self.what(self, x)


class DropPath(nn.Module):
    """Stochastic depth as timm writes it."""

    def forward(self, x: Tensor) -> Tensor:
        """Any x."""
        if not self.training:
            return x
        return x * torch.bernoulli(torch.full((x.shape[0], 1, 1, 1), 0.9))


def around(step: Callable[[Any, Tensor], Tensor], refused: str = "") -> Case:
    """A function of a map, ahead of a binary convolution."""
    return Case(lambda: Around(step), refused=refused)


def module(make: Callable[[], nn.Module]) -> Case:
    """A module of maps, ahead of a binary convolution."""
    return Case(lambda: Around(lambda m, y: m.part(y), part=make()))


def signs(make: Callable[[], nn.Module], after: bool = True) -> Case:
    """Binary layers of one's own behind a norm, and a shortcut around them."""
    return Case(lambda: Tail(lambda m, y: m.part(y) + y if after else m.part(y), part=make()))


def behind(step: Callable[[Tensor], Tensor]) -> Case:
    """An own sign ahead of weights that are signs."""
    return Case(lambda: Tail(lambda m, y: F.conv2d(step(y), m.part.weight.sign(), padding=1), part=nn.Conv2d(8, 6, 3)))


def direct(make: Callable[[], nn.Module]) -> Case:
    """An activation right before the sign of a binary convolution."""
    return Case(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), make(), binary(8, 6)))


_ACTIVATIONS = {
    **{name: getattr(nn, name) for name in ("Sigmoid", "Hardsigmoid", "Hardswish", "ReLU6", "SiLU", "GELU", "Tanh")},
    **{name: getattr(nn, name) for name in ("Softsign", "Softplus", "ELU", "SELU", "CELU", "LeakyReLU", "Mish")},
    **{name: getattr(nn, name) for name in ("LogSigmoid", "RReLU")},
    "GELU, tanh": lambda: nn.GELU(approximate="tanh"),
}

MODULES: dict[str, Case] = {
    **{f"module {name}": module(make) for name, make in _ACTIVATIONS.items()},
    **{f"{name} right before a sign": direct(make) for name, make in _ACTIVATIONS.items()},
    "functions of sigmoid": around(lambda m, y: torch.sigmoid(y) + F.hardsigmoid(y) + y.sigmoid()),
    "functions with a bound": around(
        lambda m, y: F.relu6(y) + y.clamp(min=0) + torch.clamp(y, max=0.5) + y.clip(-1, 1)
    ),
    "functions of exp": around(lambda m, y: F.elu(y, 0.5) + F.selu(y) + F.celu(y, 2.0) + F.softplus(y, 2.0, 10.0)),
    "in place": around(lambda m, y: F.silu(F.leaky_relu(F.elu_(y), 0.2, True), inplace=True).tanh_().abs_()),
    "methods": around(lambda m, y: y.abs().sqrt() + y.square() + y.tanh() - y.neg() + y**2 + y.pow(2)),
    "hard limits of the sign": around(lambda m, y: F.hardtanh(F.leaky_relu(y, 0.1)).clamp_(min=-0.5)),
    "swish by hand": around(lambda m, y: y * torch.sigmoid(1.702 * y)),
    "hard swish by hand": around(lambda m, y: y * F.relu6(y + 3) / 6),
    "half": around(lambda m, y: y / 2),
    "standardised": around(lambda m, y: (y - 0.45) / 0.225),
    "one minus": around(lambda m, y: 1 - y),
    "one minus, rsub": around(lambda m, y: torch.rsub(y, 1)),
    "twice plus one": around(lambda m, y: 2 * y + 1),
    "alpha": around(lambda m, y: torch.add(y, F.relu(y), alpha=0.5) + torch.sub(y, 1, alpha=0.25)),
    "difference": around(lambda m, y: F.relu(y) - F.relu(-y)),
    "product": around(lambda m, y: y * F.relu(y)),
    "quotient": around(lambda m, y: y / (1 + y.abs())),
    "larger and smaller": around(lambda m, y: torch.maximum(y, -0.5 * y) + torch.minimum(y, y * y)),
    "larger than a constant": around(lambda m, y: torch.maximum(y, torch.tensor(0.1))),
    "choice of values": around(lambda m, y: torch.where(y > 0, y, 0.1 * y)),
    "per channel": module(lambda: PerChannel(lambda m, y: (y - m.mean) * m.gain)),
    "per channel, divided": module(lambda: PerChannel(lambda m, y: y / (m.gain + 3))),
    "scalar parameter": module(lambda: PerChannel(lambda m, y: y * m.scalar + m.scalar)),
    "expand": module(lambda: PerChannel(lambda m, y: y + m.gain.expand(y.size(0), -1, y.size(2), y.size(3)))),
    "bound per channel": module(lambda: PerChannel(lambda m, y: torch.maximum(y, m.gain) + y.clamp(max=m.gain))),
    "constant per place": module(lambda: PerChannel(lambda m, y: y * m.place)),
    "learned biases": module(lambda: nn.Sequential(Bias(8), nn.PReLU(8), Bias(8))),
    "squeeze and excitation": module(lambda: Squeeze(nn.Sigmoid())),
    "squeeze and excitation, hard": module(lambda: Squeeze(nn.Hardsigmoid())),
    "squeeze and excitation by matrices": module(SqueezeByMatrices),
    "torchvision's squeeze and excitation": module(lambda: SqueezeExcitation(8, 4)),
    "attention over places": around(lambda m, y: y * torch.sigmoid(y[:, :1])),
    "gate of the sum": around(lambda m, y: y + y.mean((2, 3), keepdim=True)),
    "dropouts": module(lambda: nn.Sequential(nn.FeatureAlphaDropout(), nn.Dropout2d(), nn.AlphaDropout(0.2))),
    "stochastic depth": module(lambda: StochasticDepth(0.2, "row")),
    "drop path": module(DropPath),
    "synchronised norm": module(lambda: nn.SyncBatchNorm(8)),
    "copies and casts": around(lambda m, y: y.detach().clone().float().contiguous().to(y.dtype).to(torch.float32)),
    "requires_grad": around(lambda m, y: y.requires_grad_(False).type_as(y).type(torch.float32)),
    "data": around(lambda m, y: y.data),
    "data parallel": Case(lambda: nn.DataParallel(Around(lambda m, y: F.relu(y)))),
    "data parallel inside": module(lambda: nn.DataParallel(nn.ReLU())),
    "checkpoint": around(lambda m, y: checkpoint(torch.relu, y, use_reentrant=False)),
    "torch.sign ahead of a binary layer": around(lambda m, y: torch.sign(y)),
    "own convolution": signs(lambda: OwnConv(8, 8, 3, padding=1)),
    "subclass of a binary layer": signs(
        lambda: Doubled(8, 8, 3, padding=1, weight_binarizer=MeanScale(), input_binarizer=ClippedSign())
    ),
    "own convolution with bias": signs(lambda: OwnConv(8, 8, 3, padding=1, bias=True)),
    "own convolution behind ReLU": signs(lambda: nn.Sequential(nn.ReLU(), OwnConv(8, 8, 3, padding=1))),
    "own matrix": Case(lambda: Tail(lambda m, y: m.part(y.mean((2, 3))), part=OwnLinear(8, 5))),
    "ReActNet's convolution": signs(
        lambda: nn.Sequential(Bias(8), ReActSign(), HardBinaryConv(8, 8), nn.BatchNorm2d(8))
    ),
    "two of them": signs(lambda: nn.Sequential(OwnConv(8, 8, 3, padding=1), nn.BatchNorm2d(8), OwnConv(8, 8, 1))),
    "signs by where": behind(lambda y: torch.where(y > 0, 1.0, -1.0)),
    "signs by where of tensors": behind(lambda y: torch.where(y >= 0, torch.ones_like(y), -torch.ones_like(y))),
    "signs by comparison": behind(lambda y: (y >= 0).float() * 2 - 1),
    "signs by comparison, shifted": behind(lambda y: 2 * (y > 0.1).to(y.dtype) - 1),
    "ones and zeros": behind(lambda y: (y > 0).float()),
    "signs of tanh": behind(lambda y: torch.sign(torch.tanh(2 * y) - 0.3)),
    "signs of SiLU": behind(lambda y: torch.sign(F.silu(y))),
    "signs by autograd's function": behind(lambda y: Straight.apply(y)),
    "signs by masks": behind(lambda y: Masked.apply(y)),
    "signs by xnorlab's function": behind(sign_bireal),
    "signs, straight through": behind(lambda y: y + (y.sign() - y).detach()),
    "signs of clipped values": behind(lambda y: y.clamp(-1, 1) + torch.sign(y).detach() - y.clamp(-1, 1).detach()),
    "a sign and a shortcut": around(lambda m, y: torch.sign(y) + y),
    "not differentiable levels": around(lambda m, y: torch.round(y.clamp(0, 1) * 3) / 3),
    "group norm": module(lambda: nn.GroupNorm(4, 8)),
    "instance norm": module(lambda: nn.InstanceNorm2d(8, affine=True)),
    "instance norm, tracked": module(lambda: nn.InstanceNorm2d(8, affine=True, track_running_stats=True)),
    "layer norm of maps": module(lambda: nn.LayerNorm((8, 8, 8))),
    "layer norm of vectors": Case(lambda: Tail(lambda m, y: m.part(y.mean((2, 3))), part=nn.LayerNorm(8))),
    "layer norm over channels": around(lambda m, y: F.layer_norm(y.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2)),
    "group norm of one": module(lambda: nn.GroupNorm(1, 8)),
    "comparison of two values": around(lambda m, y: (y > F.relu(-y)).float(), "compares two values"),
    "power": around(lambda m, y: y**3, "exponent 2 or 0.5"),
    "half precision": around(lambda m, y: y.half().float(), "float16"),
    "active dropout": around(lambda m, y: F.dropout(y, 0.0, training=True), "active in evaluation"),
    "chosen places": around(lambda m, y: torch.where(y > 0, y, torch.ones(8, 8)), "per channel|one shape"),
}
