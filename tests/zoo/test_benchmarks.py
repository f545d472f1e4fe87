"""Recorded benchmarks: one per processor and instructions, without samples, and the changes since."""

from pathlib import Path
from typing import Any

import pytest

from xnorlab.zoo import benchmarks


def result(
    fastest: float = 15, naive: float = 20, cpu: str = "one", instructions: str = "AVX2", seconds: float = 1.0
) -> dict:
    return {
        "shape": {"channels": 64, "batch": 1},
        "threads": 1,
        "machine": {"cpu": cpu, "instructions": instructions},
        "fastest_float": "torch",
        "best_float": "torch",
        "speedups": {"torch": fastest, "naive": naive},
        "predicted_speedup": 57.6,
        "timings": {"torch": {"median_s": seconds, "samples_s": [1.0, 2.0]}},
        "left_out": {"onnx": "is not installed"},
    }


def test_there_is_one_record_per_processor_and_instructions_the_newest(tmp_path: Path):
    for fastest, instructions in ((15, "AVX2"), (16, "AVX-512"), (17, "AVX2")):
        benchmarks.record([result(fastest, instructions=instructions)], tmp_path)
    records = benchmarks.read(tmp_path)
    kept = {benchmarks.place(r["machine"]): r["shapes"][0]["speedups"]["torch"] for r in records}
    assert kept == {"one, AVX2": 17, "one, AVX-512": 16}
    assert "samples_s" not in str(records)
    assert all(shape["left_out"] == {"onnx": "is not installed"} for r in records for shape in r["shapes"])
    assert benchmarks.record_of({"cpu": "one", "instructions": "AVX-512"}, tmp_path) == records[1]


def test_a_processor_without_a_record_gets_the_list_of_those_that_have_one(tmp_path: Path):
    benchmarks.record([result()], tmp_path)
    with pytest.raises(ValueError, match="no recorded benchmark of 'two, AVX2' to compare with; recorded: one, AVX2"):
        benchmarks.record_of({"cpu": "two", "instructions": "AVX2"}, tmp_path)


def test_changes_are_multiples_of_the_recorded_times(tmp_path: Path):
    benchmarks.record([result(seconds=2.0)], tmp_path)
    (record,) = benchmarks.read(tmp_path)
    assert benchmarks.changes(result(seconds=3.0), record) == {"torch": 1.5}
    assert benchmarks.changes(result() | {"threads": 2}, record) == {}
    assert benchmarks.changes(result() | {"shape": {"channels": 65, "batch": 1}}, record) == {}


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([result(15, 20), result(15, 20, cpu="two")], "of one machine, number of threads and batch"),
        ([result(15, 20), result(15, 20) | {"threads": 2}], "of one machine, number of threads and batch"),
        ([result(15, 20), result(15, 20) | {"shape": {"batch": 8}}], "of one machine, number of threads and batch"),
        ([], "of one machine, number of threads and batch"),
        ([result(15, 20) | {"fastest_float": None}], "must hold a float32 engine for every shape"),
        ([{"shape": {}}], "is not what `xnorlab bench conv --json` prints"),
        ({"command": "xnorlab bench network"}, "is not what `xnorlab bench conv --json` prints"),
        (3, "is not what `xnorlab bench conv --json` prints"),
    ],
)
def test_what_is_no_single_benchmark_of_convolutions_is_not_kept(results: Any, message: str, tmp_path: Path):
    benchmarks.record([result(15, 20)], tmp_path)
    before = (tmp_path / "benchmark.json").read_bytes()
    with pytest.raises(ValueError, match=message):
        benchmarks.record(results, tmp_path)
    assert (tmp_path / "benchmark.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["benchmark.json"]
