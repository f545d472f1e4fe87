"""Hints: a sign without a norm, real layers that cost most of the time; none for the networks that are right."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xnorlab import export, models
from xnorlab.binarize import ClippedSign, KBit, MeanScale, StochasticSign
from xnorlab.nn import BinaryConv2d, BinaryLinear


def binary(inputs: int, outputs: int, kernel: int = 3, **options) -> BinaryConv2d:
    given = {"weight_binarizer": MeanScale(), "input_binarizer": ClippedSign(), **options}
    return BinaryConv2d(inputs, outputs, kernel, padding=kernel // 2, **given)


def first() -> nn.Module:
    return nn.Conv2d(3, 8, 3, padding=1)


def last() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))


class Calls(nn.Module):
    """A first layer, a step that a function computes, a binary layer and a last one."""

    def __init__(self, step):
        super().__init__()
        self.first, self.norm, self.binary, self.last, self.step = (
            first(),
            nn.BatchNorm2d(8),
            binary(8, 8),
            last(),
            step,
        )

    def forward(self, x):
        """x: (N, 3, H, W)."""
        x = self.step(self, self.first(x))
        return self.last(self.binary(x))


SAMPLE = torch.randn(1, 3, 8, 8)


@pytest.mark.parametrize(
    "scheme", ["float", "bwn", "bnn", "xnor-k", "bireal", "reactnet", "xnor-2-bit", "xnor-stage-1"]
)
def test_our_networks_get_no_hint(scheme):
    assert export.hints(models.resnet18(scheme, 5, width=8, stem="cifar"), torch.randn(1, 3, 8, 8)) == []


NORMED = {
    "norm": lambda self, x: self.norm(x),
    "norm, activation and pool": lambda self, x: F.max_pool2d(F.relu(self.norm(x)), 2),
    "norm in one branch": lambda self, x: self.norm(x) + x,
    "function": lambda self, x: F.batch_norm(x, self.norm.running_mean, self.norm.running_var),
    "group norm": lambda self, x: F.group_norm(x, 2),
    "signs already": lambda self, x: F.max_pool2d(torch.sign(self.norm(x)), 2),
}
WITHOUT = {
    "nothing": lambda self, x: x,
    "activation": lambda self, x: F.hardtanh(x),
    "norm on the other side of a layer": lambda self, x: self.binary(self.norm(x)),
    "branches": lambda self, x: F.avg_pool2d(x, 1) + x,
}


@pytest.mark.parametrize("case", NORMED)
def test_a_norm_may_stand_anywhere_before_the_sign(case):
    assert export.hints(Calls(NORMED[case]), SAMPLE) == []


@pytest.mark.parametrize("case", WITHOUT)
def test_a_sign_without_a_norm_is_named_with_its_line(case):
    (hint,) = export.hints(Calls(WITHOUT[case]), SAMPLE)
    assert hint.node == "binary (BinaryConv2d)"
    assert hint.source.endswith("return self.last(self.binary(x))")
    assert hint.text.startswith("takes the sign of values without a norm before it")
    assert str(hint) == f"{hint.node}: {hint.text} (at {hint.source})"


def test_signs_that_stand_alone_and_matrices_count_too():
    model = nn.Sequential(
        nn.Linear(6, 8), ClippedSign(), nn.Linear(8, 8), nn.Hardtanh(), matrix(), nn.BatchNorm1d(8), matrix()
    )
    hints = export.hints(model, torch.randn(2, 6))
    assert [hint.node for hint in hints if "norm before" in hint.text] == ["1 (ClippedSign)", "4 (BinaryLinear)"]
    assert all(hint.source == "" for hint in hints)


def matrix() -> BinaryLinear:
    return BinaryLinear(8, 8, weight_binarizer=MeanScale(), input_binarizer=ClippedSign())


def between(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(first(), nn.BatchNorm2d(8), binary(8, 8), *layers, nn.BatchNorm2d(8), binary(8, 8), last())


def test_real_layers_between_binary_ones_are_named_where_they_cost_most():
    (hint,) = export.hints(between(nn.Conv2d(8, 16, 3, padding=1), nn.Conv2d(16, 8, 3, padding=1)), SAMPLE)
    assert hint.node == "3 (Conv2d)"
    # of 8·8·9 · (1 + 2 + 2 + 1) multiply-adds at each pixel
    assert hint.text.startswith("real layers make up 67% of the multiply-adds between the first and the last layer")
    assert "(3 (Conv2d) 33%, 4 (Conv2d) 33%)" in hint.text
    many = export.hints(between(*(nn.Conv2d(8, 8, 3, padding=1) for _ in range(5))), SAMPLE)
    assert "7 (Conv2d)" not in many[0].text
    assert ", and 2 more)" in many[0].text


def test_first_and_last_layers_small_real_layers_and_real_networks_get_no_hint():
    assert export.hints(between(nn.Conv2d(8, 8, 1)), SAMPLE) == []
    assert (
        export.hints(between(nn.Conv2d(8, 8, 3, 2, 1)), SAMPLE) == []
    )  # equals: two binary layers at 64 and 16 pixels
    assert export.hints(nn.Sequential(first(), nn.Conv2d(8, 8, 3, padding=1), last()), SAMPLE) == []


@pytest.mark.parametrize("options", [{"input_binarizer": KBit(2)}, {"weight_binarizer": StochasticSign()}])
def test_layers_that_sum_real_values_count_as_real(options):
    real = (nn.BatchNorm2d(8), binary(8, 8, **options), nn.BatchNorm2d(8), binary(8, 8, 5, **options))
    (hint,) = export.hints(between(*real), SAMPLE)
    assert hint.node == "6 (BinaryConv2d)"


def test_a_model_that_cannot_be_packed_gets_hints_and_one_that_cannot_be_followed_an_error():
    assert len(export.hints(nn.Sequential(first(), binary(8, 8), nn.LPPool2d(2, 2)), SAMPLE)) == 1
    with pytest.raises(export.ExportError, match=r"torch\.fx cannot follow"):
        export.hints(Calls(lambda self, x: x if x.sum() > 0 else -x), SAMPLE)
