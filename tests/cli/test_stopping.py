"""What a signal leaves: the exit status that shells expect, and a line that says how to go on."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from xnorlab.cli import app
from xnorlab.training import recipes

SMALL = [
    *("--model", "resnet18", "--model-option", "width=8", "--model-option", "stem=cifar", "--epochs", "500"),
    *("--batch-size", "4", "--resize", "18", "--eval-size", "16", "--train-size", "16"),
]
WAIT_SECONDS = 400


@pytest.fixture(scope="module")
def lamps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, dark and bright, of four pictures in each split."""
    folder = tmp_path_factory.mktemp("data") / "lamps"
    for split in ("train", "val"):
        for level, label in ((20, "off"), (200, "on")):
            (folder / split / label).mkdir(parents=True)
            for i in range(4):
                Image.fromarray(np.full((20, 20, 3), level + i, np.uint8)).save(folder / split / label / f"{i}.png")
    return folder


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_training_with_its_status_and_the_command_to_go_on(
    number: signal.Signals, lamps: Path, tmp_path: Path
):
    out, cache = tmp_path / "a run", ["--cache-folder", str(tmp_path / "cache"), "--accelerator", "cpu"]
    command = [sys.executable, "-m", "xnorlab", "train", str(lamps), *SMALL, "--out", str(out), *cache]
    with open(tmp_path / "said", "wb") as said:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=said, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        end = time.monotonic() + WAIT_SECONDS
        while not (out / "last.ckpt").exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        process.send_signal(number)
        status = process.wait(WAIT_SECONDS)
    assert status == 128 + number
    last = (tmp_path / "said").read_text().splitlines()[-1]
    assert last.startswith(f"xnorlab: ended by {number.name}; epoch")
    assert f"of 500 is safe in {out}/last.ckpt; to go on: " in last or "are safe in" in last
    words = shlex.split(last.partition("to go on: ")[2])
    # "--cache-folder" and "--accelerator" are no part of the recipe; all else comes from the checkpoint
    assert words[:6] == ["xnorlab", "train", str(lamps), "--out", str(out), "--resume"]
    assert sorted(words[6:]) == sorted(cache)


def test_the_command_to_go_on_is_a_command(lamps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Options beside the recipe are said again, and the line is taken as it was printed."""
    out = tmp_path / "run"
    got: list[dict] = []

    def train(data, recipe, folder, **options):
        got.append(options)
        folder.mkdir(exist_ok=True)
        (folder / "last.ckpt").touch()
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("xnorlab.training.run.train", train)
    beside = ["--devices", "2", "--workers", "3", "--evaluate-every", "5", "--stop-after", "7", "--nodes", "1"]
    result = CliRunner().invoke(app, ["train", str(lamps), *SMALL, "--out", str(out), *beside])
    assert result.exit_code == 128 + signal.SIGTERM
    words = shlex.split(result.stderr.splitlines()[-1].partition("to go on: ")[2])
    result = CliRunner().invoke(app, [*words[1:], "--precision", "32-true"])
    assert result.exit_code == 128 + signal.SIGTERM
    assert result.stderr.count(" --precision 32-true") == 1
    same = ("devices", "workers", "evaluate_every", "stop_after", "nodes", "runs", "cache_folder", "accelerator")
    assert [got[0][name] for name in same] == [got[1][name] for name in same]
    assert (got[0]["resume"], got[1]["resume"], got[1]["precision"]) == (False, True, "32-true")


@pytest.mark.parametrize("command", [["zoo", "train"], ["ablate", "run", "order"]])
def test_a_signal_ends_many_trainings_alike(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lamps: Path
):
    def train_all(recipes, data, out, *, begin, **options):
        begin(next(iter(recipes)))
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(recipes, "train_all", train_all)
    monkeypatch.setattr("xnorlab.training.ablations.train_all", train_all)
    monkeypatch.setattr("xnorlab.training.ablations.find", lambda dataset, data: None)
    monkeypatch.setattr(sys, "argv", ["xnorlab", *command, "--data", "my photos"])
    result = CliRunner().invoke(app, [*command, "--data", str(lamps), "--out", str(tmp_path)])
    assert result.exit_code == 128 + signal.SIGTERM
    again = shlex.join(sys.argv)
    assert result.stderr.splitlines()[-1] == f"xnorlab: ended by SIGTERM; no epoch is kept; to go on: {again}"


def test_handlers_of_before_come_back(tmp_path: Path, lamps: Path, monkeypatch: pytest.MonkeyPatch):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    monkeypatch.setattr("xnorlab.training.run.train", lambda *given, **options: 1 / 0)
    result = CliRunner().invoke(app, ["train", str(lamps), *SMALL, "--out", str(tmp_path / "run")])
    assert isinstance(result.exception, ZeroDivisionError)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
