"""An error of the user is one line; a bug is a traceback with a line that says where to report it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xnorlab import pretrained
from xnorlab.cli import BUG, app
from xnorlab.export import ExportError

PHOTO = Path(__file__).parents[2] / "app" / "samples" / "cat.jpg"

WITH_A_BUG = """
import sys
from xnorlab import pretrained
from xnorlab.cli import app

def broken(*_):
    {raises}

pretrained.load = broken
app(["predict", sys.argv[1]])
"""


@pytest.mark.parametrize(
    ("raises", "last"),
    [
        ("raise TypeError('a bug')", "TypeError: a bug"),
        ("raise RuntimeError('a bug')", "RuntimeError: a bug"),
        ("import nobody_has_this", "ModuleNotFoundError: No module named 'nobody_has_this'"),
    ],
)
def test_a_bug_ends_in_its_traceback_and_one_line_that_says_where_to_report_it(raises: str, last: str):
    code = WITH_A_BUG.format(raises=raises)
    done = subprocess.run([sys.executable, "-c", code, str(PHOTO)], capture_output=True, text=True)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2:] == [last, BUG]
    assert "xnorlab --version" in BUG


def test_a_mistake_and_a_version_say_nothing_about_bugs():
    for arguments in (["names", "--no-such-option"], ["bench", "conv", "64"], ["--version"], ["zoo"]):
        assert "bug" not in CliRunner().invoke(app, arguments).output


def test_an_error_of_several_lines_keeps_them_and_no_others(monkeypatch: pytest.MonkeyPatch):
    def refuse(name: str) -> None:
        error = ExportError("cannot be\npacked", node="act (GELU)", source="net.py:3: self.act(x)", advice="a ReLU")
        error.meanwhile = "accelerate"
        raise error

    monkeypatch.setattr(pretrained, "load", refuse)
    result = CliRunner().invoke(app, ["predict", str(PHOTO)])
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        r"xnorlab: act (GELU): cannot be\npacked",
        "xnorlab: at: net.py:3: self.act(x)",
        "xnorlab: instead: a ReLU",
        "xnorlab: meanwhile: accelerate",
    ]


@pytest.mark.parametrize("command", [["predict", str(PHOTO)], ["bench", "conv", "64@6", "--repeats", "1"]])
def test_without_numbas_compiler_every_kernel_ends_in_one_sentence(command: list[str]):
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    run = [sys.executable, "-m", "xnorlab", *command]
    done = subprocess.run(run, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "xnorlab: xnorlab's kernels need Numba's compiler, which is switched off: unset the environment variable "
        "NUMBA_DISABLE_JIT\n"
    )
