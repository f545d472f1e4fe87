"""`xnorlab teach` writes one file that `xnorlab predict` runs, and says how good it is."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from xnorlab.cli import app

COLOURS = {"brick": (200, 60, 40), "deep sea": (40, 80, 200)}


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (tmp_path / "photos" / label).mkdir(parents=True)
        for i in range(5):
            pixels = np.clip(rng.normal(colour, 40, (80, 90, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{i}.png")
    return tmp_path / "photos"


def test_it_teaches_and_the_file_answers(shipped, photos, tmp_path):
    (photos / "brick" / "bad\n.jpg").write_bytes(b"no pixels")
    out = tmp_path / "mine.safetensors"
    result = run("teach", photos, "--from", "test/resnet18-xnor", "--out", out)
    assert result.exit_code == 0
    assert "Cross-validated accuracy: 100.0 ± " in result.stdout
    assert "(chance: 50.0 %)" in result.stdout
    assert f"runtime.Network.open({str(out)!r})" in result.stdout
    assert result.stderr.count("\n") == 1
    assert "bad\\n.jpg is not an image" in result.stderr
    answer = json.loads(run("predict", photos / "deep sea" / "0.png", "--model", out, "--json").stdout)[0]
    assert answer["answers"][str(out)][0]["label"] == "deep sea"


def test_its_json_has_the_confusion_and_the_mistakes(shipped, photos, tmp_path):
    (photos / "brick" / "0.png").rename(photos / "deep sea" / "a brick.png")
    report = json.loads(run("teach", photos, "--out", tmp_path / "mine.safetensors", "--json").stdout)
    assert report["photos"] == {"brick": 4, "deep sea": 6}
    assert report["confusion"] == [[4, 0], [1, 5]]
    (mistake,) = report["wrong"]
    assert mistake["photo"].endswith("a brick.png")
    assert mistake["answer"] == "brick"
    assert report["from"] == "test/resnet18-xnor"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere' is not a folder"),
        (["photos/brick"], "has 0 class folders; at least 2 are needed"),
        (["photos", "--from", "test/resnet18-xnr"], "did you mean test/resnet18-xnor"),
        (["photos", "--out", "photos"], "photos: is a folder"),
    ],
)
def test_what_cannot_be_taught_is_one_line(shipped, photos, monkeypatch, arguments, message):
    monkeypatch.chdir(photos.parent)
    result = run("teach", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (photos.parent / "mine.safetensors").exists()


def test_all_networks_are_measured_on_new_classes(shipped, photos):
    result = run("zoo", "teach", "--data", photos, "--classes", 2, "--photos", 3, "--draws", 2, "--record")
    assert result.exit_code == 0
    assert "test/resnet18-xnor: 100.0% ± 0.0%" in result.stderr
    assert "2 new classes, 3 photos of each: accuracy over 2 draws" in result.stdout
    small = ["--classes", 2, "--photos", 3, "--json"]
    report = json.loads(run("zoo", "teach", "--data", photos, "--only", "test/resnet18-xnor", *small).stdout)
    assert [network["name"] for network in report["networks"]] == ["test/resnet18-xnor"]
    assert report["protocol"]["draws"] == 100
    (shipped / "novel-classes.json").unlink()
