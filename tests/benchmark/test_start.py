"""A start is timed in fresh processes, from an empty kernel cache and from a full one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from xnorlab.benchmark import BenchmarkError, bench_start, first_answer, start
from xnorlab.cli import app
from xnorlab.images import Preprocessing
from xnorlab.runtime import Network, ops

PYTHON = {"steps": 4, "ops": 8, "preprocessing_s": [9.0, 1e-3], "run_s": [9.0, 1e-3], "hollow_s": [9.0, 1e-4]}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """The file of the smallest network that answers for photos."""
    weight = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32)
    layers = [
        ops.GlobalAvgPool(name="pool", inputs=("input",)),
        ops.Flatten(name="flat", inputs=("pool",)),
        ops.Linear(name="linear", inputs=("flat",), weight=weight),
    ]
    path = tmp_path / "small.safetensors"
    Network(layers, input_shape=(8, 8, 3), preprocessing=Preprocessing(resize=8, crop=8), name="small").save(path)
    return path


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Path]]:
    """Processes that are only listed; each takes a second more than the one before, of any kind."""
    ran: list[tuple[list[str], Path]] = []

    def run(arguments: list[str], cache: Path) -> tuple[str, float, float]:
        ran.append((list(arguments), cache))
        cache.mkdir(exist_ok=True)
        (cache / f"{len(list(cache.iterdir()))}.nbc").write_bytes(bytes(500))
        parts = {"import": (float(len(ran)), 1.0), "first answer": (3.0, 2.0)}
        kernels = {"pack": (0.5, 0.25), "convolve": (1.5, 1.0)}
        printed = json.dumps({"parts": parts, "kernels": kernels, "python": PYTHON})
        return printed, float(len(ran)), 0.25

    monkeypatch.setattr(start, "_process", run)
    return ran


def test_a_fresh_process_tells_its_parts(network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(photo := tmp_path / "black.png")
    command = [sys.executable, "-P", first_answer.__file__, str(network), str(photo)]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(Path(first_answer.__file__).parents[2]))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert list(told["parts"]) == ["import", "open network", "open photo", "first answer", "second answer"]
    assert all(wall > 0 and cpu >= 0 for wall, cpu in told["parts"].values())
    assert "_global_kernel" in told["kernels"]
    for clock in (0, 1):
        assert 0 < sum(times[clock] for times in told["kernels"].values()) < told["parts"]["first answer"][clock]
    assert (told["python"]["steps"], told["python"]["ops"]) == (3, 3)
    for kind in ("preprocessing_s", "run_s", "hollow_s"):
        assert len(told["python"][kind]) == first_answer.ALTERNATIONS


def test_every_cold_process_has_an_empty_cache_and_a_first_round_does_not_count(processes, network: Path):
    result = bench_start("a/b", network, repeats=2)
    of_predict = [cache for arguments, cache in processes if "predict" in arguments]
    assert of_predict[::2] == of_predict[1::2]  # a warm process has the cold one's cache
    assert len(set(of_predict)) == 3
    a_round = len(processes) // 3
    assert result.wall["python"].samples_s == (1.0 + a_round, 1.0 + 2 * a_round)
    assert result.wall["python"].first_call_s == 1
    assert result.cpu["predict, cold"].median_s == 0.25
    assert (result.compilation_s, result.compilation_cpu_s) == (2, 1.25)
    assert result.parts_cpu["first answer"].median_s == 2
    assert result.cache_bytes == 500 * sum(cache == of_predict[0] for _, cache in processes)
    assert result.python_share == pytest.approx(0.1)


def test_command_prints_tables_and_json(processes, network: Path):
    printed = CliRunner().invoke(app, ["bench", "start", str(network), "--repeats", "1"], catch_exceptions=False).stdout
    for text in (
        "import xnorlab.runtime",
        "predict, cold",
        "  convolve",
        "2 kernels",
        "25.0 µs per step (4)",
        "10.0 %",
    ):
        assert text in printed
    document = CliRunner().invoke(app, ["bench", "start", str(network), "--repeats", "1", "--json"]).stdout
    told = json.loads(document)
    assert told["python_s_per_op"] == pytest.approx(1e-4 / 8)
    assert len(told["wall"]["predict, warm"]["samples_s"]) == 1


def test_a_process_that_fails_is_named_with_its_reason(tmp_path: Path):
    with pytest.raises(BenchmarkError, match=r"python -c raise .* ended with exit code 1: ValueError: why"):
        start._process(["-c", "raise ValueError('why')"], tmp_path)
    with pytest.raises(ValueError, match="repeats=0 must be an integer of at least 1"):
        bench_start("a", tmp_path, repeats=0)
