"""The house is tidy: ruff, its formatter and pyright agree, and no test is left out for want of a package."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "format", "--check"], ["pyright", "--pythonpath", sys.executable]],
    ids=["ruff check", "ruff format", "pyright"],
)
def test_nothing_to_complain_about(command: list[str]):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def extra(name: str) -> set[str]:
    """What `pip install xnorlab[name]` adds, extras that it names included."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    found = set()
    for requirement in extras[name]:
        if (own := re.fullmatch(r"xnorlab\[(.+)\]", requirement)) is not None:
            found.update(*(extra(part.strip()) for part in own[1].split(",")))
        else:
            found.add(requirement)
    return found


@pytest.mark.parametrize("name", ["train", "teach", "app", "peers"])
def test_the_readmes_test_command_installs_all_that_tests_need(name: str):
    assert extra(name) <= extra("test")


def test_no_test_is_skipped_for_want_of_a_package():
    skip = "import" + "orskip"
    assert [str(file) for file in (ROOT / "tests").rglob("*.py") if skip in file.read_text("utf-8")] == []
