"""`xnorlab bench` prints figures that were checked, and JSON that holds every sample."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from xnorlab.benchmark import Contestant, ConvShape, NetworkContestant, Ready, UnsupportedError
from xnorlab.cli import app
from xnorlab.cli.bench_conv import parse_shape
from xnorlab.peers import TORCH_CONVS
from xnorlab.runtime import Network
from xnorlab.zoo import benchmarks, manifest

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
    for text in ("numba", "1 thread,", "3×3 64@6", "pack", "nested float32 loops", "torch float32, NCHW", "57.6×"):
        assert text in result.stdout


@pytest.mark.parametrize(("recorded_s", "said"), [(1e-12, "Slower than recorded"), (1e3, "Nothing of ours is slower")])
def test_conv_beside_the_recorded_benchmark(recorded_s: float, said: str, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(manifest, "folder", lambda: tmp_path)
    missing = run("bench", "conv", "64@6", "--compare", *QUICK)
    assert missing.exit_code != 0
    assert "there is no recorded benchmark of" in missing.stderr
    (result,) = json.loads(run("bench", "conv", "64@6", "--json", "--repeats", 2).stdout)
    for timing in result["timings"].values():
        timing["median_s"] = recorded_s
    benchmarks.record([result], tmp_path)
    compared = run("bench", "conv", "64@6", "65@6", "--compare", *QUICK)
    assert said in compared.stdout
    (as_json,) = json.loads(run("bench", "conv", "64@6", "--compare", "--json", *QUICK).stdout)
    times, now = as_json["times_recorded"], as_json["timings"]["binary"]["median_s"]
    assert times["binary"] == pytest.approx(now / recorded_s)


@contextmanager
def _broken(*problem: object) -> Iterator[Ready]:
    raise RuntimeError("a kernel\n  fell over")
    yield


@contextmanager
def _wrong(*problem: object) -> Iterator[Ready]:
    yield Ready(lambda: np.zeros(3, np.float32))


@contextmanager
def _missing(*problem: object) -> Iterator[Ready]:
    raise ModuleNotFoundError("No module named 'onnx'", name="onnx.helper")
    yield


@contextmanager
def _refusing(*problem: object) -> Iterator[Ready]:
    raise UnsupportedError("there is no kernel for this shape")
    yield


FAILING = {
    "broken": (_broken, "preparing it raised RuntimeError: a kernel fell over"),
    "wrong": (_wrong, "its answer has the shape (3,)"),
    "missing": (_missing, "onnx is not installed"),
    "refusing": (_refusing, "there is no kernel for this shape"),
}


def rows(table: str) -> str:
    """The text of a table on one line, so that a cell of several lines is in one piece."""
    return " ".join(table.split())


@pytest.fixture
def failing_convs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four peers that fail in different ways, before one that does not."""
    failing = [Contestant(name, f"engine {name}", "float", prepare) for name, (prepare, _) in FAILING.items()]
    monkeypatch.setattr("xnorlab.peers.CONVS", (*failing, *TORCH_CONVS))


@pytest.mark.usefixtures("failing_convs")
def test_conv_says_why_a_contestant_has_no_time_and_times_the_others():
    result = run("bench", "conv", "64@6", "--repeats", 2)
    assert result.exit_code == 0
    assert "not timed, because" in result.stdout
    assert result.stdout.index("torch float32, NCHW") < result.stdout.index("engine broken")
    for name, (_, why) in FAILING.items():
        assert f"engine {name} – – – –" in rows(result.stdout)
        assert why.split()[-1] in result.stdout
    assert "× the fastest float32" in result.stdout or "× torch's faster layout" in result.stdout
    (document,) = json.loads(run("bench", "conv", "64@6", "--repeats", 2, "--json").stdout)
    assert document["fastest_float"] in document["timings"]
    assert set(document["left_out"]) == set(FAILING)
    assert all(why in document["left_out"][name] for name, (_, why) in FAILING.items())
    assert {"torch-nchw", "torch-channels-last", "naive"} <= set(document["timings"])


def test_no_reasons_are_printed_if_every_contestant_is_timed():
    assert "not timed" not in run("bench", "conv", "64@6", *QUICK).stdout.lower()


@pytest.mark.usefixtures("failing_convs")
def test_sweep_says_where_a_contestant_has_no_time_and_why(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xnorlab.benchmark.sweeps.SWEEPS", {"channels": (64, 65)})
    table = run("bench", "sweep", "channels", "--repeats", 1, "--no-naive").stdout
    last = rows(table[table.index("Not timed") :])
    assert "at channels because" in last
    assert "engine missing everywhere onnx is not installed" in last
    assert "engine refusing everywhere there is no kernel for this shape" in last


def test_network_says_why_a_contestant_has_no_time(shipped: Path, monkeypatch: pytest.MonkeyPatch):
    def peers(network: Network, twin: Network, module: object) -> list[NetworkContestant]:
        return [NetworkContestant(n, f"engine {n}", twin.name, prepare) for n, (prepare, _) in FAILING.items()]

    monkeypatch.setattr("xnorlab.peers.network_peers", peers)
    result = run("bench", "network", "test/resnet18-xnor", "--repeats", 1)
    assert result.exit_code == 0
    assert "engine missing – – – – onnx is not installed" in rows(result.stdout)
    assert "wrong gives logits of shape (3,)" in rows(result.stdout)
    assert "× the fastest float32 (float)" in result.stdout
    assert "step by step" in result.stdout


def test_full_runs_every_kernel_batch_and_thread_count_and_an_option_narrows_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xnorlab.kernels.threads.available_threads", lambda: 2)
    document = json.loads(run("bench", "conv", "8@5", "--full", "--batch", 1, "--json", "--no-naive", *QUICK).stdout)
    asked = [(one["shape"]["kernel"], one["shape"]["batch"], one["threads"]) for one in document]
    assert asked == [(kernel, 1, threads) for threads in (1, 2) for kernel in (1, 3, 5)]


def test_several_shapes_end_in_one_table():
    table = run("bench", "conv", "64@6", "65@6", *QUICK).stdout
    last = table[table.index("Together") :]
    assert "× naive loop" in last
    assert "torch" not in last, "columns of peers that were not asked for are left out"
    assert [line.split()[1] for line in last.splitlines() if line.strip().startswith("3×3")] == ["64@6", "65@6"]


def test_first_calls_are_not_among_the_samples():
    assert "first call ms" in run("bench", "conv", "64@6", *QUICK).stdout
    (document,) = json.loads(run("bench", "conv", "64@6", "--json", *QUICK).stdout)
    timing = document["timings"]["binary"]
    assert timing["first_call_s"] > 0
    assert len(timing["samples_s"]) == 2


def test_sweep_as_table_json_and_plot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("xnorlab.benchmark.sweeps.SWEEPS", {"channels": (64, 65), "kernel": (1,)})
    file = tmp_path / "figure4.html"
    table = run("bench", "sweep", *QUICK, "--plot", file).stdout
    assert "channels: how many times longer" in table
    line = next(line for line in table.splitlines() if "65→256@14" in line)
    assert line.split()[-2:] == ["57.7", "30.8"]
    page = file.read_text()
    assert "formula in whole words" in page
    assert 'src="http' not in page, "the page needs no network connection"
    (document,) = json.loads(run("bench", "sweep", "kernel", "--json", *QUICK).stdout)
    assert (document["axis"], document["values"]) == ("kernel", [1])
    wrong = run("bench", "sweep", "colour", *QUICK)
    assert wrong.exit_code == 2
    assert "axis='colour' is not one of" in wrong.stderr


def test_architecture_is_timed_with_random_weights():
    result = run("bench", "network", "nin", "--scheme", "bwn", "--size", 32, "--json", *QUICK)
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["name"] == "nin-bwn, untrained"
    assert document["input_shape"] == [1, 32, 32, 3]
    assert set(document["timings"]) == {"packed", "float"}
    assert 20 < document["memory"]["file_ratio"] < 32, "160 and 96 channels leave bits of their last words unused"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonet"], "model='nonet' is not one of alexnet, densenet28"),
        (["resnet18", "--scheme", "none"], "scheme='none' is not one of"),
        (["resnet18", "--size", "7"], "size=7 must be an integer from 32"),
        (["test/resnet18-xnor", "--size", "64"], "has its own scheme and size"),
    ],
)
def test_impossible_network_is_one_line(shipped: Path, arguments: list[str], message: str):
    result = run("bench", "network", *arguments, *QUICK)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_network_as_json_and_table(shipped: Path):
    result = run("bench", "network", "test/resnet18-xnor", "--json", *QUICK)
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert set(document["timings"]) == {"packed", "float"}
    assert {op["kind"] for op in document["ops"]} >= {"conv", "binary_conv"}
    table = run("bench", "network", "test/resnet18-xnor", *QUICK).stdout
    assert "this runtime, float twin" in table
    assert "step by step" in table
    assert "× the fastest float32 (float)" in table
    assert "packed weights: " in table


def test_network_on_a_photo_that_does_not_exist(shipped: Path, tmp_path: Path):
    result = run("bench", "network", "test/resnet18-xnor", "--photo", tmp_path / "none.jpg", *QUICK)
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_shapes_are_parsed():
    assert parse_shape("64@56", 3, 1, 1) == ConvShape(64, 56)
    assert parse_shape("64-128@28", 1, 2, 8) == ConvShape(64, 28, filters=128, kernel=1, stride=2, batch=8)
    assert parse_shape("64→128@28", 3, 1, 1).n_filters == 128
    assert parse_shape("64@28", 3, 1, 1, 32) == ConvShape(64, 28, groups=32)


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
