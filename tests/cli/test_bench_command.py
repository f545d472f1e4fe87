"""`xnorlab bench` prints figures that were checked, and JSON that holds every sample."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xnorlab.benchmark import ConvShape
from xnorlab.cli import app
from xnorlab.cli.bench import parse_shape

QUICK = ["--repeats", "2", "--no-peers"]


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_conv_as_json():
    result = run("bench", "conv", "64-32@6", "65@5", "--kernel", 1, "--batch", 2, "--json", *QUICK)
    assert result.exit_code == 0
    first, second = json.loads(result.stdout)
    assert first["shape"]["channels"], first["shape"]["filters"] == (64, 32)
    assert (second["shape"]["kernel"], second["shape"]["batch"]) == (1, 2)
    assert len(first["timings"]["binary"]["samples_s"]) == 2
    assert first["machine"]["cpu"]


def test_conv_as_table_names_machine_contestants_and_formula():
    result = run("bench", "conv", "64@6", "--repeats", 2)
    assert result.exit_code == 0
    for text in ("numba", "1 thread", "3×3 64@6", "pack", "nested float32 loops", "torch float32, NCHW", "57.6×"):
        assert text in result.stdout


def test_network_as_json_and_table(shipped: Path):
    result = run("bench", "network", "test/resnet18-xnor", "--json", *QUICK)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert set(found["timings"]) == {"packed", "float"}
    assert {op["kind"] for op in found["ops"]} >= {"conv", "binary_conv"}
    table = run("bench", "network", "test/resnet18-xnor", *QUICK).stdout
    assert "this runtime, float twin" in table
    assert "op by op" in table


def test_network_on_a_photo_that_is_none(shipped: Path, tmp_path: Path):
    result = run("bench", "network", "test/resnet18-xnor", "--photo", tmp_path / "none.jpg", *QUICK)
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_shapes_are_parsed():
    assert parse_shape("64@56", 3, 1, 1) == ConvShape(64, 56)
    assert parse_shape("64-128@28", 1, 2, 8) == ConvShape(64, 28, filters=128, kernel=1, stride=2, batch=8)
    assert parse_shape("64→128@28", 3, 1, 1).n_filters == 128


@pytest.mark.parametrize("text", ["64", "64@", "@56", "a@b", "64-@56@1", "64@-3", "٦٤@56"])
def test_impossible_shape_is_one_line(text: str):
    result = run("bench", "conv", *QUICK, "--", text)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"xnorlab: shape={text!r} must be CHANNELS@SIZE")
    assert result.stderr.count("\n") == 1


def test_too_large_a_shape_is_one_line():
    result = run("bench", "conv", "64@99999", *QUICK)
    assert result.exit_code == 2
    assert "the input has" in result.stderr
