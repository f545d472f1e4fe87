"""Every notebook runs from top to bottom in a fresh kernel, and the file shows what a run shows."""

import base64
import importlib.util
import re
from pathlib import Path

import nbformat
import pytest
from notebook_answers import ANSWERS, CONTROLS

from xnorlab import verdicts

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
MAX_BYTES, MAX_PICTURE_BYTES = 600 * 1024, 64 * 1024
EXERCISES = (1, 2, 3)
UNANSWERED = "Not answered yet.\n"


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
    extra = {execute.PICTURE, execute.CONTROLS}
    return [
        output.name if output.output_type == "stream" else sorted({*output.data} - extra) for output in cell.outputs
    ]


def code_of(notebook, cell_id):
    return next(cell.source for cell in notebook.cells if cell.id == cell_id)


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def trials(notebook, name):
    """Pairs: code that answers an exercise and checks the answer, and a part of what the check must print."""
    for number, answers in zip(EXERCISES, ANSWERS[name], strict=True):
        check = code_of(notebook, f"check-{number}")
        yield f"{answers.right}\n{check}", "Right"
        yield from ((f"{wrong}\n{check}", hint) for wrong, hint in answers.wrong.items())


@pytest.fixture(scope="module", params=NAMES)
def committed(request):
    return nbformat.read(NOTEBOOKS / f"{request.param}.ipynb", as_version=4)


def test_there_are_notebooks_and_the_table_of_the_readme_lists_each():
    assert NAMES
    readme = (NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    listed = [line.partition("(")[2].partition(".ipynb)")[0] for line in readme.splitlines() if ".ipynb)" in line]
    assert listed == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_shows_what_its_file_shows_checks_answers_and_follows_its_controls(name):
    committed = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    tried = list(trials(committed, name))
    more = [code for code, _ in tried] + ([CONTROLS[name]] if name in CONTROLS else [])
    executed = code_cells(execute.run(name, more=more))  # raises at the first cell that fails
    own = len(executed) - len(more)
    assert [kinds(cell) for cell in executed[:own]] == [kinds(cell) for cell in code_cells(committed)]
    for (code, expected), cell in zip(tried, executed[own:], strict=False):
        text = printed(cell)
        assert expected in text, code
        assert text.startswith("Right" if expected == "Right" else "Not yet"), code


def test_a_cell_that_fails_is_named_with_its_notebook(tmp_path):
    cells = [nbformat.v4.new_code_cell(code, id=name) for name, code in (("good", "x = 1"), ("bad", "x / 0"))]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "07_broken.ipynb")
    with pytest.raises(execute.CellError, match=r"07_broken\.ipynb, cell 2 of 2, 'bad': (.|\n)*ZeroDivisionError"):
        execute.run("07_broken", folder=tmp_path)


def test_a_notebook_opens_with_what_it_needs_and_gives_and_where_else_to_look(committed):
    opening = committed.cells[0].source
    rows = ("you need", "afterwards you can", "code that is explained", "in the app")
    assert all(f"| {row} |" in opening for row in rows)
    pages = re.findall(r"http://localhost:8501/([\w-]+)", opening)
    known = re.findall(r'url_path="([\w-]+)"', (ROOT / "app" / "streamlit_app.py").read_text("utf-8"))
    assert pages
    assert set(pages) <= set(known)


def test_what_a_notebook_links_to_exists(committed):
    text = "\n".join(cell.source for cell in committed.cells if cell.cell_type == "markdown")
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not target.startswith("http")]
    assert any(target.startswith("../xnorlab/") for target in targets)
    assert [target for target in targets if not (NOTEBOOKS / target).exists()] == []


def test_the_first_cell_says_how_to_install_what_is_missing(committed, monkeypatch):
    first = code_cells(committed)[0].source
    exec(first, {})
    used = {
        found for cell in code_cells(committed) for found in re.findall(r"^(?:import|from) (\w+)", cell.source, re.M)
    }
    for package in used & {"xnorlab", "torch", "plotly", "ipywidgets"}:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=package: None if name == package else 1)
        with pytest.raises(ModuleNotFoundError, match=rf'lacks {package}\. .*%pip install -e "\.\.\[notebooks\]"'):
            exec(first, {})


def test_a_notebook_ends_with_three_exercises_that_are_checked_and_not_answered_yet(committed):
    ids = [f"{part}-{number}" for number in EXERCISES for part in ("ask", "exercise", "check")]
    assert [cell.id for cell in committed.cells[-len(ids) :]] == ids
    checks = [cell for cell in code_cells(committed) if cell.id.startswith("check-")]
    assert [printed(cell) for cell in checks] == [UNANSWERED] * len(EXERCISES)


def test_nothing_of_the_machine_that_ran_a_notebook_stands_in_its_file(committed):
    private = r"(?<![\w.])/(?:home|root|work|tmp|usr|opt)/|[A-Z]:\\\\|site-packages|pypi|pip\.conf|\w@\w+\.\w+"
    texts = [cell.source for cell in committed.cells]
    for output in (output for cell in code_cells(committed) for output in cell.outputs):
        texts += [output.text] if output.output_type == "stream" else []
        texts += [str(part) for kind, part in output.get("data", {}).items() if kind != execute.PICTURE]
    assert [found.group() for text in texts for found in re.finditer(private, text)] == []


def test_controls_are_pictures_in_the_file_and_need_no_widget_state(committed):
    assert "widgets" not in committed.metadata
    outputs = [output for cell in code_cells(committed) for output in cell.outputs]
    assert all(execute.CONTROLS not in output.get("data", {}) for output in outputs)
    live = [cell for cell in code_cells(committed) if re.search(r"^live\(", cell.source, re.M)]
    assert all(execute.PICTURE in cell.outputs[-1].data for cell in live)
    assert all(cell.outputs[-1].data["text/plain"] == "Run this cell to use its controls." for cell in live)


@pytest.mark.parametrize("name", CONTROLS)
def test_the_notebooks_with_controls_have_some(name):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert any(re.search(r"^live\(", cell.source, re.M) for cell in code_cells(notebook))


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
    pictures = [base64.b64decode(figure[execute.PICTURE]) for figure in figures]  # KeyError: one has no picture
    assert all(picture.startswith(b"\x89PNG") and len(picture) < MAX_PICTURE_BYTES for picture in pictures)


def test_the_notebook_on_costs_shows_the_verdicts_of_today():
    committed = nbformat.read(NOTEBOOKS / "02_what_a_bit_costs.ipynb", as_version=4)
    outputs = [output.get("data", {}) for cell in code_cells(committed) for output in cell.outputs]
    shown = [data.get("text/markdown") for data in outputs]
    assert verdicts.markdown(verdicts.load()) in shown, "run `python notebooks/execute.py 02_what_a_bit_costs`"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_stays_small(name):
    assert (NOTEBOOKS / f"{name}.ipynb").stat().st_size < MAX_BYTES
