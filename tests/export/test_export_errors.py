"""A refusal names the step, its line in the model's code, its op, and what can be used instead."""

import pickle
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xnorlab import export
from xnorlab.binarize import ClippedSign, MeanScale
from xnorlab.export import ExportError, advice
from xnorlab.nn import BinaryConv2d


def inner(x):
    return torch.cumsum(x, 1)  # the line of "helper"


class Model(nn.Module):
    """A model whose forward refuses to be packed in one of several ways."""

    def __init__(self, what, binary=True):
        super().__init__()
        signs = {"weight_binarizer": MeanScale(), "input_binarizer": ClippedSign()} if binary else {}
        self.what, self.conv = what, BinaryConv2d(3, 4, 3, **signs) if binary else nn.Conv2d(3, 4, 3)
        self.tail = nn.Sequential(nn.ReLU(), nn.LPPool2d(2, 2))

    def forward(self, x):
        """x: (N, 3, H, W)."""
        x = self.conv(x)
        if self.what == "module":
            return self.tail(x)  # the line of "module"
        if self.what == "function":
            return torch.argsort(x, 1)  # the line of "function"
        if self.what == "method":
            return x.cumprod(1)  # the line of "method"
        if self.what == "helper":
            return F.relu(inner(x))
        if self.what == "branch":
            return x if x.sum() > 0 else -x  # the line of "branch"
        return self.tail(x.reshape(7, 11))  # the line of "failure"


CASES = {
    "module": ("tail.1 (LPPool2d)", "LPPool2d", "an average or a maximum pool"),
    "function": ("argsort (function argsort)", "argsort", "the logits as output"),
    "method": ("cumprod (function cumprod)", "cumprod", "an op that can be packed"),
    "helper": ("cumsum (function cumsum)", "cumsum", "an op that can be packed; or pack the model up to here"),
    "branch": ("", "forward", "code without a branch, a loop or an int() on values"),
}


def refused(model, example=None) -> ExportError:
    with pytest.raises(ExportError) as caught:
        export.pack(model, torch.randn(1, 3, 8, 8) if example is None else example)
    return caught.value


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_names_step_line_op_and_what_to_use_instead(case):
    node, op, instead = CASES[case]
    error = refused(Model(case))
    assert (error.node, error.op) == (node, op)
    file, line, text = error.source.split(":", 2)
    assert file == __file__
    assert text.endswith(f'# the line of "{case}"')
    with open(file, encoding="utf-8") as code:
        assert code.readlines()[int(line) - 1].strip() == text.strip()
    assert error.advice.startswith(instead)
    assert error.meanwhile.startswith("export.accelerate(model) runs the binary layers")
    assert str(error).splitlines() == error.lines
    assert error.lines[0] == (f"{node}: {error.reason}" if node else error.reason)
    assert error.lines[1:] == [f"at: {error.source}", f"instead: {error.advice}", f"meanwhile: {error.meanwhile}"]


def test_accelerate_is_named_only_where_it_helps():
    assert refused(Model("module", binary=False)).meanwhile == ""
    for error in (refused(Model("module"), torch.full((1, 3, 8, 8), torch.nan)), refused(Model("failure"))):
        assert (error.meanwhile, error.advice, error.node) == ("", "", "")


def test_a_model_that_fails_names_the_line_that_does():
    error = refused(Model("failure"))
    assert error.source.endswith('# the line of "failure"')
    assert error.lines[0].startswith("the model fails on the example: RuntimeError: shape")


def test_where_only_torchs_own_modules_call_there_is_no_line():
    error = refused(nn.Sequential(nn.Conv2d(3, 4, 3), nn.LPPool2d(2, 2)))
    assert error.source == ""
    assert error.lines[1].startswith("instead: an average or a maximum pool")


def test_errors_travel_between_processes():
    error = refused(Model("module"))
    twin = pickle.loads(pickle.dumps(error))
    assert twin.lines == error.lines
    assert twin.op == "LPPool2d"


@pytest.mark.parametrize(
    ("op", "words"),
    [
        ("LPPool2d", "a maximum pool"),
        ("lp_pool2d", "a maximum pool"),
        ("scaled_dot_product_attention", "attention stays outside"),
        ("MultiheadAttention", "attention stays outside"),
        ("Conv1d", r"kernel \(1, k\)"),
        ("BatchNorm1d", "on vectors"),
        ("BatchNorm2d", "track_running_stats=True"),
        ("BinaryConv2d", "input binarizer of xnorlab"),
        ("Quux3d", "an op that can be packed"),
    ],
)
def test_advice_by_op(op, words):
    assert re.search(words, advice.instead_of(op))
