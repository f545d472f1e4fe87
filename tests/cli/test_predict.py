"""`xnorlab predict` labels the photos that it can read, says why about the others, and never imports torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from xnorlab import pretrained
from xnorlab.cli import app
from xnorlab.cli.compiling import NOTE, compiling_on_stderr
from xnorlab.images import open_image
from xnorlab.kernels.jit import kernel
from xnorlab.runtime import Network, UnknownRule

LABELS = {"cat", "coffee", "golf ball"}


@pytest.fixture(scope="module", autouse=True)
def compiled(small_networks: Path) -> None:
    """Has the kernels compiled, so that stderr holds what a test is about."""
    for scheme in ("xnor", "float"):
        network = Network.open(small_networks / f"test/resnet18-{scheme}.safetensors")
        network.predict([np.zeros((64, 64, 3), np.uint8)])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "фото 1.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 80, 3), np.uint8)).save(path)
    return path


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_answers_are_the_networks(shipped: Path, photo: Path):
    result = run("predict", photo, "--json", "--top", 2)
    assert result.exit_code == 0
    assert result.stderr == ""
    (answer,) = json.loads(result.stdout)
    expected = pretrained.load("test/resnet18-xnor").predict([open_image(photo)], top=2)[0]
    assert answer["photo"] == str(photo)
    assert answer["answers"] == {
        "test/resnet18-xnor": [{"label": p.label, "probability": p.probability, "index": p.index} for p in expected]
    }


def test_table_names_photo_labels_and_schemes(shipped: Path, photo: Path):
    result = run("predict", photo, "--scheme", "float", "--scheme", "xnor")
    assert result.exit_code == 0
    assert photo.name in result.stdout
    assert result.stdout.index("test/resnet18-float") < result.stdout.index("test/resnet18-xnor")
    assert all(result.stdout.count(label) == 2 for label in LABELS)


def test_networks_by_name_by_file_and_by_scheme(shipped: Path, photo: Path):
    file = shipped / "test/resnet18-float.safetensors"
    result = run("predict", photo, "--json", "-m", file, "-m", "test/resnet18-float", "-s", "xnor")
    answers = json.loads(result.stdout)[0]["answers"]
    assert list(answers) == [str(file), "test/resnet18-float", "test/resnet18-xnor"]
    assert answers[str(file)] == answers["test/resnet18-float"]


def test_bad_photos_get_their_sentence_and_the_others_their_answer(shipped: Path, photo: Path, tmp_path: Path):
    text = tmp_path / "not\nan image.jpg"
    text.write_text("words")
    result = run("predict", text, photo, tmp_path / "none.jpg", "--json")
    assert result.exit_code == 1
    refused, answered, missing = json.loads(result.stdout)
    assert set(answered["answers"]) == {"test/resnet18-xnor"}
    assert "/not\\nan image.jpg is not an image in a format that" in refused["error"]
    assert result.stderr.splitlines() == [f"xnorlab: {refused['error']}", f"xnorlab: {missing['error']}"]
    assert run("predict", photo, text).exit_code == 1


def test_a_photo_of_no_class_is_told(shipped: Path, photo: Path, tmp_path: Path):
    network = pretrained.load("test/resnet18-xnor")
    for threshold, refused in ((1e6, True), (-1e6, False)):
        network.unknown = UnknownRule("energy", 1.0, threshold)
        file = tmp_path / "calibrated.safetensors"
        network.save(file)
        assert ("None of its 3 classes, perhaps. The nearest:" in run("predict", photo, "-m", file).stdout) == refused
        (told,) = json.loads(run("predict", photo, "-m", file, "-m", "test/resnet18-xnor", "--json").stdout)
        score = network.predict([open_image(photo)])[0].unknown_score
        rule = {"score": "energy", "temperature": 1.0, "threshold": threshold}
        assert told["unknown"] == {str(file): rule | {"value": score, "is_unknown": refused}}
        assert len(told["answers"][str(file)]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "test/resnet18-xnr"], "did you mean test/resnet18-xnor"),
        (["--scheme", "xnr"], "did you mean test/resnet18-xnor"),
        (["--model", "no/such.safetensors"], "no/such.safetensors: does not exist"),
    ],
)
def test_wrong_network_is_one_line_and_exit_code_2(shipped: Path, photo: Path, arguments: list[str], message: str):
    result = run("predict", photo, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert result.stderr.startswith("xnorlab: ")
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_no_network_is_refused_in_one_line(shipped: Path, photo: Path):
    result = run("predict", photo, "--model", photo)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_torch_is_never_imported(shipped: Path, photo: Path):
    file = shipped / "test/resnet18-xnor.safetensors"
    code = (
        "import sys; from xnorlab.cli import app; app(sys.argv[1:], standalone_mode=False);"
        "print([name for name in ('torch', 'torchvision', 'streamlit', 'plotly') if name in sys.modules])"
    )
    command = [sys.executable, "-W", "error", "-c", code, "predict", str(photo), "--model", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "%" in done.stdout


def test_names_and_labels_from_outside_stay_on_their_lines(shipped: Path, photo: Path, tmp_path: Path):
    network = pretrained.load("test/resnet18-xnor")
    network.labels = ("cat\nxnorlab: no error", "\x1b[2Jcoffee", "golf ball")
    packed, odd = tmp_path / "a\nb.safetensors", tmp_path / "photo\n1.png"
    network.save(packed)
    photo.rename(odd)
    result = run("predict", odd, "--model", packed, "--model", "test/resnet18-float")
    assert result.exit_code == 0
    first, name, *answers = result.stdout.splitlines()
    assert first == f"{tmp_path}/photo\\n1.png"
    assert name == f"  {tmp_path}/a\\nb.safetensors"
    assert {line[11:].rstrip("█ ") for line in answers[:3]} == {
        "cat\\nxnorlab: no error",
        "\\x1b[2Jcoffee",
        "golf ball",
    }
    assert json.loads(run("predict", odd, "--model", packed, "--json").stdout)[0]["photo"] == str(odd)


@pytest.mark.parametrize("terminal", [False, True])
def test_one_line_says_that_kernels_are_compiled(
    terminal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    for printed in (f"xnorlab: {NOTE}\n", ""):

        @kernel
        def one(x):
            x[0] = 1.0

        @kernel
        def two(x):
            x[0] = 2.0

        with compiling_on_stderr():
            one(x := np.zeros(1))
            two(x)
        assert x[0] == 2
        counted = f"\rxnorlab: {NOTE}: 1\rxnorlab: {NOTE}: 2\n"
        assert capsys.readouterr().err == (counted if terminal and printed else printed)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_names_that_a_terminal_cannot_show_do_not_end_the_command(
    shipped: Path, photo: Path, tmp_path: Path, encoding: str
):
    odd = os.fsencode(tmp_path) + b"/\xff\xd1.png"
    os.link(photo, odd)
    file = shipped / "test/resnet18-xnor.safetensors"
    command = [sys.executable, "-m", "xnorlab", "predict", os.fsencode(photo), odd, b"--model", os.fsencode(file)]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    for extra in ([], [b"--json"]):
        done = subprocess.run([*command, *extra], capture_output=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert rb"\udcff" in done.stdout
    (_, answered) = json.loads(done.stdout)
    assert answered["photo"].endswith("\udcff\udcd1.png")
