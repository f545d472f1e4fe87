"""A packed network as an ONNX file: ONNX Runtime computes it, and opened again it is the same network."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from xnorlab import export
from xnorlab.nn import get_scheme
from xnorlab.nn.blocks import conv_block, first_block
from xnorlab.runtime import Network, UnknownRule, ops

SCHEMES = ("bnn", "bwn", "xnor", "xnor-k", "bireal", "reactnet", "ternary")


def engine_outputs(path, x: np.ndarray) -> list[np.ndarray]:
    """What ONNX Runtime gives without graph optimization, in the runtime's layout."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    given = x.transpose(0, 3, 1, 2) if x.ndim == 4 else x
    results = session.run(None, {"x": np.ascontiguousarray(given)})
    return [np.asarray(y).transpose(0, 2, 3, 1) if np.ndim(y) == 4 else np.asarray(y) for y in results]


def layout(network: Network) -> list[tuple]:
    return [(op.name, op.kind, op.inputs, op.attributes()) for op in network.ops]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_runs_in_onnx_runtime_and_comes_back(trained, inputs, nhwc, scheme, tmp_path):
    made = get_scheme(scheme)
    blocks = [first_block(made, 8, 3, padding=1), conv_block(made, 8, 12, 3, padding=1, stride=2)]
    model = nn.Sequential(*blocks, conv_block(made, 12, 8, 1), nn.Flatten(), nn.Linear(128, 5))
    model = trained(model, 4, 3, 8, 8)
    packed = export.pack(model, inputs(2, 3, 8, 8), name=scheme, labels=list("abcde"), provenance={"from": "a test"})
    path = tmp_path / "network.onnx"
    export.to_onnx(packed, path)
    onnx.checker.check_model(str(path), full_check=True)
    x = nhwc(inputs(5, 3, 8, 8, seed=3))
    want = packed.run(x)
    np.testing.assert_allclose(engine_outputs(path, x)[0], want, atol=1e-5)
    opened = export.from_onnx(path)
    assert layout(opened) == layout(packed)
    assert (opened.name, opened.labels, opened.provenance) == (scheme, tuple("abcde"), {"from": "a test"})
    np.testing.assert_allclose(opened.run(x), want, atol=1e-5)
    for before, after in zip(packed.ops, opened.ops, strict=True):
        if before.kind.startswith(("binary", "ternary")):
            for name, tensor in before.tensors().items():
                np.testing.assert_array_equal(after.tensors()[name], tensor)


def binary_conv(random: np.random.Generator, **fields) -> ops.BinaryConv:
    words = random.integers(0, 2**5, (6, 3, 2, 1), np.uint64)
    threshold = np.float32([0, 0.25, -np.inf, np.inf, -0.5])
    flip = np.array([False, True, False, False, True])
    given = {"channels": 5, "threshold": threshold, "flip": flip, "padding": (1, 2), "stride": (2, 1), **fields}
    return ops.BinaryConv(name="conv", inputs=("input",), words=words, **given)


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
@pytest.mark.parametrize("scaled", [False, True])
def test_integer_sums_are_exact_in_onnx_runtime(pad_value, scaled, tmp_path):
    random = np.random.default_rng(0)
    factors = {n: random.standard_normal(6).astype(np.float32) for n in ("scale", "bias")} if scaled else {}
    network = Network([binary_conv(random, pad_value=pad_value, **factors)], input_shape=(7, 6, 5))
    x = random.integers(-2, 3, (2, 7, 6, 5)).astype(np.float32) / 4  # many values lie at a threshold
    export.to_onnx(network, tmp_path / "n.onnx")
    np.testing.assert_array_equal(engine_outputs(tmp_path / "n.onnx", x)[0], network.run(x))
    assert export.from_onnx(tmp_path / "n.onnx").to_bytes() == network.to_bytes()


def test_input_scale_agrees_to_its_last_bits(tmp_path):
    random = np.random.default_rng(1)
    network = Network([binary_conv(random, input_scale=True, dilation=(1, 2))], input_shape=(9, 8, 5))
    x = random.standard_normal((2, 9, 8, 5), np.float32)
    export.to_onnx(network, tmp_path / "n.onnx")
    np.testing.assert_allclose(engine_outputs(tmp_path / "n.onnx", x)[0], network.run(x), rtol=1e-6, atol=1e-6)
    assert export.from_onnx(tmp_path / "n.onnx").to_bytes() == network.to_bytes()


def test_quantizer_border_and_vectors_of_signs(tmp_path):
    random = np.random.default_rng(2)
    words = random.integers(0, 2**63, (3, 2), np.uint64) & np.uint64(2**46 - 1)
    words[:, 0] = random.integers(0, 2**63, 3, np.uint64)
    members = [
        ops.Quantize(name="q", inputs=("input",), bits=2),
        ops.Pad(name="p", inputs=("q",), padding=(1, 0), value=-1),
        ops.Flatten(name="f", inputs=("p",)),
        ops.BinaryLinear(name="b", inputs=("f",), words=words, features=110, bias=np.float32([1, 2, 3])),
        ops.Sign(name="s", inputs=("b",), threshold=np.float32([0, 1, 2])),
        ops.Linear(name="l", inputs=("s",), weight=random.standard_normal((2, 3), np.float32)),
    ]
    network = Network(members, input_shape=(9, 5, 2))
    x = random.uniform(-1.5, 1.5, (4, 9, 5, 2)).astype(np.float32)
    export.to_onnx(network, tmp_path / "n.onnx")
    np.testing.assert_allclose(engine_outputs(tmp_path / "n.onnx", x)[0], network.run(x), atol=1e-6)
    assert export.from_onnx(tmp_path / "n.onnx").to_bytes() == network.to_bytes()


def test_several_outputs_keep_their_names(tmp_path):
    unit = ops.ReLU(name="r", inputs=("input",))
    pool = ops.GlobalAvgPool(name="g", inputs=("r",))
    network = Network([unit, pool], input_shape=(3, 3, 2), outputs={"map": "r", "mean": "g"})
    export.to_onnx(network, tmp_path / "n.onnx")
    x = np.random.default_rng(0).standard_normal((2, 3, 3, 2), np.float32)
    for got, want in zip(engine_outputs(tmp_path / "n.onnx", x), network.run(x).values(), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)
    assert export.from_onnx(tmp_path / "n.onnx").outputs == {"map": "r", "mean": "g"}


def test_the_rule_for_unknown_pictures_travels(tmp_path):
    rule = UnknownRule(score="logit", temperature=1.0, threshold=0.5)
    layer = ops.Linear(name="l", inputs=("input",), weight=np.eye(2, dtype=np.float32))
    export.to_onnx(Network([layer], input_shape=(2,), unknown=rule), tmp_path / "n.onnx")
    assert export.from_onnx(tmp_path / "n.onnx").unknown == rule


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(export.ExportError, match=r"network is Linear; the rule is a packed network: to_onnx\(pack\("):
        export.to_onnx(nn.Linear(2, 2), tmp_path / "n.onnx")
    network = Network([ops.Spread(name="q", inputs=("input",), step=(2, 2))], input_shape=(4, 4, 1))
    with pytest.raises(export.ExportError, match="q: spread has no counterpart in ONNX here"):
        export.to_onnx(network, tmp_path / "n.onnx")
    plain = Network([ops.ReLU(name="r", inputs=("input",))], input_shape=(4,))
    with pytest.raises(export.ExportError, match="is a folder"):
        export.to_onnx(plain, tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    for call in (lambda: export.to_onnx(plain, tmp_path / "n"), lambda: export.from_onnx(tmp_path / "n")):
        with pytest.raises(ModuleNotFoundError, match=r"needs the package onnx: pip install 'xnorlab\[onnx\]'"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_torchs_order_of_a_flattened_map_is_kept(tmp_path):
    network = export.pack(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), torch.randn(2, 3, 2, 2))
    export.to_onnx(network, tmp_path / "n.onnx")
    assert export.from_onnx(tmp_path / "n.onnx").to_bytes() == network.to_bytes()
