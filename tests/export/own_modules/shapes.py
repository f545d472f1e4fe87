"""Modules whose subject is the shape of maps: joining, splitting, moving, resampling, pooling, several outputs."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from own_modules.case import Around, Case, Tail, binary
from xnorlab.binarize import BiRealSign, MeanScale
from xnorlab.nn import BinaryConv2d, BinaryLinear, Shift


class DenseLayer(nn.Module):
    """BinaryDenseNet's layer: its binary convolution's maps stand behind all earlier ones."""

    def __init__(self, channels: int, growth: int = 4):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(channels), binary(channels, growth)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        return torch.cat([x, self.conv(self.norm(x))], 1)


class DenseNet(nn.Module):
    """Two dense blocks with a transition of pool and 1 × 1 convolution between them."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.first = nn.Sequential(DenseLayer(8), DenseLayer(12))
        self.pool, self.mix = nn.MaxPool2d(2), nn.Conv2d(16, 8, 1, bias=False)
        self.second, self.norm = nn.Sequential(DenseLayer(8), DenseLayer(12)), nn.BatchNorm2d(16)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 3, H, W)."""
        y = self.second(self.mix(F.relu(self.pool(self.first(self.stem(x))))))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(F.relu(self.norm(y)), 1), 1))


class MeliusBlock(nn.Module):
    """MeliusNet: a dense block, and an improvement block that adds to the newest channels alone."""

    def __init__(self, channels: int = 8, growth: int = 4):
        super().__init__()
        self.channels, self.growth = channels, growth
        self.dense = DenseLayer(channels, growth)
        self.norm = nn.BatchNorm2d(channels + growth)
        self.improve = binary(channels + growth, growth)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        y = self.dense(x)
        better = self.improve(self.norm(y))
        return torch.cat([y[:, : self.channels], y[:, self.channels :] + better], dim=1)


class Inception(nn.Module):
    """Four branches over one map, joined."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8)
        self.one, self.three, self.five = binary(8, 4, 1), binary(8, 6), binary(8, 2, 5)
        self.pool, self.mix = nn.MaxPool2d(3, 1, 1), binary(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 8, H, W)."""
        y = self.norm(x)
        return torch.concat((self.one(y), self.three(y), self.five(y), self.mix(self.pool(y))), dim=1)


class UNet(nn.Module):
    """One step down and up with a skip, and a map of classes."""

    def __init__(self, up: nn.Module):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.down, self.inner, self.up = nn.MaxPool2d(2), binary(8, 8), up
        self.middle, self.last = nn.BatchNorm2d(16), binary(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 3, H, W)."""
        skip = self.norm(self.stem(x))
        y = self.up(self.inner(self.down(skip)))
        return self.last(self.middle(torch.cat([skip, y], 1)))


class OptionA(nn.Module):
    """ResNet-20's shortcut without weights: every second pixel, and zeros for the new channels."""

    def __init__(self):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(8), binary(8, 16, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 8, H, W)."""
        return self.conv(self.norm(x)) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4), "constant", 0)


class ReActMobileBlock(nn.Module):
    """ReActNet's MobileNet: where channels double, two 1 × 1 convolutions of one map stand side by side."""

    def __init__(self):
        super().__init__()
        self.move, self.depth, self.norm = Shift(8), binary(8, 8, stride=2), nn.BatchNorm2d(8)
        self.pool = nn.AvgPool2d(2, 2)
        self.again, self.left, self.right = Shift(8), binary(8, 8, 1), binary(8, 8, 1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(8)])

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 8, H, W)."""
        y = self.norm(self.depth(self.move(x))) + self.pool(x)
        z = self.again(y)
        return torch.cat([self.norms[0](self.left(z)) + y, self.norms[1](self.right(z)) + y], dim=1)


class ShuffleUnit(nn.Module):
    """ShuffleNet V2's unit: half of the channels pass, the others are convolved, both are shuffled."""

    def __init__(self):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(4), binary(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 8, H, W)."""
        left, right = x.chunk(2, dim=1)
        return shuffled(torch.cat((left, self.conv(self.norm(right))), dim=1), 2)


def shuffled(x: Tensor, groups: int) -> Tensor:
    """torchvision's channel shuffle."""
    n, c, h, w = x.size()
    x = x.view(n, groups, c // groups, h, w)
    return torch.transpose(x, 1, 2).contiguous().view(n, c, h, w)


class Blur(nn.Module):
    """A fixed binomial filter for each channel, with stride 2 (anti-aliased pooling)."""

    def __init__(self, channels: int = 8):
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.channels = channels
        self.weight: Tensor
        self.register_buffer("weight", (row[:, None] * row)[None, None].repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.weight, stride=2, groups=self.channels)


class Checked(nn.Module):
    """A guard on the input's size, as in vision transformers."""

    def __init__(self):
        super().__init__()
        self.inner = Around(lambda m, y: y)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, 3, 8, 8)."""
        if x.shape[2] != 8 or x.shape[3] != 8:
            raise ValueError("the rule is 8 × 8")
        assert x.dim() == 4
        return self.inner(x)


class TwoHeads(nn.Module):
    """Classes and a box of one backbone."""

    def __init__(self, form):
        super().__init__()
        self.form, self.body = form, Tail(lambda m, y: y.mean((2, 3)))
        self.classes, self.box = nn.Linear(8, 5), nn.Linear(8, 4)

    def forward(self, x: Tensor):
        """x: (N, 3, H, W)."""
        y = self.body(x)
        return self.form(self.classes(y), self.box(y))


class Two(nn.Module):
    """Two inputs, one of which may be left out."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """x and y: (N, 3, H, W)."""
        return self.conv(x) if y is None else self.conv(x) + self.conv(y)


def inside(block: nn.Module, channels: int = 8, **parts: nn.Module) -> Around:
    """The block between stem and last binary convolution."""
    return Around(lambda m, y: m.block(y), channels, block=block, **parts)


def step(function, channels: int = 8, **parts: nn.Module) -> Case:
    """A function of the map between stem and last binary convolution."""
    return Case(lambda: Around(function, channels, **parts))


def tail(function, **parts: nn.Module) -> Case:
    """A function of the last map."""
    return Case(lambda: Tail(function, **parts))


class ConvNeXtBlock(nn.Module):
    """ConvNeXt's block: a norm and two matrices of each pixel, whose channels stand last."""

    def __init__(self, channels: int = 8):
        super().__init__()
        self.deep = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm, self.wide, self.narrow = nn.LayerNorm(channels), nn.Linear(channels, 20), nn.Linear(20, channels)
        self.scale = nn.Parameter(torch.linspace(0.5, 1, channels).view(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W)."""
        y = self.norm(self.deep(x).permute(0, 2, 3, 1))
        return x + self.scale * self.narrow(F.gelu(self.wide(y))).permute(0, 3, 1, 2)


JOINED = {
    "concatenation": step(lambda m, y: torch.cat([y, y], 1), 16),
    "three tensors": step(lambda m, y: torch.cat((y, F.relu(y), y * 0.5), dim=1), 24),
    "concatenate with axis": step(
        lambda m, y: torch.concatenate([y, y], axis=1),  # pyright: ignore[reportCallIssue]
        16,
    ),
    "negative axis": step(lambda m, y: torch.cat([y, y], dim=-3), 16),
    "along the width": step(lambda m, y: torch.cat([y, y.flip(3)], 3)),
    "along the height": step(lambda m, y: torch.cat([y, y], 2)),
    "vectors": tail(lambda m, y: m.head(torch.cat([y.mean((2, 3)), y.amax((2, 3))], 1)), head=nn.Linear(16, 5)),
    "flattened maps": tail(lambda m, y: m.head(torch.cat([y.flatten(1), y.mean((2, 3))], 1)), head=nn.Linear(520, 5)),
    "vectors behind a binary matrix": tail(
        lambda m, y: m.head(m.normal(torch.cat([y.flatten(1), F.max_pool2d(y, 2).flatten(1)], 1))),
        normal=nn.BatchNorm1d(640),
        head=BinaryLinear(640, 5, weight_binarizer=MeanScale(), input_binarizer=BiRealSign()),
    ),
    "binary dense network": Case(DenseNet),
    "melius block": Case(lambda: inside(MeliusBlock(), 12)),
    "inception": Case(lambda: inside(Inception(), 16)),
    "u-net, nearest": Case(lambda: UNet(nn.Upsample(scale_factor=2))),
    "u-net, bilinear": Case(lambda: UNet(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True))),
    "u-net, transposed": Case(lambda: UNet(nn.ConvTranspose2d(8, 8, 2, 2))),
    "reactnet's mobile block": Case(lambda: inside(ReActMobileBlock(), 16)),
    "concatenated shortcut": step(lambda m, y: y + m.conv(torch.cat([y, y], 1)), conv=binary(16, 8)),
    "stacked vectors": tail(
        lambda m, y: m.head(torch.stack([y.mean((2, 3)), y.amax((2, 3))], 1).mean(1)), head=nn.Linear(8, 5)
    ),
}
TAKEN_APART = {
    "option A shortcut": Case(lambda: inside(OptionA(), 16)),
    "option A without pixels": step(lambda m, y: F.pad(y, (0, 0, 0, 0, 0, 8)), 16),
    "channel slice": step(lambda m, y: y[:, 2:6], 4),
    "channel slice from the end": step(lambda m, y: y[:, -3:], 3),
    "one channel": step(lambda m, y: y[:, 3:4], 1),
    "every second channel": step(lambda m, y: y[:, ::2], 4),
    "listed channels": step(lambda m, y: y[:, [5, 0, 0, 7]], 4),
    "stride slice": step(lambda m, y: y[:, :, ::2, ::2]),
    "offset stride slice": step(lambda m, y: y[..., 1::2, 1::2]),
    "crop": step(lambda m, y: y[:, :, 1:-1, 1:-1]),
    "written crop": step(lambda m, y: y[:, :, 2:6, :4]),
    "chunk": step(lambda m, y: y.chunk(2, 1)[1] * 2 + y.chunk(2, 1)[0], 4),
    "split": step(lambda m, y: torch.split(y, [2, 6], dim=1)[1], 6),
    "split by size": step(lambda m, y: sum(y.split(4, 1)), 4),
    "narrow": step(lambda m, y: y.narrow(1, 4, 4), 4),
    "index_select": step(lambda m, y: torch.index_select(y, 1, torch.tensor([1, 3, 5])), 3),
    "unbind": step(lambda m, y: torch.cat([part.unsqueeze(1) for part in y.unbind(1)][:3], 1), 3),
    "branches of halves": step(
        lambda m, y: torch.cat([m.a(y[:, :4]), m.b(y[:, 4:])], 1), a=binary(4, 4), b=binary(4, 4)
    ),
    "flip": step(lambda m, y: torch.flip(y, [3])),
    "flip both": step(lambda m, y: y.flip((2, 3))),
    "roll": step(lambda m, y: torch.roll(y, 1, 1)),
    "zero pad": step(lambda m, y: m.conv(m.pad(y)), pad=nn.ZeroPad2d((0, 1, 0, 1)), conv=nn.Conv2d(8, 8, 3, 2)),
    "constant pad": step(lambda m, y: m.pad(y), pad=nn.ConstantPad2d((1, 2, 0, 1), -1.0)),
    "reflection pad": step(lambda m, y: m.pad(y), pad=nn.ReflectionPad2d(2)),
    "replication pad": step(lambda m, y: m.pad(y), pad=nn.ReplicationPad2d(1)),
    "pad and crop": step(lambda m, y: F.pad(y, (-1, 1, 2, -2))),
    "padded binary convolution": step(
        lambda m, y: m.conv(F.pad(y, (1, 1, 1, 1), value=-1.0)),
        conv=BinaryConv2d(8, 8, 3, weight_binarizer=MeanScale(), input_binarizer=BiRealSign()),
    ),
    "reflecting convolution": step(lambda m, y: m.conv(y), conv=nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")),
    "replicating convolution": step(
        lambda m, y: m.conv(y), conv=nn.Conv2d(8, 8, 3, padding=1, padding_mode="replicate")
    ),
}
MOVED = {
    "channel shuffle": step(lambda m, y: shuffled(y, 4)),
    "channel shuffle module": step(lambda m, y: m.shuffle(y), shuffle=nn.ChannelShuffle(2)),
    "channel shuffle of reshapes": step(
        lambda m, y: y.reshape(y.shape[0], 2, 4, y.shape[2], y.shape[3]).permute(0, 2, 1, 3, 4).flatten(1, 2)
    ),
    "shuffle unit": Case(lambda: inside(ShuffleUnit())),
    "pixel shuffle": step(lambda m, y: m.shuffle(y), 2, shuffle=nn.PixelShuffle(2)),
    "pixel unshuffle": step(lambda m, y: m.shuffle(y), 32, shuffle=nn.PixelUnshuffle(2)),
    "functional pixel shuffle": step(lambda m, y: F.pixel_unshuffle(F.pixel_shuffle(y, 2), 2)),
    "space to depth by hand": step(
        lambda m, y: torch.cat([y[..., ::2, ::2], y[..., 1::2, ::2], y[..., ::2, 1::2], y[..., 1::2, 1::2]], 1), 32
    ),
    "ConvNeXt's block": Case(lambda: inside(ConvNeXtBlock())),
    "transposed map": step(lambda m, y: y.transpose(2, 3)),
    "repeated channels": step(lambda m, y: y.repeat(1, 2, 1, 1), 16),
    "interleaved channels": step(lambda m, y: y.repeat_interleave(2, 1), 16),
    "tail: flatten": tail(lambda m, y: y.flatten(1)),
    "tail: view": tail(lambda m, y: m.head(y.view(y.size(0), -1)), head=nn.Linear(512, 5)),
    "tail: squeeze": tail(lambda m, y: m.head(F.adaptive_avg_pool2d(y, 1).squeeze()), head=nn.Linear(8, 5)),
    "tail: squeeze twice": tail(
        lambda m, y: m.head(F.adaptive_avg_pool2d(y, 1).squeeze(-1).squeeze(-1)), head=nn.Linear(8, 5)
    ),
    "tail: first pixel": tail(lambda m, y: m.head(F.adaptive_avg_pool2d(y, 1)[:, :, 0, 0]), head=nn.Linear(8, 5)),
    "tail: mean twice": tail(lambda m, y: m.head(y.mean(3).mean(2)), head=nn.Linear(8, 5)),
    "tail: mean twice from behind": tail(lambda m, y: m.head(y.mean(-1).mean(-1)), head=nn.Linear(8, 5)),
    "tail: mean of a flat map": tail(lambda m, y: m.head(y.flatten(2).mean(2)), head=nn.Linear(8, 5)),
    "tail: mean of a view": tail(
        lambda m, y: m.head(y.view(y.size(0), y.size(1), -1).mean(dim=-1)), head=nn.Linear(8, 5)
    ),
    "tail: sum": tail(lambda m, y: m.head(y.sum((2, 3))), head=nn.Linear(8, 5)),
    "tail: largest": tail(lambda m, y: m.head(y.flatten(2).max(-1)[0]), head=nn.Linear(8, 5)),
    "tail: largest by name": tail(lambda m, y: m.head(y.flatten(2).max(dim=2).values), head=nn.Linear(8, 5)),
    "tail: map of classes": tail(
        lambda m, y: m.head(y).permute(0, 2, 3, 1).reshape(y.shape[0], -1), head=nn.Conv2d(8, 3, 1)
    ),
    "tail: rows of classes": tail(
        lambda m, y: m.head(y).permute(0, 2, 3, 1).reshape(y.shape[0], -1, 3), head=nn.Conv2d(8, 6, 1)
    ),
    "tail: convolution as classifier": tail(
        lambda m, y: m.head(F.avg_pool2d(y, 8)).view(y.shape[0], 5), head=nn.Conv2d(8, 5, 1)
    ),
    "tail: channels last": tail(lambda m, y: y.permute(0, 2, 3, 1)),
    "tail: attention over channels and places": tail(
        lambda m, y: m.conv(torch.cat([y.mean(1, keepdim=True), y.max(1, keepdim=True)[0]], 1)),
        conv=nn.Conv2d(2, 3, 7, padding=3),
    ),
    "tail: softmax": tail(lambda m, y: F.softmax(m.head(y.mean((2, 3))), dim=1), head=nn.Linear(8, 5)),
    "tail: log-softmax": tail(lambda m, y: F.log_softmax(m.head(y.mean((2, 3))), -1), head=nn.Linear(8, 5)),
    "tail: log-softmax module": tail(
        lambda m, y: m.soft(m.head(y.mean((2, 3)))), head=nn.Linear(8, 5), soft=nn.LogSoftmax(dim=1)
    ),
    "tail: softmax over a map's classes": tail(lambda m, y: y.softmax(1)),
    "decoder from a vector": tail(
        lambda m, y: m.up(m.grow(y.mean((2, 3))).view(-1, 4, 2, 2)),
        grow=nn.Linear(8, 16),
        up=nn.ConvTranspose2d(4, 2, 4, 2, 1),
    ),
    "unflatten": tail(
        lambda m, y: m.up(m.shape(m.grow(y.mean((2, 3))))),
        grow=nn.Linear(8, 16),
        shape=nn.Unflatten(1, (4, 2, 2)),
        up=nn.Conv2d(4, 2, 1),
    ),
    "mixed batch": Case(lambda: Tail(lambda m, y: y.reshape(-1, 16, 8, 8)), refused="mixes the inputs of a batch"),
    "guarded sizes": Case(Checked),
}
RESAMPLED = {
    "nearest": step(lambda m, y: F.interpolate(y, scale_factor=2)),
    "nearest by 1.5": step(lambda m, y: F.interpolate(y, scale_factor=1.5)),
    "nearest to a size": step(lambda m, y: F.interpolate(y, size=(5, 11), mode="nearest")),
    "exact nearest": step(lambda m, y: F.interpolate(y, size=13, mode="nearest-exact")),
    "upsampling module": step(lambda m, y: m.up(y), up=nn.UpsamplingNearest2d(scale_factor=3)),
    "bilinear": tail(lambda m, y: F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)),
    "bilinear with corners": tail(lambda m, y: F.interpolate(y, size=(13, 5), mode="bilinear", align_corners=True)),
    "bilinear by 0.7": tail(lambda m, y: F.interpolate(y, scale_factor=0.7, mode="bilinear")),
    "to the size of another map": tail(
        lambda m, y: y + F.interpolate(F.max_pool2d(y, 2), size=y.shape[2:], mode="nearest")
    ),
    "bicubic": Case(
        lambda: Tail(lambda m, y: F.interpolate(y, scale_factor=2, mode="bicubic")), refused="mode='bicubic'"
    ),
    "blur pooling": Case(lambda: inside(Blur())),
    "transposed convolution": tail(lambda m, y: m.up(y), up=nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1)),
    "grouped transposed convolution": tail(
        lambda m, y: m.up(y), up=nn.ConvTranspose2d(8, 4, 4, (2, 3), (1, 0), groups=2, dilation=2)
    ),
    "depthwise convolution": tail(lambda m, y: m.deep(y), deep=nn.Conv2d(8, 8, 3, padding=1, groups=8)),
    "depthwise with a multiplier": tail(lambda m, y: m.deep(y), deep=nn.Conv2d(8, 16, 3, 2, 1, groups=8)),
}
POOLED = {
    "pool rounded up": step(lambda m, y: m.pool(y), pool=nn.MaxPool2d(3, 2, ceil_mode=True)),
    "pool rounded up without effect": step(lambda m, y: m.pool(y), pool=nn.MaxPool2d(2, 2, ceil_mode=True)),
    "mean rounded up": tail(lambda m, y: m.pool(y), pool=nn.AvgPool2d(3, 2, ceil_mode=True)),
    "mean rounded up with border": tail(lambda m, y: m.pool(y), pool=nn.AvgPool2d(3, 2, 1, ceil_mode=True)),
    "uncounted border": tail(lambda m, y: F.avg_pool2d(y, 3, 1, 1, count_include_pad=False)),
    "own divisor": tail(lambda m, y: F.avg_pool2d(y, 2, divisor_override=3)),
    "adaptive mean, identity": tail(
        lambda m, y: m.head(m.pool(y).flatten(1)), pool=nn.AdaptiveAvgPool2d((8, 8)), head=nn.Linear(512, 5)
    ),
    "adaptive mean to 3": tail(lambda m, y: F.adaptive_avg_pool2d(y, 3)),
    "adaptive mean of rows": tail(lambda m, y: F.adaptive_avg_pool2d(y, (None, 1))),
    "adaptive mean to more": tail(lambda m, y: F.adaptive_avg_pool2d(y, (11, 4))),
    "adaptive largest": step(lambda m, y: F.adaptive_max_pool2d(y, 5)),
    "largest of a map": tail(
        lambda m, y: m.head(m.pool(y).flatten(1)), pool=nn.AdaptiveMaxPool2d(1), head=nn.Linear(8, 5)
    ),
    "spatial pyramid": tail(
        lambda m, y: m.head(torch.cat([F.adaptive_max_pool2d(y, n).flatten(1) for n in (1, 2, 4)], 1)),
        head=nn.Linear(168, 5),
    ),
}
SEVERAL = {
    "a tuple": Case(lambda: TwoHeads(lambda a, b: (a, b))),
    "a list": Case(lambda: TwoHeads(lambda a, b: [a, b])),
    "a dictionary": Case(lambda: TwoHeads(lambda a, b: {"classes": a, "box": b})),
    "one in another": Case(lambda: TwoHeads(lambda a, b: {"classes": a, "boxes": [b, b * 2]})),
    "features and logits": tail(lambda m, y: (m.head(y.mean((2, 3))), y), head=nn.Linear(8, 5)),
    "a pyramid of maps": tail(lambda m, y: [y, F.max_pool2d(y, 2), F.max_pool2d(y, 4)]),
    "two inputs": Case(Two, refused="one input"),
}
MODULES: dict[str, Case] = {**JOINED, **TAKEN_APART, **MOVED, **RESAMPLED, **POOLED, **SEVERAL}
