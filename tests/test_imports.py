"""Which package may import which, and what importing one brings in."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import xnorlab

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "torchvision", "lightning", "streamlit", "plotly", "openvino", "onnxruntime", "sklearn")


def loaded_by(statement: str, candidates: tuple[str, ...]) -> list[str]:
    """Which of `candidates` are imported in a new process that runs `statement`."""
    code = f"import sys; {statement}; print(*(name for name in {candidates!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import xnorlab",
        "import xnorlab.runtime",
        "import xnorlab.kernels",
        "import xnorlab.benchmark",
        "import xnorlab.peers",
        "import xnorlab.cli",
        "import xnorlab.images, xnorlab.preprocessing, xnorlab.pretrained, xnorlab.paper.published",
        "import xnorlab.zoo, xnorlab.zoo.manifest, xnorlab.zoo.files, xnorlab.zoo.history, xnorlab.zoo.cost",
        "import xnorlab.teach, xnorlab.teach.folder, xnorlab.teach.novel_classes",
        "import xnorlab.verdicts",
        "import xnorlab.classify",
    ],
)
def test_heavy_packages_stay_out(statement: str):
    assert loaded_by(statement, HEAVY) == []


def test_bare_import_is_free():
    assert loaded_by("import xnorlab", ("numpy", "numba", "PIL", "safetensors", "typer", *HEAVY)) == []


def test_command_line_starts_without_the_kernels():
    assert loaded_by("import xnorlab.cli", ("numba", "numpy")) == []


def test_packages_and_names_are_there_on_demand():
    code = (
        "import xnorlab; assert {'load', 'names', 'runtime', 'models'} <= set(dir(xnorlab));"
        "assert xnorlab.runtime.Network is not None; assert callable(xnorlab.load)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="module 'xnorlab' has no attribute 'nothing'"):
        _ = xnorlab.nothing


def test_import_contracts_are_kept():
    """The contracts as import-linter reads them from pyproject.toml, whole chains included."""
    command = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())",
    ]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]


def rows_of_the_map() -> list[dict[str, str]]:
    """Each row of the map in xnorlab/__init__.py: package → what is said of it."""
    assert xnorlab.__doc__ is not None
    drawn = xnorlab.__doc__.partition("base install.\n")[2].partition("\nImporting")[0]
    return [dict(re.findall(r"^    (\w+) +(.*)$", row, re.MULTILINE)) for row in drawn.strip("\n").split("\n\n")]


def test_the_map_shows_the_contracts_and_every_package():
    (layers,) = (contract for contract in CONTRACTS if contract["type"] == "layers")
    assert [set(row) for row in rows_of_the_map()] == [set(layer.split(" | ")) for layer in layers["layers"]]
    assert layers["exhaustive"]
    package = Path(xnorlab.__file__).parent
    there = {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    assert there - {"__init__", "__main__"} == {name for row in rows_of_the_map() for name in row}


def test_packages_of_the_base_install_are_held_to_it():
    (base,) = (contract for contract in CONTRACTS if "base install" in contract["name"])
    said = {name: text for row in rows_of_the_map() for name, text in row.items()}
    plain = {f"xnorlab.{name}" for name, text in said.items() if not re.search(r"\((torch|plotly)\b", text)}
    assert plain == set(base["source_modules"])
    assert set(dir(xnorlab)) >= {name for name, text in said.items() if "(torch)" in text}
