"""The floors hold: what may import what, and what importing a room brings in."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "torchvision", "lightning", "streamlit", "plotly", "openvino", "onnxruntime")


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
        "import xnorlab.images, xnorlab.pretrained, xnorlab.paper.cost_model",
    ],
)
def test_heavy_packages_stay_out(statement: str):
    assert loaded_by(statement, HEAVY) == []


def test_bare_import_is_free():
    assert loaded_by("import xnorlab", ("numpy", "numba", "PIL", "safetensors", "typer", *HEAVY)) == []


def test_command_line_starts_without_the_kernels():
    assert loaded_by("import xnorlab.cli", ("numba", "numpy")) == []


def test_rooms_and_names_are_there_on_demand():
    code = (
        "import xnorlab; assert {'load', 'names', 'runtime', 'models'} <= set(dir(xnorlab));"
        "assert xnorlab.runtime.Network is not None; assert callable(xnorlab.load)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    import xnorlab

    with pytest.raises(AttributeError, match="module 'xnorlab' has no attribute 'nothing'"):
        _ = xnorlab.nothing


def test_import_contracts_are_kept():
    """The floors as import-linter reads them from pyproject.toml, whole chains included."""
    command = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())",
    ]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
