"""`xnorlab bench classify`: every engine gives equal rows, and what was measured is kept for this machine alone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from xnorlab import units
from xnorlab.benchmark import BenchmarkError
from xnorlab.benchmark.process_memory import PeakMemory, family
from xnorlab.classify import bench, bench_records, rows, sample_photos
from xnorlab.cli import app


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XNORLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / bench_records.FILE


def test_runs_are_printed_and_kept_for_this_machine(shipped: Path, photos: Path, cache: Path, monkeypatch):
    arguments = ["bench", "classify", "test/resnet18-xnor", "--pictures", str(photos), "--images", "64"]
    result = CliRunner().invoke(
        app, [*arguments, "--engine", "local", "--workers", "1", "--json"], catch_exceptions=False
    )
    printed = json.loads(result.stdout)
    assert json.loads(cache.read_text())["records"] == [printed]
    whole, draft = printed["runs"]
    assert [(run["engine"], run["workers"], run["draft"]) for run in (whole, draft)] == [
        ("local", 1, False),
        ("local", 1, True),
    ]
    assert (whole["rows"], whole["errors"], whole["changed"]) == (64, 2, 0)
    assert 0 <= draft["changed"] <= 1
    assert whole["core_hours_per_million"] == pytest.approx(whole["this_run"]["seconds"] / 64 * 1e6 / 3600)
    (kept,) = bench_records.of_this_machine()
    assert (kept.network, kept.decode_s, kept.pictures) == (
        "test/resnet18-xnor",
        whole["decode_s"],
        f"{photos}, 61 files",
    )
    assert kept.decode_s + kept.network_s < kept.seconds
    bench_records.record(printed | {"pictures": "again"})
    assert [one.pictures for one in bench_records.of_this_machine()] == ["again"]
    bench_records.record(printed | {"machine": printed["machine"] | {"cpu": "another"}})
    assert len(bench_records.of_this_machine()) == 1
    assert len(json.loads(cache.read_text())["records"]) == 2


def test_a_table_with_what_bounds_it(shipped: Path, photos: Path, cache: Path):
    arguments = ["bench", "classify", "test/resnet18-xnor", "--pictures", str(photos / "a"), "--images", "20"]
    result = CliRunner().invoke(app, [*arguments, "--engine", "local", "--workers", "1", "--markdown"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"test/resnet18-xnor: 20 pictures per run, {photos / 'a'}, 20 files"
    assert sum(line.startswith("| local") for line in lines) == 2
    (kept,) = bench_records.of_this_machine()
    share = kept.decode_s / (kept.decode_s + kept.network_s)
    assert f"cropping take {units.percent(share)} of a process's time" in result.stdout
    assert "of the time and changes the most probable class of " in lines[-1]


def test_runs_that_differ_are_not_reported(packed: bytes, photos: Path, cache: Path, monkeypatch):
    number = iter(range(100))
    monkeypatch.setattr(bench, "classify", lambda job, **options: None)
    monkeypatch.setattr(bench.Job, "part_file", lambda job, part: photos / "a" / f"{next(number) * 3:02}.jpg")
    monkeypatch.setattr(bench.Job, "tables", lambda job: iter(()))
    monkeypatch.setattr(bench, "Run", lambda *given: given)
    with pytest.raises(BenchmarkError, match="local, 2 processes: other rows than those of the first run"):
        bench.bench_classify(packed, "small", source=str(photos), images=4)


@pytest.mark.parametrize("text", ["", "{}", '{"records": [{}]}', '{"records": 3}'])
def test_a_record_that_cannot_be_read_is_none(cache: Path, text: str):
    assert bench_records.of_this_machine() == []
    cache.parent.mkdir()
    cache.write_text(text)
    assert bench_records.of_this_machine() == []


def test_drawn_photos_have_the_size_of_imagenets(tmp_path: Path):
    paths = sample_photos.draw(tmp_path)
    assert len({path.read_bytes() for path in paths}) == sample_photos.DIFFERENT
    for path in paths:
        with Image.open(path) as image:
            assert image.size == (500, 375)
    assert all(95_000 < path.stat().st_size < 125_000 for path in paths)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux alone tells it")
def test_the_memory_of_a_child_counts():
    code = "data = bytearray(80_000_000); print(flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    assert {str(os.getpid()), str(child.pid)} <= set(family())
    with PeakMemory() as memory:
        end = time.monotonic() + 60
        while memory.bytes is None and time.monotonic() < end:
            time.sleep(0.05)
    child.communicate(b"\n")
    assert (memory.bytes or 0) > 80_000_000


def test_a_wrong_engine_is_one_line(shipped: Path):
    result = CliRunner().invoke(app, ["bench", "classify", "test/resnet18-xnor", "--engine", "spark"])
    assert (result.exit_code, result.stderr) == (2, "xnorlab: engine='spark' must be local or ray\n")


def test_errors_are_counted_from_a_parts_statistics(begin, photos: Path):
    from xnorlab.classify import classify

    job = begin(photos / "b", part_rows=100)
    classify(job, workers=1)
    assert rows.errors_in(job.part_file(0)) == 1
