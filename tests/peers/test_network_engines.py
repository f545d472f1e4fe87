"""A float network becomes the same network in ONNX; an engine that gives other logits is not timed."""

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from xnorlab import pretrained
from xnorlab.benchmark import NetworkBench, NetworkContestant, OursIsWrongError, Ready, bench_network, binary_memory
from xnorlab.benchmark.network_logits import DEVIATIONS, Answer
from xnorlab.peers import network_peers
from xnorlab.peers.network_engines import onnxruntime_network, openvino_int8_network, torch_network
from xnorlab.runtime import Network
from xnorlab.runtime import ops as rt

PHOTO = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)


def test_all_engines_agree_and_the_work_of_every_op_is_timed(shipped: Path):
    network, twin = pretrained.load("test/resnet18-xnor"), pretrained.load("test/resnet18-float")
    result = bench_network(network, [PHOTO] * 2, float_twin=twin, peers=network_peers(network, twin), repeats=2)
    assert list(result.timings)[:2] == ["packed", "float"]
    assert {"torch-simulated", "torch-nchw", "torch-channels-last"} <= set(result.timings)
    for steps, one in ((result.ops, network), (result.float_ops, twin)):
        assert sorted(name for step in steps for name in step.ops) == sorted(op.name for op in one.ops)
        assert all(len(step.timing.samples_s) == 2 for step in steps)
    assert sum(op.binary_macs for op in result.ops) == 2 * sum(row.binary_macs for row in network.summary())
    assert sum(op.binary_macs for op in result.float_ops) == 0
    assert result.fastest_float in ("float", "torch-nchw", "torch-channels-last", "openvino-float", "onnxruntime-float")
    assert result.memory == binary_memory(network)
    assert not {"packed", "float", "torch-simulated", "torch-nchw", "torch-channels-last"} & set(result.left_out)
    if "openvino-int8" in result.timings:
        assert 1e-4 < result.deviations["openvino-int8"] <= DEVIATIONS["int8"], "another network, but a near one"
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["input_shape"] == [2, 64, 64, 3]
    assert document["speedups"]["float"] == result.timings["float"].median_s / result.timings["packed"].median_s


def test_a_layout_is_not_forced_on_the_other_contestants_module(shipped: Path):
    network = pretrained.load("test/resnet18-float")
    module = torch.nn.Conv2d(3, 4, 3)
    peer = torch_network(network, lambda: module, "torch-channels-last")
    with peer.prepare(np.zeros((1, 8, 8, 3), np.float32), 1) as ready:
        assert ready.call().is_contiguous(memory_format=torch.channels_last)
        assert module.weight.is_contiguous()


def test_networks_of_one_name_cannot_be_told_apart(shipped: Path):
    network, twin = pretrained.load("test/resnet18-xnor"), pretrained.load("test/resnet18-float")
    twin.name = network.name
    with pytest.raises(ValueError, match="network and float_twin are both named 'test/resnet18-xnor'"):
        bench_network(network, [PHOTO], float_twin=twin, repeats=1)


def test_shared_network_keeps_its_own_threads(shipped: Path):
    network = pretrained.load("test/resnet18-xnor")
    bench_network(network, [PHOTO], threads=2, repeats=1)
    assert network.threads == 1


def engine(
    name: str, network: Network, change: Callable[[np.ndarray], np.ndarray], computes: Answer = "float", **options: bool
) -> NetworkContestant:
    """A contestant that gives the network's logits, changed."""

    def prepare(x: np.ndarray, threads: int):
        logits = change(network.run(x))
        return nullcontext(Ready(lambda: logits))

    return NetworkContestant(name, f"what {name} does", network.name, prepare, computes, **options)


def test_engine_with_other_logits_is_not_timed_and_the_others_are(shipped: Path):
    network = pretrained.load("test/resnet18-float")
    peers = [
        engine("liar", network, lambda logits: logits + np.float32(0.01)),
        engine("short", network, lambda logits: logits[:, :1]),
        engine("honest", network, lambda logits: logits),
    ]
    result = bench_network(network, [PHOTO], float_twin=network, peers=peers, repeats=1)
    assert set(result.timings) == set(result.deviations) == {"packed", "honest"}
    assert result.fastest_float == "honest"
    assert result.left_out["liar"].startswith("liar gives other logits for test/resnet18-float, ")
    assert result.left_out["short"] == "short gives logits of shape (1, 1) for test/resnet18-float instead of (1, 3)"
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert (document["left_out"], set(document["speedups"])) == (result.left_out, {"honest"})
    assert document["about"]["liar"] == "what liar does"


def test_engines_that_agree_on_other_logits_show_that_ours_is_wrong(shipped: Path):
    network = pretrained.load("test/resnet18-float")
    peers = [engine(name, network, lambda logits: logits + np.float32(1)) for name in ("one", "two")]
    with pytest.raises(OursIsWrongError, match="two and one agree on logits for test/resnet18-float that this runtime"):
        bench_network(network, [PHOTO], float_twin=network, peers=peers, repeats=1)
    peers[1] = engine("two", network, lambda logits: logits - np.float32(1))
    assert set(bench_network(network, [PHOTO], peers=peers, repeats=1).left_out) == {"one", "two"}


@pytest.mark.parametrize("change", [lambda logits: logits + np.float32(9), lambda logits: logits[:, :1]])
def test_our_own_layers_in_torch_show_that_the_packed_network_is_wrong(shipped: Path, change):
    network = pretrained.load("test/resnet18-xnor")
    with pytest.raises(OursIsWrongError, match="simulated gives"):
        bench_network(network, [PHOTO], peers=[engine("simulated", network, change, "signs", ours=True)], repeats=1)
    (simulated,) = network_peers(network, None)
    assert simulated.ours


def test_engine_that_cannot_be_loaded_is_named(shipped: Path, monkeypatch: pytest.MonkeyPatch):
    for package in ("openvino", "onnx"):
        monkeypatch.setitem(sys.modules, package, None)
    network = pretrained.load("test/resnet18-float")

    def module(name: str) -> torch.nn.Module:
        raise OSError("no weights")

    result = bench_network(network, [PHOTO], peers=network_peers(network, network, module), repeats=1)
    assert result.left_out == {
        "torch-nchw": "preparing it raised OSError: no weights",
        "torch-channels-last": "preparing it raised OSError: no weights",
        "openvino-float": "openvino is not installed",
        "openvino-int8": "openvino is not installed",
        "onnxruntime-float": "onnx is not installed",
    }


def test_int8_that_falls_back_to_float_is_refused(shipped: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xnorlab.peers.network_engines.sums_in_int8", lambda request: False)
    network = pretrained.load("test/resnet18-float")
    result = bench_network(network, [PHOTO], peers=[openvino_int8_network(network)], repeats=1)
    (why,) = result.left_out.values()
    assert why.startswith("OpenVINO has no int8 kernels for all sums of test/resnet18-float")


@pytest.mark.parametrize("computes", ["signs", "int8"])
def test_rounded_network_must_stay_near(shipped: Path, computes: Answer):
    network = pretrained.load("test/resnet18-xnor")
    near = DEVIATIONS[computes] / 2

    def measured(share: float) -> NetworkBench:
        peer = engine("rounded", network, lambda logits: logits * np.float32(1 + share), computes)
        return bench_network(network, [PHOTO], peers=[peer], repeats=1)

    assert measured(near).deviations["rounded"] == pytest.approx(near, rel=0.01)
    assert measured(4 * near).left_out["rounded"].startswith("rounded gives other logits")


def test_float_network_is_its_own_twin(shipped: Path):
    network = pretrained.load("test/resnet18-float")
    result = bench_network(network, [PHOTO], float_twin=network, peers=network_peers(network, network)[:1], repeats=1)
    assert set(result.timings) == {"packed", "torch-nchw"}
    assert (result.fastest_float, result.memory, result.float_ops) == ("torch-nchw", None, ())


def test_no_picture_is_refused(shipped: Path):
    with pytest.raises(ValueError, match=r"images=\[\] must hold at least one picture"):
        bench_network(pretrained.load("test/resnet18-xnor"), [])


def _every_float_op(rng: np.random.Generator) -> Network:
    """A network that uses each real op, with odd geometries, on 9 × 8 maps of 4 channels."""

    def real(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    ops = [
        rt.Conv(
            name="conv",
            inputs=("input",),
            weight=real(6, 3, 2, 2),
            scale=real(6),
            bias=real(6),
            stride=(2, 1),
            padding=(1, 2),
            dilation=(2, 1),
            groups=2,
        ),
        rt.Affine(name="affine", inputs=("conv",), scale=real(6), bias=real(6)),
        rt.PReLU(name="prelu", inputs=("affine",), slope=real(6)),
        rt.Hardtanh(name="clip", inputs=("conv",), low=-0.5, high=1.5),
        rt.Add(name="add", inputs=("prelu", "clip")),
        rt.ReLU(name="relu", inputs=("add",)),
        rt.MaxPool(name="max", inputs=("relu",), kernel=(3, 2), stride=(1, 2), padding=(1, 0)),
        rt.AvgPool(name="avg", inputs=("max",), kernel=(2, 3), stride=(2, 1), padding=(1, 1)),
        rt.Conv(name="plain", inputs=("avg",), weight=real(5, 1, 1, 6)),
        rt.Flatten(name="flat", inputs=("plain",)),
    ]
    shape = Network(ops, input_shape=(9, 8, 4)).output_shape
    ops += [
        rt.Linear(name="linear", inputs=("flat",), weight=real(7, shape[0]), scale=real(7), bias=real(7)),
        rt.Affine(name="norm", inputs=("linear",), scale=real(7), bias=real(7)),
        rt.PReLU(name="last", inputs=("norm",), slope=real(7)),
    ]
    return Network(ops, input_shape=(9, 8, 4), name="every op")


def test_onnx_graph_computes_every_real_op():
    rng = np.random.default_rng(0)
    network = _every_float_op(rng)
    x = rng.standard_normal((3, 9, 8, 4), np.float32)
    with onnxruntime_network(network).prepare(x, 1) as ready:
        assert ready.result(ready.call()) == pytest.approx(network.run(x), rel=1e-4, abs=1e-4)


def test_onnx_graph_computes_binary_ops(shipped: Path):
    network = pretrained.load("test/resnet18-xnor")
    x = np.random.default_rng(0).standard_normal((1, 64, 64, 3), np.float32)
    with onnxruntime_network(network).prepare(x, 1) as ready:
        assert ready.result(ready.call()) == pytest.approx(network.run(x), rel=1e-2, abs=1e-2)
