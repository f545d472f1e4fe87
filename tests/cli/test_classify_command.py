"""`xnorlab classify`: rows, summary, exit status, a signal in mid-run, and never torch."""

import csv
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from xnorlab.classify import Progress
from xnorlab.cli import app
from xnorlab.cli.classify import clock_time, progress_line

WAIT_SECONDS = 400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(6):
        Image.fromarray(np.full((80, 90, 3), 40 * i, np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def trap(tmp_path: Path) -> dict[str, str]:
    """Environment in which importing torch, in whichever process, leaves a file and fails."""
    (tmp_path / "trap" / "torch").mkdir(parents=True)
    code = f"open({str(tmp_path / 'torch was imported')!r}, 'w'); raise ImportError('torch')"
    (tmp_path / "trap" / "torch" / "__init__.py").write_text(code)
    paths = [str(tmp_path / "trap"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "xnorlab", "classify", *map(str, arguments)]


def test_all_read_is_status_0_and_torch_is_never_imported(shipped: Path, folder: Path, trap: dict, tmp_path: Path):
    network, out = shipped / "test/resnet18-xnor.safetensors", tmp_path / "out"
    done = subprocess.run(
        command(folder, "--network", network, "--out", out, "--json", "--part-rows", 2, "--workers", 2),
        env=trap,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["errors"], summary["workers"]) == (6, 0, 2)
    assert summary["core_hours_for_a_billion"] == pytest.approx(summary["this_run"]["seconds"] / 6 * 1e9 / 3600)
    assert not (tmp_path / "torch was imported").exists()
    assert len(pd.read_parquet(out)) == 6


def test_summary_csv_and_status_1(shipped: Path, folder: Path, tmp_path: Path):
    (folder / "=3.png").write_text("none")
    arguments = ["classify", str(folder / "*"), "-n", "test/resnet18-xnor", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*arguments, "--workers", "1", "--top", "2", "--csv", str(tmp_path / "all.csv")])
    assert result.exit_code == 1
    first, second, *_ = result.stdout.splitlines()
    assert first == "7 rows, 1 with an error"
    assert second.startswith("7 pictures in ")
    assert "core-hours; a billion: " in result.stdout
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text("utf-8-sig"))))
    table = pd.read_parquet(tmp_path / "out")
    assert [row["path"] for row in rows] == table.path.tolist()
    assert rows[0]["label"] == table.label[0]
    assert json.loads(rows[0]["top"]) == list(table.top[0])
    assert (rows[-1]["label"], rows[-1]["top"]) == ("", "")
    assert rows[-1]["error"].startswith("it is not an image")
    result = CliRunner().invoke(app, [*arguments, "--top", "2"])
    assert (result.exit_code, result.stdout) == (1, "7 rows, 1 with an error\nnothing was left to do\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-here", "-n", "test/resnet18-xnor"], "source='nothing-here' must be a folder, a file or a pattern"),
        (["photos", "-n", "test/resnet18-xnr"], "did you mean test/resnet18-xnor"),
        (["s3://bucket/photos", "-n", "test/resnet18-xnor"], "is a bucket's address, which --engine ray reads"),
        (["photos", "-n", "test/resnet18-xnor", "--csv", "out/x.csv"], "must lie outside of --out"),
        (["photos", "-n", "test/resnet18-xnor", "--address", "auto"], "which the engine 'ray' alone uses"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    shipped: Path, folder: Path, tmp_path: Path, monkeypatch, arguments: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["classify", *arguments, "-o", "out"])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_goes_on_by_the_same_command(shipped: Path, folder: Path, tmp_path: Path, number: signal.Signals):
    out = tmp_path / "an out"
    (tmp_path / "list").write_text("\n".join(str(folder / f"{i % 6}.png") for i in range(3000)))
    network = shipped / "test/resnet18-xnor.safetensors"
    given = command(tmp_path / "list", "-n", network, "-o", out, "--part-rows", "50", "--workers", "1")
    with open(tmp_path / "said", "wb") as said:
        process = subprocess.Popen(given, stderr=said, stdout=subprocess.DEVNULL)
        end = time.monotonic() + WAIT_SECONDS
        while not list(out.glob("part-*")) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(number)
        status = process.wait(WAIT_SECONDS)
    said = (tmp_path / "said").read_text()
    if number == signal.SIGKILL:
        assert status == -number
    else:
        assert status == 128 + number
        assert f"xnorlab: ended by {number.name}; " in said
        assert " of 60 parts are written; to go on: xnorlab classify " in said
        assert shlex.split(said.partition("to go on: ")[2]) == ["xnorlab", *given[3:]]
    done = subprocess.run([*given, "--json"], capture_output=True, text=True)
    summary = json.loads(done.stdout)
    assert done.returncode == 0
    assert summary["rows"] == 3000
    assert summary["this_run"]["pictures"] < 3000
    table = pd.read_parquet(out)
    assert table.path.tolist() == (tmp_path / "list").read_text().splitlines()
    assert not table.error.notna().any()


def test_progress_tells_rate_and_time_left():
    assert progress_line(Progress(1000, 200, 0.0)) == "200 of 1,000, 0 a second"
    assert progress_line(Progress(1_000_000, 200_000, 400.0)) == "200,000 of 1,000,000, 400 a second, 33 min 20 s left"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (7260, "2 h 1 min"), (86400 * 30 + 3600, "30 d 1 h")],
)
def test_a_time_span_takes_two_units(seconds: float, text: str):
    assert clock_time(seconds) == text
