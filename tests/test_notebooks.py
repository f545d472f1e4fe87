"""Every notebook runs from top to bottom in a fresh kernel, and the file shows what a run shows."""

import importlib.util
from pathlib import Path

import nbformat
import pytest

from xnorlab import verdicts

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
MAX_BYTES = 600 * 1024


def load_execute():
    """The script notebooks/execute.py as a module; the folder is no package."""
    spec = importlib.util.spec_from_file_location("execute", NOTEBOOKS / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


execute = load_execute()
NAMES = execute.names()


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell):
    """What a cell shows, as kinds: streams by name, results by their MIME types; the PNG of a figure is extra."""
    return [
        output.name if output.output_type == "stream" else sorted({*output.data} - {execute.PICTURE})
        for output in cell.outputs
    ]


@pytest.fixture(scope="module", params=NAMES)
def committed(request):
    return nbformat.read(NOTEBOOKS / f"{request.param}.ipynb", as_version=4)


def test_there_are_notebooks_and_the_table_of_the_readme_lists_each():
    assert NAMES
    readme = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    listed = [line.partition("(")[2].partition(".ipynb)")[0] for line in readme.splitlines() if ".ipynb)" in line]
    assert listed == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_and_shows_what_its_file_shows(name):
    committed = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    executed = execute.run(name)  # raises at the first cell that fails
    assert [kinds(cell) for cell in code_cells(executed)] == [kinds(cell) for cell in code_cells(committed)]


def test_committed_cells_were_run_in_order_without_errors_or_warnings(committed):
    nbformat.validate(committed)
    cells = code_cells(committed)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert all(output.output_type != "error" and output.get("name") != "stderr" for output in outputs)


def test_every_committed_figure_has_a_picture_for_places_that_run_nothing(committed):
    figures = execute.figures(committed)
    assert figures
    assert all(execute.PICTURE in figure for figure in figures)


def test_the_notebook_on_costs_shows_the_verdicts_of_today():
    committed = nbformat.read(NOTEBOOKS / "02_what_a_bit_costs.ipynb", as_version=4)
    outputs = [output.get("data", {}) for cell in code_cells(committed) for output in cell.outputs]
    shown = [data.get("text/markdown") for data in outputs]
    assert verdicts.markdown(verdicts.load()) in shown, "run `python notebooks/execute.py 02_what_a_bit_costs`"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_stays_small(name):
    assert (NOTEBOOKS / f"{name}.ipynb").stat().st_size < MAX_BYTES
