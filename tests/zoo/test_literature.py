"""Records of the literature's networks: one per processor and path, each network with its published accuracy."""

import json
from pathlib import Path
from typing import Any

import pytest

from xnorlab.zoo import literature, manifest


def engine(median_s: float) -> dict[str, Any]:
    return {"median_s": median_s, "quartiles_s": [0.9 * median_s, 1.2 * median_s]}


def result(cpu: str = "a", binary_s: float = 0.002) -> dict[str, Any]:
    return {
        "machine": {"cpu": cpu, "instructions": "AVX2", "taken": "2026-01-02T03:04:05+00:00", "versions": {}},
        "pixels": 224,
        "threads": 1,
        "networks": [
            {"network": "QuickNet", "scheme": "bnn", "times": {"xnorlab": engine(binary_s)}, "left_out": {}},
            {
                "network": "MobileNetV2",
                "scheme": "float",
                "times": {
                    "openvino-float": engine(0.004),
                    "openvino-int8": engine(0.003),
                    "onnxruntime-float": engine(0.003_5),
                },
                "left_out": {"torch-float": "torch is not installed"},
            },
            {
                "network": "EfficientNet-B0",
                "scheme": "float",
                "times": {"openvino-float": engine(0.006), "openvino-int8": engine(0.005)},
                "left_out": {},
            },
        ],
    }


@pytest.fixture
def folders(tmp_path: Path, monkeypatch) -> tuple[Path, Path]:
    cache, shipped = tmp_path / "cache", tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setenv("XNORLAB_CACHE", str(cache))
    monkeypatch.setattr(manifest, "folder", lambda: shipped)
    return cache, shipped


def test_the_users_record_stands_in_for_the_shipped_one_of_its_processor(folders):
    assert literature.read() == ()
    literature.keep(result("a", 0.002), folders[1])
    literature.keep(result("b", 0.005), folders[1])
    assert literature.keep(result("a", 0.001)) == folders[0] / literature.FILE
    records = {record.place: record for record in literature.read()}
    assert list(records) == ["a, AVX2", "b, AVX2"]
    assert [record.networks[0].times[0].median_s for record in records.values()] == [0.001, 0.005]
    literature.keep(result("a", 0.003))
    assert len(json.loads((folders[0] / literature.FILE).read_text())["records"]) == 1


def test_each_network_has_its_fastest_engine_and_its_published_accuracy(folders):
    literature.keep(result())
    placed = literature.placed(literature.read()[0])
    rows = [(one.network, one.scheme, one.time.engine, one.published.top1, one.own_accuracy) for one in placed]
    assert rows == [
        ("QuickNet", "bnn", "xnorlab", 63.3, True),
        ("MobileNetV2", "float", "onnxruntime-float", 72.154, True),
        ("MobileNetV2", "int8", "openvino-int8", 71.658, True),
        ("EfficientNet-B0", "float", "openvino-float", 77.692, True),
        ("EfficientNet-B0", "int8", "openvino-int8", 77.692, False),
    ]
    assert placed[0].time.spread == pytest.approx(0.3)


@pytest.mark.parametrize("text", ["", "[]", '{"records": [{"machine": 1}]}', '{"records": [1]}'])
def test_a_file_of_another_kind_is_no_record(folders, text):
    (folders[1] / literature.FILE).write_text(text)
    assert literature.read() == ()


def test_an_unknown_network_is_no_record(folders):
    unknown = result()
    unknown["networks"][0]["network"] = "LeNet"
    (folders[1] / literature.FILE).write_text(json.dumps({"records": [unknown]}))
    assert literature.read() == ()
