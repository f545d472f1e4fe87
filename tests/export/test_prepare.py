"""A model that cannot be packed is refused for the true reason; whatever computes its weights is no reason."""

import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.nn.utils import spectral_norm as hooked_spectral_norm

from xnorlab import export
from xnorlab.binarize import ClippedSign, MeanScale
from xnorlab.export import ExportError
from xnorlab.nn import BinaryConv2d


def plain():
    """A small real network."""
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


def changed(change, model=None):
    """A network after `change`."""
    model = plain() if model is None else model
    change(model)
    return model


def weights(value):
    """What writes a value into one weight of the first layer."""
    return lambda model: model[0].weight.data.view(-1)[:1].fill_(value)


class Calls(nn.Module):
    """A convolution, and behind it what a function of the model and the input says."""

    def __init__(self, function, **attributes):
        super().__init__()
        self.function, self.conv = function, nn.Conv2d(3, 4, 3)
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, x):
        """x: (N, 3, H, W)."""
        return self.function(self, x)


def counting(model, x):
    """A state that a run changes."""
    model.count += 1
    return model.conv(x) * model.count


def casting(model, x):
    """A context that torch.fx does not see."""
    with torch.autocast("cpu", torch.bfloat16):
        return model.conv(x)


def hidden(model, x):
    """A branch that torch.fx does not see."""
    return model.conv(x * 2 if isinstance(x, torch.Tensor) else x)


def norm(model):
    """A norm behind the first layer whose variance is none."""
    model[1] = nn.BatchNorm2d(4)
    model[1].running_var.fill_(-1)


HOOKS = "hooks are not packed"
REASONS = {
    "NaN": (lambda: changed(weights(torch.nan)), r"0\.weight holds NaN$"),
    "infinity": (lambda: changed(weights(torch.inf)), r"0\.weight holds infinity$"),
    "too large": (lambda: changed(weights(1e300), plain().double()), r"0\.weight holds 1e\+300, more than float32"),
    "NaN attribute": (
        lambda: Calls(lambda m, x: m.conv(x) * m.t, t=torch.tensor(torch.nan)),
        r"t \(attribute\): holds NaN",
    ),
    "NaN on the way": (lambda: changed(norm), r"1 \(BatchNorm2d\): gives NaN on the example"),
    "infinity on the way": (
        lambda: changed(lambda m: m[0].weight.data.fill_(3e38)),
        r"0 \(Conv2d\): gives (infinity|NaN)",
    ),
    "lazy": (lambda: nn.Sequential(nn.LazyConv2d(4, 3)), r"0\.weight: has no values yet"),
    "meta": (lambda: plain().to("meta"), r"0\.weight: is on the device 'meta'"),
    "complex": (
        lambda: changed(lambda m: setattr(m[0], "weight", nn.Parameter(m[0].weight.to(torch.complex64)))),
        r"0\.weight: is complex64",
    ),
    "complex attribute": (lambda: Calls(lambda m, x: m.conv(x) * m.t, t=torch.tensor(1j)), "gives complex numbers"),
    "lock": (lambda: changed(lambda m: setattr(m, "lock", threading.Lock())), "the model cannot be copied: TypeError"),
    "torch.compile": (lambda: torch.compile(plain(), backend="eager"), "compiled by torch.compile; pack the module"),
    "a compiled part": (
        lambda: nn.Sequential(torch.compile(plain(), backend="eager")),  # pyright: ignore[reportCallIssue]
        r"^0 \(.*by torch.compile",
    ),
    "a hook on a result": (
        lambda: changed(lambda m: m[0].register_forward_hook(lambda *a: a[2] * 2)),
        rf"0 \(Conv2d\): a forward hook changes .*{HOOKS}",
    ),
    "a hook on an input": (
        lambda: changed(lambda m: m[4].register_forward_pre_hook(lambda m, a: (a[0] * 2,))),
        rf"4 \(Linear\): a forward hook changes .*{HOOKS}",
    ),
    "a hook on the model": (
        lambda: changed(lambda m: m.register_forward_hook(lambda *a: a[2] * 2)),
        rf"a forward hook of the model itself changes .*{HOOKS}",
    ),
    "state": (lambda: Calls(counting, count=0), "another result each time that it runs"),
    "chance": (lambda: Calls(lambda m, x: F.dropout(m.conv(x))), "another result each time that it runs"),
    "a hidden branch": (lambda: Calls(hidden), "hidden from torch.fx"),
    "a hidden context": (lambda: Calls(casting), "hidden from torch.fx"),
}


@pytest.mark.parametrize("case", REASONS)
def test_the_reason_is_the_true_one(inputs, case):
    make, reason = REASONS[case]
    with pytest.raises(ExportError, match=reason) as caught:
        export.pack(make().eval(), inputs(2, 3, 8, 8))
    assert not any("\n" in line for line in caught.value.lines)
    assert not ("hook" in case and caught.value.advice)


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        (torch.zeros(1, 3, 8, 8, device="meta"), "device 'meta'"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.complex64), "example is complex64"),
        (torch.zeros(1, 3, 8, 8).to_sparse(), "example is sparse_coo; the rule is a dense tensor"),
        (torch.full((1, 3, 8, 8), 1e300, dtype=torch.float64), r"example holds 1e\+300, more than float32"),
        (torch.full((1, 3, 8, 8), torch.inf), "example holds infinity"),
    ],
)
def test_what_is_no_example(example, reason):
    with pytest.raises(ExportError, match=reason):
        export.pack(plain(), example)


def hooked_weight_norm(layer):
    """The older weight norm, which computes the weight in a hook."""
    with pytest.warns(FutureWarning, match="weight_norm"):
        return nn.utils.weight_norm(layer)


COMPUTED = {
    "weight norm in a hook": hooked_weight_norm,
    "weight norm": parametrizations.weight_norm,
    "spectral norm in a hook": hooked_spectral_norm,
    "spectral norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    "observed": lambda layer: layer.register_forward_hook(lambda module, inputs, output: None),
    "computed buffer": lambda layer: layer.register_buffer("twice", layer.weight * 2),
    "kept result": lambda layer: setattr(layer, "kept", layer.weight.sum()),
}


@pytest.mark.parametrize("method", COMPUTED)
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_weights_are_packed_as_they_are_computed(inputs, nhwc, method, binary, training):
    signs = {"weight_binarizer": MeanScale(), "input_binarizer": ClippedSign()}
    layer = BinaryConv2d(8, 4, 3, **signs) if binary else nn.Conv2d(8, 4, 3)
    COMPUTED[method](layer)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), layer)
    model.train(training)
    packed = export.pack(model, inputs(2, 3, 8, 8))
    assert model.training == training
    x = inputs(3, 3, 8, 8, seed=2)
    with torch.no_grad():
        want = nhwc(model.eval()(x))
    np.testing.assert_allclose(packed.run(nhwc(x)), want, atol=1e-5)
