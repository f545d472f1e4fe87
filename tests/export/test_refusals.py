"""What cannot be packed is named, with the reason; a model is left as it was; a wrong result is never returned."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xnorlab import export
from xnorlab.binarize import ClippedSign, MeanScale, RSign
from xnorlab.export import ExportError, binary_layers, packing, sign_weights
from xnorlab.images.preprocessing import Preprocessing
from xnorlab.nn import BinaryConv2d, BinaryLinear


class Calls(nn.Module):
    """A module that does what a function says."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        """x: (N, 3, H, W)."""
        return self.function(self.conv(x))


class Reshaped(nn.Module):
    """A reshape to a shape."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        """Any x."""
        return x.reshape(self.shape)


class Strange(nn.Module):
    """A binarizer that nobody here knows."""

    def forward(self, x):
        """Any x."""
        return torch.sign(x)


SIGNS = {"weight_binarizer": MeanScale(), "input_binarizer": ClippedSign()}

REFUSED = {
    "module": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Hardshrink()), r"1 \(Hardshrink\): cannot be packed"),
    "function": (lambda: Calls(torch.sin), r"\(function sin\): cannot be packed; what can: .*Conv"),
    "quotient": (lambda: Calls(lambda x: 1 / x), "value / constant"),
    "division by 0": (lambda: Calls(lambda x: F.relu6(x / 0)), "divides by 0"),
    "other rows": (lambda: Calls(lambda x: x + torch.arange(2.0).view(2, 1, 1, 1)), "for each input of a batch"),
    "copysign": (lambda: Calls(lambda x: torch.copysign(torch.ones(()), x)), "tells −0 from"),
    "dropout": (lambda: Calls(lambda x: F.dropout(x, 0.0, training=True)), "active in evaluation"),
    "clamp": (lambda: Calls(lambda x: x.clamp(x.mean(), 1.0)), "depends on the input"),
    "softmax along rows": (lambda: nn.Sequential(nn.Sequential(nn.Softmax(2))), r"0\.0 \(Softmax\): dim=2"),
    "mean": (lambda: Calls(lambda x: x.mean((0, 2, 3))), "axis of the batch"),
    "dilated pool": (lambda: nn.MaxPool2d(2, dilation=2), "dilation=1"),
    "view": (lambda: Calls(lambda x: x.view(4, -1, 4)), "mixes the inputs of a batch"),
    "squeezed batch": (lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), Reshaped((-1,))), "mixes the inputs"),
    "joined batch": (lambda: Calls(lambda x: torch.cat([x, x])), "axis of the batch"),
    "position": (lambda: Calls(lambda x: x.max(1)[1].float()), "cannot be packed"),
    "no tensor": (lambda: Calls(lambda x: (x, 3)), "a tensor, its logits"),
    "reflection": (lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), "padding_mode='circular'"),
    "same, even": (lambda: nn.Conv2d(3, 4, 2, padding="same"), "even kernel"),
    "no statistics": (lambda: nn.BatchNorm2d(3, track_running_stats=False), "no running statistics"),
    "linear on maps": (lambda: nn.Linear(8, 2), "vectors"),
    "binarizer": (lambda: BinaryConv2d(3, 4, 3, weight_binarizer=MeanScale(), input_binarizer=Strange()), "Strange"),
    "K on real": (lambda: BinaryConv2d(3, 4, 3, input_binarizer=ClippedSign(), input_scale=True), "input_scale"),
    "nothing": (lambda: nn.Identity(), "nothing to pack"),
    "control flow": (lambda: Calls(lambda x: x if x.sum() > 0 else -x), "torch.fx cannot follow"),
    "random": (lambda: Calls(lambda x: x + float(torch.rand(()))), "another result each time that it runs"),
    "wrong channels": (lambda: nn.Conv2d(5, 4, 3), "the model fails on the example: RuntimeError: .*expected input"),
    "value": (lambda: Calls(lambda x: x * x.mean((2, 3)).tolist()[0][0]), "function mul.*computed from its input"),
    "batch size": (lambda: Calls(lambda x: x * x.shape[0]), "number of inputs in the batch"),
    "size of a batch": (lambda: Calls(lambda x: x * (1 / x.numel())), "number of inputs in the batch"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_packed_is_named(inputs, case):
    make, reason = REFUSED[case]
    with pytest.raises(ExportError, match=reason) as caught:
        export.pack(make().eval(), inputs(2, 3, 8, 8))
    assert isinstance(caught.value, ValueError)


def test_two_inputs_are_refused():
    class Two(nn.Module):
        def forward(self, x, y=None):
            """Adds 1."""
            return x + 1

    with pytest.raises(ExportError, match="one input"):
        export.pack(Two(), torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("model", "example", "reason"),
    [
        (nn.ReLU(), np.zeros((1, 3, 4, 4)), "example is ndarray"),
        (nn.ReLU(), torch.zeros(3, 4, 4), r"example is shape \(3, 4, 4\)"),
        (nn.ReLU(), torch.zeros(0, 3, 4, 4), "example is shape"),
        ("resnet18", torch.zeros(1, 3, 4, 4), "model is str"),
        (nn.ReLU(), torch.full((1, 3, 4, 4), torch.nan), "example holds NaN"),
    ],
)
def test_arguments_that_do_not_fit(model, example, reason):
    with pytest.raises(ExportError, match=reason):
        export.pack(model, example)


def test_nan_weights_are_named(inputs):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1))
    model[1].bias.data[1] = float("nan")
    with pytest.raises(ExportError, match=r"1\.bias holds NaN"):
        export.pack(model, inputs(1, 3, 4, 4))


def test_labels_and_preprocessing_must_fit(inputs):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match="2 labels"):
        export.pack(model, inputs(1, 3, 8, 8), labels=["a", "b"])
    with pytest.raises(ValueError, match="preprocessing makes"):
        export.pack(model, inputs(1, 3, 8, 8), preprocessing=Preprocessing(resize=10, crop=9))
    packed = export.pack(
        model,
        inputs(1, 3, 8, 8),
        labels=list("abcd"),
        name="n",
        provenance={"a": 1},
        preprocessing=Preprocessing(resize=10, crop=8),
    )
    assert (packed.labels, packed.name, packed.provenance) == (tuple("abcd"), "n", {"a": 1})
    assert len(packed.predict(np.zeros((1, 30, 20, 3), np.uint8))[0]) == 4


def test_the_model_is_left_untouched(inputs):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), BinaryConv2d(8, 4, 3, **SIGNS))
    model.train()
    model[1].eval()
    model[0].weight.requires_grad = False
    before = copy.deepcopy(model.state_dict())
    example = inputs(2, 3, 8, 8)
    kept = example.clone()
    export.pack(model, example)
    assert [m.training for m in model] == [True, False, True, True]
    assert [p.requires_grad for p in model[0].parameters()] == [False, True]
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(example, kept)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_double_models_and_examples_are_taken_as_float32(inputs, nhwc):
    model = nn.Conv2d(3, 4, 3).double()
    packed = export.pack(model, inputs(1, 3, 8, 8).double())
    assert model.weight.dtype == torch.float64
    x = inputs(2, 3, 8, 8)
    with torch.no_grad():
        want = model(x.double()).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(packed.run(nhwc(x)), want, atol=1e-5)


@pytest.mark.parametrize("part", ["conv", "linear"])
def test_a_wrong_packing_is_noticed(inputs, monkeypatch, part):
    """Were a kernel or a handler wrong, pack would say so instead of returning the network."""
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        BinaryConv2d(8, 4, 3, **SIGNS),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.BatchNorm1d(4),
        BinaryLinear(4, 3, **SIGNS),
    ).eval()
    right = sign_weights.pack_filters
    with monkeypatch.context() as patch:
        patch.setattr(sign_weights, "pack_filters", lambda w: right(-w if (w.shape[1] > 1) == (part == "conv") else w))
        with pytest.raises(ExportError, match="differs from torch by") as caught:
            export.pack(model, inputs(2, 3, 8, 8))
    assert str(caught.value).startswith("1 (" if part == "conv" else "5 (")
    export.pack(model, inputs(2, 3, 8, 8))


def test_a_sign_that_rounding_turns_is_no_reason_to_refuse(nhwc):
    """A threshold is put between torch's sum and the packed one, which differ in their last bit."""
    conv = nn.Conv2d(200, 8, 1, bias=False)
    x = torch.randn(1, 200, 12, 12)
    with torch.no_grad():
        expected, packed = nhwc(conv(x)), export.pack(conv, x).run(nhwc(x))
    *_, channel = place = tuple(np.argwhere(expected != packed)[0])
    last = BinaryConv2d(8, 1, 1, weight_binarizer=MeanScale(), input_binarizer=RSign(8))
    last.input_binarizer.threshold.data[channel] = float(max(expected[place], packed[place]))
    model = nn.Sequential(conv, last)
    packed = export.pack(model, x)
    with torch.no_grad():
        difference = np.abs(packed.run(nhwc(x)) - nhwc(model(x)))
    assert difference.max() > packing.LOGIT_TOLERANCE
    assert (difference > packing.LOGIT_TOLERANCE).mean() < 0.05


def test_logits_that_differ_without_a_turned_sign_are_refused(inputs, monkeypatch):
    """Were the ops right one by one and the whole wrong, pack would notice that too."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), BinaryConv2d(8, 4, 3, **SIGNS), nn.ReLU()).eval()
    monkeypatch.setattr(packing, "_check_ops", lambda *_: None)
    monkeypatch.setattr(binary_layers, "_weight", lambda module: (np.ones((4, 8, 3, 3), np.float32), None))
    with pytest.raises(ExportError, match="logits differ from torch's by"):
        export.pack(model, inputs(2, 3, 8, 8))
