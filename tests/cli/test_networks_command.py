"""`xnorlab names` and `xnorlab summary` print what the manifest and the files hold."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from manifests import enter, use
from typer.testing import CliRunner

from xnorlab import pretrained, units
from xnorlab.benchmark import binary_memory
from xnorlab.cli import app
from xnorlab.kernels.packing import pack_ternary
from xnorlab.runtime import Network, ops
from xnorlab.zoo.cost import file_float32_bytes, network_cost


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_names_with_accuracy_and_size(shipped: Path):
    result = run("names")
    assert result.exit_code == 0
    for name, network in pretrained.entries().items():
        line = next(line for line in result.stdout.splitlines() if name in line)
        assert re.search(r" 3 +33.3 ± 27.2 ", line)
        assert units.memory(network.bytes) in line
        ratio = file_float32_bytes(pretrained.path(name)) / network.bytes
        assert line.split()[-1] == f"{ratio:.1f}"
    stored = json.loads((shipped / "manifest.json").read_text())
    assert json.loads(run("names", "--json").stdout) == stored
    header, rule, *rows = run("names", "--markdown").stdout.splitlines()
    assert header.count("|") == rule.count("|") == rows[0].count("|") == 9
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in pretrained.names()]


def test_a_teacher_of_the_same_data_set_is_named_without_it(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    teachers = ("test/resnet18-float", "more/resnet18-float")
    networks = [
        replace(network, recipe=replace(network.recipe, teacher=teacher))
        for network, teacher in zip(pretrained.entries().values(), teachers, strict=True)
    ]
    enter(tmp_path, *networks)
    use(monkeypatch, tmp_path)
    rows = run("names", "--markdown").stdout.splitlines()[2:]
    assert [row.split(" | ")[5] for row in rows] == ["resnet18-float", "more/resnet18-float"]


def test_summary_counts_what_the_file_holds(shipped: Path):
    found = json.loads(run("summary", "test/resnet18-xnor", "--json").stdout)
    network = pretrained.load("test/resnet18-xnor")
    assert [layer["name"] for layer in found["layers"]] == [op.name for op in network.ops]
    totals = found["totals"]
    assert totals["bytes"] == sum(row.weight_bytes for row in network.summary())
    assert totals["binary_macs"] == sum(row.binary_macs for row in network.summary()) > 0
    assert totals["bytes"] < pretrained.path("test/resnet18-xnor").stat().st_size
    weights = pretrained.weights("test/resnet18-xnor")
    convolutions = {key: value.size * 4 for key, value in weights.items() if value.ndim == 4}
    per_layer = [layer["float32_bytes"] for layer in found["layers"] if layer["kind"] == "binary_conv"]
    for size in per_layer:  # the weights, and next to them a scale, a bias and thresholds
        assert any(kept <= size <= kept + 16 * 64 for kept in convolutions.values())
    assert totals["file_bytes"] == pretrained.entry("test/resnet18-xnor").bytes
    assert totals["memory_ratio"] == network_cost(pretrained.entry("test/resnet18-xnor"), network).times_smaller
    signs = binary_memory(network)
    assert signs is not None
    assert found["binary_weights"] == signs.to_dict()
    line = run("summary", "test/resnet18-xnor").stdout.splitlines()[-1]
    assert units.memory(signs.file_bytes) in line
    assert json.loads(run("summary", "test/resnet18-float", "--json").stdout)["binary_weights"] is None


def test_ternary_weights_are_summed_up_with_their_two_bits(tmp_path: Path):
    words, nonzero = pack_ternary(np.round(np.random.default_rng(0).standard_normal((64, 3, 3, 128))))
    layer = ops.TernaryWeightConv(name="a", inputs=("input",), words=words, nonzero=nonzero, channels=128)
    path = tmp_path / "network.safetensors"
    Network([layer], input_shape=(8, 8, 128)).save(path)
    found = json.loads(run("summary", path, "--json").stdout)
    assert [(row["kind"], row["weight_bits"]) for row in found["layers"]] == [("ternary_weight_conv", 2)]
    assert found["binary_weights"] is None
    assert found["ternary_weights"]["file_ratio"] == 16
    line = run("summary", path).stdout.splitlines()[-1]
    assert line.startswith("Ternary weights alone: 18.0 KiB in the file")
    assert line.endswith("16.0× and 16.0×")


def test_summary_table_has_totals_and_fits_every_digit_into_a_narrow_terminal(shipped: Path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    result = run("summary", shipped / "test/resnet18-float.safetensors")
    assert result.exit_code == 0
    assert any(line.strip().startswith("total") for line in result.stdout.splitlines())
    found = json.loads(run("summary", "test/resnet18-float", "--json").stdout)
    assert all(layer["name"] in result.stdout for layer in found["layers"])
    assert units.memory(found["totals"]["bytes"]) in result.stdout


@pytest.mark.parametrize(
    "command",
    [
        "",
        "predict",
        "names",
        "summary",
        "bench conv",
        "bench network",
        "bench sweep",
        "train",
        "evaluate",
        "pack",
        "ship",
    ],
)
def test_help_teaches_by_example(command: str):
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"xnorlab {command}".strip() in " ".join(result.stdout.split())


def test_version():
    assert run("--version").stdout.startswith("xnorlab 0.")
