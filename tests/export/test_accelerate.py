"""An accelerated module gives torch's outputs bit for bit, whatever the model does around its binary layers."""

import copy
import doctest
import itertools
import pickle
import threading
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from xnorlab import export
from xnorlab.binarize import BiRealSign, ClippedSign, KBit, MeanScale, RSign, Sign, StochasticSign, sign_clipped
from xnorlab.export import ExportError, acceleration, packed_layers, speedup
from xnorlab.nn import SCHEMES, VARIANTS, BinaryConv2d, BinaryLinear, Scheme, blocks

SIGNS = {"weight_binarizer": MeanScale(), "input_binarizer": ClippedSign()}
BINARY = {name: scheme for name, scheme in (SCHEMES | VARIANTS).items() if scheme.inputs and scheme.weights}


def shaken(layer: nn.Module) -> nn.Module:
    """`layer` with random thresholds, factors and biases."""
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if not name.endswith("weight"):
                parameter.normal_(0.1, 0.5)
    return layer.eval()


def values(*shape: int) -> torch.Tensor:
    """Random numbers, with zeros of both signs among them."""
    x = torch.randn(shape)
    x.view(-1)[:4] = torch.tensor([0.0, -0.0, torch.inf, -torch.inf])[: x.numel()]
    return x


@torch.no_grad()
def check(model: nn.Module, *inputs: torch.Tensor) -> export.Accelerated:
    """Accelerate, and demand torch's outputs in every bit."""
    fast = export.accelerate(model)
    expected = copy.deepcopy(model).eval()(*(x.clone() for x in inputs))
    torch.testing.assert_close(fast(*inputs), expected, rtol=0, atol=0, equal_nan=True)
    return fast


@pytest.mark.parametrize("name", [name for name in BINARY if "-bit" not in name])
def test_every_scheme_with_binary_inputs_is_equal_in_every_bit(name):
    scheme: Scheme = BINARY[name]
    layers = [blocks.conv(scheme, 67, 18, 3, 2, 1), blocks.conv(scheme, 16, 5, (1, 3), 1, (0, 2))]
    for layer in layers:
        x = values(2, layer.in_channels, 9, 8)
        x[:, :, :2, :2] = x[:, :, :2, :2].round()
        check(shaken(layer), x)
        check(layer, x.to(memory_format=torch.channels_last))
    check(shaken(blocks.linear(scheme, 131, 10)), values(3, 131))
    if MeanScale is type(scheme.weights(1)):
        check(shaken(blocks.linear(scheme, 64, 7, bias=True)), values(5, 64))


GEOMETRIES = list(itertools.product((1, 2), (0, (2, 1)), (1, 2), (1, 4), (-1, 0, 1)))


@pytest.mark.parametrize(("stride", "padding", "dilation", "groups", "pad_value"), GEOMETRIES)
def test_every_geometry_with_scale_k_and_bias(stride, padding, dilation, groups, pad_value):
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "pad_value": pad_value}
    layer = BinaryConv2d(12, 8, (3, 2), bias=True, input_scale=stride == 2, **geometry, **SIGNS)
    check(shaken(layer), values(2, 12, 11, 9))


def test_a_bias_without_a_scale_and_real_inputs_agree_to_rounding():
    unscaled = {"weight_binarizer": Sign(), "input_binarizer": ClippedSign()}
    cases = [
        (BinaryConv2d(32, 16, 3, bias=True, **unscaled), values(1, 32, 7, 7)),
        (BinaryLinear(100, 16, True, **unscaled), values(3, 100)),
        (BinaryConv2d(32, 16, 3, 2, 1, bias=True, weight_binarizer=MeanScale()), torch.randn(2, 32, 7, 7)),
        (BinaryLinear(100, 16, True, weight_binarizer=Sign()), torch.randn(3, 100)),
    ]
    for layer, x in cases:
        shaken(layer)
        with torch.no_grad():
            want, got = layer(x), export.accelerate(layer)(x)
        assert (got - want).abs().max() <= 1e-5 * want.abs().max()
        assert not torch.equal(want, torch.zeros_like(want))


class Own(nn.Module):
    """A researcher's network: a loop, a branch on values, a cat, torch.sign, two inputs, shared layers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8) for _ in range(2)])
        self.binary = nn.ModuleDict({"a": BinaryConv2d(8, 8, 3, padding=1, input_scale=True, **SIGNS)})
        self.again = self.binary["a"]
        self.last = BinaryLinear(16, 5, weight_binarizer=MeanScale(), input_binarizer=OwnSign())
        self.kept = [self.last]  # no submodule

    def forward(self, x, gain, times=2):
        """x: (N, 3, H, W)."""
        x = self.stem(x)
        for i in range(times):
            x = self.binary["a"](self.norms[i](x)) + self.again(x)
        if x.mean() > 1e6:
            raise ValueError("too large")
        x = torch.cat([x, torch.sigmoid(x)], 1).mean((2, 3))
        return {"logits": self.last(x * gain) + self.kept[0](x), "features": x}


class OwnSign(nn.Module):
    """A binarizer that xnorlab does not know."""

    def forward(self, x):
        """Any x."""
        return sign_clipped(x - x.mean())


class OwnZero(nn.Module):
    """A binarizer whose values are no signs where x is 0."""

    def forward(self, x):
        """Any x."""
        return torch.sign(x)


@torch.no_grad()
def test_a_model_that_cannot_be_packed_is_accelerated_and_stays_as_it_is(inputs):
    model = Own()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modules = dict(model.named_modules())
    with pytest.raises(ExportError):
        export.pack(model, inputs(2, 3, 8, 8))
    fast = export.accelerate(model)
    slow = copy.deepcopy(model).eval()
    for x, gain in ((inputs(2, 3, 8, 8), 2.0), (inputs(1, 3, 5, 7, seed=1), -1.0)):
        got, want = fast(x, gain, times=1), slow(x, gain, times=1)
        for key in want:
            torch.testing.assert_close(got[key], want[key], rtol=0, atol=0)
    assert set(fast.replaced) == {"binary.a", "last"}
    assert fast.left == {}
    assert fast.module.binary["a"] is fast.module.again is fast.replaced["binary.a"]
    assert fast.module.kept[0] is not fast.module.last
    assert model.training
    assert dict(model.named_modules()) == modules
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_own_binarizers_count_where_they_give_signs_and_torch_computes_where_they_do_not():
    layer = BinaryConv2d(8, 6, 3, padding=1, input_scale=True, weight_binarizer=MeanScale(), input_binarizer=OwnZero())
    x = torch.randn(1, 8, 6, 6)
    fast = check(layer, x)
    assert "signs by OwnZero" in repr(fast)
    ran = []
    fast.module._calls.run = lambda *args: ran.append(args)
    x[0, 0, 0, 0] = 0.0
    with torch.no_grad():
        torch.testing.assert_close(fast(x), layer.eval()(x), rtol=0, atol=0)
    assert not ran

    class Stranger(ClippedSign):
        def forward(self, x):
            """Half of the signs are turned."""
            return super().forward(x) * sign_clipped(x.abs() - 0.5)

    check(BinaryConv2d(8, 6, 3, weight_binarizer=MeanScale(), input_binarizer=Stranger()), x)


def test_weights_that_a_parametrization_computes_are_taken_as_computed():
    layer = parametrizations.weight_norm(BinaryConv2d(8, 6, 3, **SIGNS))
    check(layer, torch.randn(1, 8, 5, 5))


def hooked() -> nn.Module:
    layer = BinaryConv2d(8, 6, 3, **SIGNS)
    layer.register_forward_hook(lambda module, args, y: -y)
    return layer


class Negated(BinaryConv2d):
    """A subclass that computes something else than its parent."""

    def forward(self, x):
        """x: (N, C, H, W)."""
        return -super().forward(x)


LEFT = {
    "real weights": (lambda: BinaryConv2d(8, 6, 3, input_binarizer=ClippedSign()), "weights are real"),
    "stochastic": (lambda: BinaryConv2d(8, 6, 3, weight_binarizer=StochasticSign()), "weights are real in evaluation"),
    "bits": (
        lambda: BinaryConv2d(8, 6, 3, weight_binarizer=Sign(), input_binarizer=KBit(2)),
        "inputs have 2 bits; the kernels take one",
    ),
    "depthwise": (lambda: BinaryConv2d(8, 8, 3, groups=8, **SIGNS), "groups has one channel"),
    "real groups": (lambda: BinaryConv2d(8, 8, 3, groups=2, weight_binarizer=Sign()), "it has groups, where"),
    "hooks": (hooked, "forward hooks"),
    "subclass": (lambda: Negated(8, 6, 3, **SIGNS), "Negated computes something of its own"),
    "float64": (lambda: BinaryConv2d(8, 6, 3, **SIGNS).double(), r"torch\.float64 on cpu; the rule is torch\.float32"),
    "meta": (lambda: BinaryConv2d(8, 6, 3, **SIGNS).to("meta"), "torch.float32 on meta"),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_stays_torchs_says_why(case):
    make, reason = LEFT[case]
    layer = make()
    with pytest.raises(ExportError, match=f"the model cannot be replaced: .*{reason}"):
        export.accelerate(layer)
    if case not in ("float64", "meta"):
        x = torch.randn(1, 8, 6, 6)
        head = BinaryConv2d(layer.out_channels, 4, 1, **SIGNS)
        fast = check(nn.Sequential(layer, head), x)
        assert list(fast.replaced) == ["1"]
        assert list(fast.left) == ["0"]


def test_nan_weights_stay_torchs():
    layer = BinaryConv2d(8, 6, 3, **SIGNS)
    layer.weight.data[0, 0, 0, 0] = torch.nan
    with pytest.raises(ExportError, match="scale holds nan"):
        export.accelerate(layer)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (nn.Conv2d(3, 4, 3), "holds no BinaryConv2d or BinaryLinear"),
        ("resnet18", "model is str; the rule is a torch.nn.Module"),
        (torch.compile(nn.Sequential(BinaryLinear(4, 4, **SIGNS)), backend="eager"), "compiled by torch.compile"),
    ],
)
def test_models_that_cannot_be_accelerated(model, reason):
    with pytest.raises(ExportError, match=reason):
        export.accelerate(model)


@pytest.mark.parametrize("threads", [0, 1.0, True, "2"])
def test_threads_that_do_not_fit(threads):
    with pytest.raises(ValueError, match="threads="):
        export.accelerate(BinaryLinear(4, 4, **SIGNS), threads=threads)


def test_threads_are_torchs_unless_given(monkeypatch):
    seen = []
    run = packed_layers._Calls.run
    monkeypatch.setattr(packed_layers._Calls, "run", lambda self, *args: (seen.append(args[-1]), run(self, *args)))
    layer, x = BinaryLinear(4, 4, **SIGNS), torch.ones(1, 4)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    export.accelerate(layer)(x)
    export.accelerate(layer, threads=2)(x)
    assert seen == [3, 2]


def test_channels_last_maps_are_read_and_written_where_they_lie(monkeypatch):
    seen = []
    run = packed_layers._Calls.run

    def watched(self, maps, real, out, threads):
        seen.append((maps.ctypes.data, real.ctypes.data, out.ctypes.data))
        run(self, maps, real, out, threads)

    monkeypatch.setattr(packed_layers._Calls, "run", watched)
    layer = BinaryConv2d(8, 6, 3, input_scale=True, **SIGNS)
    fast, x = export.accelerate(layer), torch.randn(2, 8, 6, 6).to(memory_format=torch.channels_last)
    y = fast(x)
    assert seen == [(x.data_ptr(), x.data_ptr(), y.data_ptr())]
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert fast(x.contiguous()).is_contiguous()
    turned = export.accelerate(layer.to(memory_format=torch.channels_last))
    assert turned(x.contiguous()).is_contiguous(memory_format=torch.channels_last)


def test_odd_memory_batches_and_sizes():
    layer = shaken(BinaryConv2d(8, 6, 3, input_scale=True, weight_binarizer=MeanScale(), input_binarizer=RSign(8)))
    big = torch.randn(4, 16, 9, 9)
    maps = big[:, :8]
    for x in (big[:, ::2], big[1:2, 8:], maps.flip(3), maps.transpose(2, 3), maps[:1].expand(3, -1, -1, -1)):
        check(layer, x)
    fast = check(layer, maps[:0])
    with torch.no_grad():
        for size in range(3, 25):  # more shapes than a layer keeps, each twice
            for _ in range(2):
                x = torch.randn(1, 8, size, 3)
                assert torch.equal(fast(x), layer(x))
    with torch.inference_mode():
        assert torch.equal(fast(maps), layer(maps))


def test_many_threads_may_call_it():
    layer = shaken(BinaryConv2d(64, 32, 3, input_scale=True, weight_binarizer=MeanScale(), input_binarizer=RSign(64)))
    fast = export.accelerate(layer)
    inputs = [torch.randn(1, 64, 8 + i % 2, 8) for i in range(6)]
    with torch.no_grad():
        expected = [layer(x) for x in inputs]
    wrong = []

    def call(i: int) -> None:
        for _ in range(20):
            if not torch.equal(fast(inputs[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (torch.ones(1, 8, 5, 5, dtype=torch.float64), r"0 \(BinaryConv2d, accelerated\): x is torch\.float64.*float32"),
        (torch.ones(1, 8, 5, 5, dtype=torch.float16), "torch.float16"),
        (torch.ones(1, 8, 5, 5, dtype=torch.bfloat16), "torch.bfloat16"),
        (torch.ones(1, 8, 5, 5, device="meta"), "on meta; the rule is .* on the CPU"),
        (torch.ones(1, 8, 5, 5).to_sparse(), "torch.sparse_coo"),
        ([1.0], "x is list"),
        (torch.ones(1, 7, 5, 5), r"shape \(1, 7, 5, 5\); the rule is \(N, in_channels=8, H, W\)"),
        (torch.ones(8, 5, 5), r"shape \(8, 5, 5\)"),
        (torch.ones(1, 8, 2, 5), "reaches 3, more than the padded input size 2"),
    ],
)
def test_inputs_that_do_not_fit(x, reason):
    fast = export.accelerate(nn.Sequential(BinaryConv2d(8, 4, 3, **SIGNS)))
    with pytest.raises(ValueError, match=reason):
        fast(x)


def test_vectors_that_do_not_fit():
    fast = export.accelerate(BinaryLinear(8, 4, **SIGNS))
    with pytest.raises(ValueError, match=r"shape \(2, 3, 8\); the rule is \(N, in_features=8\)"):
        fast(torch.ones(2, 3, 8))
    assert fast(torch.ones(0, 8)).shape == (0, 4)


def test_gradients_are_refused_and_never_wrong():
    model = nn.Sequential(nn.Conv2d(3, 8, 1), BinaryConv2d(8, 4, 3, **SIGNS))
    fast, x = export.accelerate(model), torch.randn(1, 3, 5, 5)
    assert not fast(x).requires_grad
    assert all(p.requires_grad for p in model.parameters())
    x.requires_grad_()
    with pytest.raises(RuntimeError, match=r"1 \(BinaryConv2d, accelerated\): x requires a gradient"):
        fast(x)
    with torch.no_grad():
        fast(x)


def test_it_is_for_evaluation_only_and_keeps_its_modes():
    fast = export.accelerate(nn.Sequential(nn.BatchNorm2d(8), BinaryConv2d(8, 4, 3, **SIGNS)))
    for module in (fast, fast.module[1]):
        with pytest.raises(RuntimeError, match="for evaluation only"):
            module.train()
    assert not any(module.training for module in fast.modules())
    assert fast.eval() is fast
    assert fast.train(False) is fast


def test_state_dicts_are_refused_not_halved():
    fast = export.accelerate(nn.Sequential(nn.BatchNorm2d(8), BinaryConv2d(8, 4, 3, **SIGNS)))
    for module in (fast, fast.module):
        with pytest.raises(RuntimeError, match="has no state_dict"):
            module.state_dict()
    with pytest.raises(RuntimeError, match="has no state_dict"):
        fast.load_state_dict({})


def test_what_is_accelerated_is_neither_packed_nor_accelerated_again():
    fast, x = export.accelerate(BinaryConv2d(8, 4, 3, **SIGNS)), torch.ones(1, 8, 5, 5)
    with pytest.raises(ExportError, match="accelerated, its binary weights are bits; pack the model that"):
        export.pack(fast, x)
    with pytest.raises(ExportError, match="holds no BinaryConv2d"):
        export.accelerate(fast)


def test_a_model_that_torch_jit_has_compiled_is_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated, and warns of shapes that it takes for constant
        compiled = torch.jit.trace(BinaryConv2d(8, 4, 3, **SIGNS).eval(), torch.ones(1, 8, 5, 5))
    with pytest.raises(ExportError, match=r"compiled by torch\.jit; accelerate the module that it was made from"):
        export.accelerate(compiled)
    check(nn.Sequential(BinaryConv2d(8, 8, 1, **SIGNS), compiled), torch.ones(1, 8, 5, 5))


def test_a_copy_computes_the_same():
    layer = shaken(BinaryConv2d(8, 6, 3, weight_binarizer=MeanScale(), input_binarizer=BiRealSign()))
    fast, x = export.accelerate(nn.Sequential(layer)), torch.randn(1, 8, 6, 6)
    first = fast(x)
    twin = copy.deepcopy(fast)
    assert torch.equal(twin(x), first)
    assert twin.replaced["0"] is twin.module[0]
    assert twin.replaced["0"] is not fast.replaced["0"]
    assert torch.equal(pickle.loads(pickle.dumps(fast))(x), first)


class Twice(nn.Module):
    """Calls one layer twice, one not at all, and one behind the back of torch's modules."""

    def __init__(self):
        super().__init__()
        self.layer, self.unused = (BinaryConv2d(8, 8, 3, padding=1, **SIGNS) for _ in range(2))
        self.kbit = BinaryConv2d(8, 8, 1, weight_binarizer=Sign(), input_binarizer=KBit(2))

    def forward(self, x):
        """x: (N, 8, H, W)."""
        return F.relu(self.kbit(self.layer(self.layer(x)))), [x]


def test_speed_up_measures_each_layer_and_says_what_stays():
    model = Twice()
    measured = export.speed_up(model, torch.randn(1, 8, 6, 6), repeats=1)
    (layer,) = measured.layers
    assert (layer.path, layer.shape, layer.calls, layer.difference) == ("layer", (1, 8, 6, 6), 2, 0.0)
    assert min(layer.torch_s, layer.float_s, layer.packed_s, measured.torch_s, measured.accelerated_s) > 0
    assert measured.not_called == ("unused",)
    assert list(measured.left) == ["kbit"]
    assert (measured.difference, measured.threads) == (0.0, 1)
    assert measured.factor == measured.torch_s / measured.accelerated_s
    lines = str(measured).splitlines()
    assert lines[0].split() == ["layer", "input", "calls", "torch", "ms", "float32", "ms", "packed", "ms", "×"]
    assert lines[1].startswith("layer        1×8×6×6      2")
    assert lines[2].startswith("whole model")
    assert lines[3] == "medians, 1 thread; outputs differ by at most 0"
    assert lines[4] == "unused: replaced, but not called as a submodule on this input"
    assert lines[5].startswith("kbit: stays torch's; its inputs have 2 bits")
    assert model.training
    assert not model.layer._forward_pre_hooks


@pytest.mark.parametrize("module", [acceleration, speedup])
def test_the_examples_run(module):
    failed, attempted = doctest.testmod(module)
    assert failed == 0
    assert attempted > 1
