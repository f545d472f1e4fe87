"""Times of the literature's networks: tiny runs in every engine, checked against torch; a failure is a reason."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from xnorlab.cli import app
from xnorlab.paper.published import TORCHVISION, accuracy
from xnorlab.peers import literature, module_engines
from xnorlab.peers.literature import BINARY, SMALL_NETWORKS, Binary, bench_literature
from xnorlab.zoo import literature as records


class Depthwise(nn.Sequential):
    """A network with the layers that OpenVINO's quantizer must know: in groups, a bias, a matrix."""

    def __init__(self, weights: object, num_classes: int):
        assert weights is None
        super().__init__(
            nn.Conv2d(3, 16, 3, 2, 1),
            nn.BatchNorm2d(16),
            nn.ReLU6(),
            nn.Conv2d(16, 16, 3, 1, 1, groups=16),
            nn.Hardswish(),
            nn.Conv2d(16, 32, 1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, num_classes),
        )


@pytest.fixture
def tiny(monkeypatch):
    from torchvision import models

    monkeypatch.setattr(models, "mobilenet_v2", Depthwise)
    monkeypatch.setattr(
        literature, "BINARY", (Binary("QuickNet small", "bnn", "quicknet", {"size": "small", "width": 16}),)
    )
    monkeypatch.setattr(literature, "SMALL_NETWORKS", {"MobileNetV2": "mobilenet_v2"})


def test_every_engine_that_is_installed_gives_a_time_and_the_record_is_read_back(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path))
    arguments = ["bench", "literature", "--size", "32", "--repeats", "1", "--record", str(tmp_path), "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    found = json.loads(done.stdout)
    binary, small = found["networks"]
    assert (binary["network"], binary["scheme"], list(binary["times"])) == ("QuickNet small", "bnn", ["xnorlab"])
    assert {*small["times"], *small["left_out"]} == set(module_engines.ENGINES)
    assert {"openvino-float", "onnxruntime-float", "torch-float"} <= set(small["times"]), small["left_out"]
    assert set(small["deviations"]) == set(small["times"])
    assert small["deviations"]["torch-float"] < 1e-4
    (record,) = records.read()
    assert [one.network for one in record.networks] == ["QuickNet small", "MobileNetV2"]
    assert (record.pixels, record.threads) == (32, 1)
    assert "kept in" in done.stderr


def test_a_run_of_some_networks_is_printed_and_not_kept(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path))
    few = ["--only", "MobileNetV2", "--size", "32", "--repeats", "1", "--markdown"]
    done = CliRunner().invoke(app, ["bench", "literature", *few], catch_exceptions=False)
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| MobileNetV2")]
    assert {row[1] for row in rows} >= {"float32"}
    assert {row[-1] for row in rows} <= {"72.2 |", "71.7 |"}
    assert "not kept" in done.stderr
    assert not (tmp_path / records.FILE).exists()


def test_unknown_network_is_named():
    result = CliRunner().invoke(app, ["bench", "literature", "--only", "QuickNett"])
    assert result.exit_code
    assert "only='QuickNett' is not one of AlexNet" in str(result.exception) + result.stderr
    with pytest.raises(ValueError, match="network='LeNet' is not one of SqueezeNet"):
        bench_literature([], ["LeNet"], pixels=32)


def test_an_engine_that_fails_is_left_out_with_the_reason(tiny, monkeypatch):
    monkeypatch.setattr(module_engines, "onnx_export", lambda module, shape: b"nothing")
    result = bench_literature([], ["MobileNetV2"], pixels=32, repeats=1)
    assert list(result.rows[0].timings) == ["torch-float"]
    assert all(why.startswith("preparing it raised") for why in result.rows[0].left_out.values())


def test_other_logits_than_torchs_are_left_out_with_the_reason(tiny, monkeypatch):
    monkeypatch.setattr(literature, "_torchs_logits", lambda module, x: np.ones((1, 1000), np.float32))
    result = bench_literature([], ["MobileNetV2"], pixels=32, repeats=1)
    assert not result.rows[0].timings
    assert "of their norm away from torch's" in result.rows[0].left_out["torch-float"]


def test_depthwise_convolutions_are_computed_in_int8():
    from xnorlab.benchmark import UnsupportedError

    torch.manual_seed(0)
    module = Depthwise(None, 10).eval()
    x = np.random.default_rng(0).standard_normal((1, 32, 32, 3)).astype(np.float32)
    contestant = next(c for c in module_engines.module_contestants("tiny", module) if c.computes == "int8")
    with torch.inference_mode():
        want = module(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    try:
        with contestant.prepare(x, 1) as ready:
            got = ready.result(ready.call())
    except UnsupportedError as error:
        pytest.skip(str(error))
    assert 0 < np.linalg.norm(got - want) / np.linalg.norm(want) < 0.1


def test_every_network_of_the_bench_has_a_published_accuracy():
    listed = [accuracy(one.network, one.scheme).top1 for one in BINARY]
    assert listed == sorted(listed)
    assert {44.2, 51.2, 56.4, 59.4, 63.3, 66.9, 65.9, 69.4} <= set(listed)
    others = [accuracy(title, "float", source=TORCHVISION).top1 for title in SMALL_NETWORKS]
    assert others == sorted(others)
    assert len(others) == 7
