"""A packed network runs at other heights and widths as its model does, or says in a sentence why it does not."""

import numpy as np
import pytest
import torch
from torch import fx, nn
from torch.nn import functional as F

from xnorlab import export, models
from xnorlab.export import ExportError
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.runtime import Network


class Reads(nn.Module):
    """A convolution, and behind it what a function of its map and the model says."""

    def __init__(self, function):
        super().__init__()
        self.function, self.conv, self.head = function, nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 2)

    def forward(self, x):
        """x: (N, 3, H, W)."""
        return self.function(self, self.conv(x))


def unpacked(model, y):
    """The map's own sizes for a mean and a reshape, through the operator of Python that takes a tuple apart."""
    b, c, h, w = y.shape
    return F.avg_pool2d(F.relu(y), (h, w)).view(b, c)


def one_pixel(model, y):
    """The sizes of a map that has one pixel at every input."""
    b, c, h, w = F.adaptive_avg_pool2d(y, 1).shape
    return model.head(y.mean((2, 3), keepdim=True).reshape(b, c * h * w))


FREE = {
    "batch and the rest": lambda m, y: m.head(F.adaptive_avg_pool2d(y, 1).view(y.size(0), -1)),
    "batch and a number": lambda m, y: m.head(F.adaptive_avg_pool2d(y, 1).reshape(y.shape[0], 4)),
    "all sizes of one pixel": one_pixel,
    "one pixel stays one": lambda m, y: F.adaptive_avg_pool2d(y, 1).view(y.size(0), 4, 1, 1),
    "mean over the map": lambda m, y: F.avg_pool2d(y, y.shape[2:]),
    "last two": lambda m, y: F.avg_pool2d(y, kernel_size=y.size()[-2:], ceil_mode=True),
    "each": lambda m, y: F.avg_pool2d(F.relu(y), (y.size(2), y.size(dim=-1))),
    "taken apart": unpacked,
    "dimensions": lambda m, y: y.mean((y.dim() - 2, y.ndim - 1)),
    "channels": lambda m, y: y * y.shape[1] + torch.ones(y.shape[1], dtype=y.dtype)[:, None, None],
    "its own shape": lambda m, y: y.view(y.shape),
    "its shape in two": lambda m, y: y.reshape(y.shape[:2] + y.shape[2:]),
    "what is left": lambda m, y: y.view(-1, y.size(1), *(y.size(2), y.size(3))),
    "windows rounded up": lambda m, y: F.avg_pool2d(y, 2, ceil_mode=True),
    "every second pixel": lambda m, y: y[:, :, ::2, 1::2],
    "all but the border": lambda m, y: y[..., 1:-1, 1:-1],
    "a written corner": lambda m, y: y[:, :, :4, :3],
    "shuffled channels": lambda m, y: (
        y.view(y.size(0), 2, 2, y.size(2), y.size(3)).transpose(1, 2).contiguous().view(y.shape)
    ),
    "mean of the rows' means": lambda m, y: y.mean(3).mean(2),
    "a branch by channels": lambda m, y: y if y.shape[1] == 4 else -y,
    "twice as large": lambda m, y: F.interpolate(y, scale_factor=2, mode="bilinear"),
    "a grid of cells": lambda m, y: F.adaptive_avg_pool2d(y, 3),
    "kind and place": lambda m, y: y + torch.zeros((), dtype=y.dtype, device=y.device),
}

NUMBER = "takes a number that the model computed from its input's height or width"
FIXED = {
    "a quarter": (lambda m, y: F.avg_pool2d(y, y.shape[2] // 4), rf"avg_pool2d \(function avg_pool2d\) {NUMBER}"),
    "a quarter of size()": (lambda m, y: F.avg_pool2d(y, y.size()[2] // 4), NUMBER),
    "height for both": (lambda m, y: F.avg_pool2d(y, y.size(2)), NUMBER),
    "width for both": (lambda m, y: F.avg_pool2d(y, y.size(dim=-1)), NUMBER),
    "exchanged": (lambda m, y: F.avg_pool2d(y, (y.shape[3], y.shape[2])), NUMBER),
    "maximum of the map": (lambda m, y: F.max_pool2d(y, y.shape[2:]), NUMBER),
    "times the height": (lambda m, y: y * y.shape[2], NUMBER),
    "plus a tensor of it": (lambda m, y: y + torch.full((4, 1, 1), 1.0) * y.shape[3], NUMBER),
    "sum of the map": (lambda m, y: y.mean((2, 3)) * (y.shape[2] * y.shape[3]), NUMBER),
    "all numbers": (lambda m, y: y * (y.shape[1:].numel() / 256), NUMBER),
    "a bound": (lambda m, y: y.clamp(-1, y.shape[3] / 8), NUMBER),
    "a border": (lambda m, y: F.conv2d(y, m.head.weight.view(2, 4, 1, 1), padding=y.shape[2] // 8), NUMBER),
    "a grid": (lambda m, y: F.adaptive_avg_pool2d(y, y.shape[2] // 8), NUMBER),
    "features": (lambda m, y: m.head(F.adaptive_avg_pool2d(y, 1).view(y.size(0), y.shape[2] // 2)), NUMBER),
    "exchanged sides": (lambda m, y: y.view(*(y.size(0), 4), *(y.size(3), y.size(2))), "not always its own"),
    "written sides": (lambda m, y: y.view(-1, 4, 8, 8), "not always its own"),
    "a check": (lambda m, y: (torch._assert(y.shape[2] == 8, "no"), F.relu(y))[1], "checks a height or a width"),
    "a branch": (lambda m, y: y if y.shape[2] == 8 else -y, "takes a branch by a height or a width of its input"),
    "parts of the map": (lambda m, y: sum(part.mean((2, 3)) for part in y.split(4, dim=2)), "as many parts as"),
}


def both(model, packed, nhwc, x):
    """The model's output and the packed network's."""
    with torch.no_grad():
        return nhwc(model(x)), packed.run(nhwc(x))


@pytest.mark.parametrize("case", FREE)
def test_sizes_that_are_read_and_do_no_harm(inputs, nhwc, case):
    model = Reads(FREE[case]).eval()
    packed = export.pack(model, inputs(2, 3, 8, 8))
    assert packed.fixed_by == ""
    for n, height, width in ((1, 8, 8), (3, 16, 16), (2, 9, 5), (1, 4, 16)):
        want, got = both(model, packed, nhwc, inputs(n, 3, height, width, seed=3))
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("case", FIXED)
def test_sizes_that_the_example_fixed(inputs, nhwc, case, tmp_path):
    function, why = FIXED[case]
    model = Reads(function).eval()
    export.pack(model, inputs(2, 3, 8, 8)).save(tmp_path / "x")
    packed = Network.open(tmp_path / "x")
    want, got = both(model, packed, nhwc, inputs(3, 3, 8, 8, seed=3))
    np.testing.assert_allclose(got, want, atol=1e-4)
    for height, width in ((16, 16), (16, 8), (8, 16), (9, 9), (4, 16)):
        only = rf"x is {height} × {width}, and this network runs at 8 × 8 only: .*{why}"
        with pytest.raises(ValueError, match=only):
            packed.run(nhwc(inputs(1, 3, height, width)))


def test_a_branch_by_the_batch_is_refused(inputs):
    with pytest.raises(ExportError, match=r"eq.*takes a branch by the number of inputs in the batch"):
        export.pack(Reads(lambda m, y: y if y.shape[0] == 1 else -y), inputs(1, 3, 8, 8))


@fx.wrap
def height_of(x):
    """What torch.fx sees as one opaque step."""
    return x.shape[2]


def test_a_number_of_unknown_origin_is_refused(inputs):
    with pytest.raises(ExportError, match=r"mul.*computed from its input and that are no plain sizes"):
        export.pack(Reads(lambda m, y: y * height_of(y)), inputs(1, 3, 8, 8))


def test_a_part_of_a_map_is_no_constant(inputs, nhwc):
    """With one picture the part has a constant's shape."""
    model = Reads(lambda m, y: y * F.adaptive_avg_pool2d(y, 1).chunk(1, 1)[0]).eval()
    packed = export.pack(model, inputs(1, 3, 8, 8))
    want, got = both(model, packed, nhwc, inputs(3, 3, 6, 7, seed=3))
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("flatten", [lambda y: y.flatten(1), lambda y: y.view(y.size(0), -1)])
def test_a_flattened_map_is_weighted_as_it_lies(inputs, nhwc, flatten):
    """24 values of 4 × 6 and of 6 × 4 meet the same weights in torch, in another order than they were packed for."""
    model = Reads(lambda m, y: m.head(flatten(y))).eval()
    model.head = nn.Linear(4 * 24, 2)
    packed = export.pack(model, inputs(2, 3, 4, 6))
    want, got = both(model, packed, nhwc, inputs(3, 3, 4, 6, seed=3))
    np.testing.assert_allclose(got, want, atol=1e-5)
    with pytest.raises(ValueError, match=r"an input of 6 × 4 gives it a map of 6 × 4 to flatten; the rule is 4 × 6"):
        packed.run(nhwc(inputs(1, 3, 6, 4)))


def test_a_flattened_pixel_stays_a_pixel(inputs, nhwc):
    packed = export.pack(Reads(lambda m, y: F.max_pool2d(y, 8).flatten(1)).eval(), inputs(2, 3, 8, 8))
    with pytest.raises(ValueError, match="a map of 2 × 2 to flatten; the rule is 1 × 1"):
        packed.run(nhwc(inputs(1, 3, 16, 16)))


def test_only_what_needs_it_fixes_the_size(trained, inputs, nhwc):
    """The pool in a ResNet's shortcut rounds up; at a size where that would show, the sum behind it is refused."""
    model = trained(models.build("resnet18", "bireal", 10, width=8, stem="cifar"), 4, 3, 16, 16)
    packed = export.pack(model, inputs(2, 3, 16, 16))
    assert any(op.kind == "avg_pool" for op in packed.ops)
    assert packed.fixed_by == ""
    assert packed.run(nhwc(inputs(1, 3, 32, 24))).shape == (1, 10)
    with pytest.raises(ValueError, match="cannot add shapes"):
        packed.run(nhwc(inputs(1, 3, 17, 16)))


def test_a_fixed_size_is_the_size_that_pictures_come_in(inputs):
    model = Reads(lambda m, y: F.avg_pool2d(y, y.shape[2] // 4))
    with pytest.raises(ValueError, match=r"preprocessing makes inputs of \(9, 9, 3\); the network takes \(8, 8, 3\)"):
        export.pack(model, inputs(1, 3, 8, 8), preprocessing=Preprocessing(resize=10, crop=9))
    packed = export.pack(model, inputs(1, 3, 8, 8), preprocessing=Preprocessing(resize=10, crop=8))
    assert packed(np.zeros((2, 30, 20, 3), np.uint8)).shape == (2, 4, 4, 4)
