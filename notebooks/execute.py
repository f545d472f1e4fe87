"""Execute notebooks from top to bottom in fresh kernels and save their outputs.

    python notebooks/execute.py                       all of them
    python notebooks/execute.py 01_binarize_a_filter  one, or several

Every figure is saved twice: as plotly's JSON, which Jupyter and VS Code draw, and as a PNG drawn by Chromium, for
places that show a notebook's file and run nothing. Controls need a kernel, so a file holds the figure below them alone.
"""

import argparse
import base64
import io
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

# jupyter_core warns until it is told which of two folder layouts to use; set before it is imported.
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

FOLDER = Path(__file__).resolve().parent
FIGURE, PICTURE, CONTROLS = "application/vnd.plotly.v1+json", "image/png", "application/vnd.jupyter.widget-view+json"
_SCALE = 1.5
"""Pixels of a saved picture per pixel of the figure."""


def names() -> list[str]:
    """The notebooks of this folder, without `.ipynb`, in order."""
    return sorted(path.stem for path in FOLDER.glob("[0-9]*.ipynb"))


class CellError(RuntimeError):
    """A cell failed or took too long; the message names its notebook and the cell."""


def run(
    name: str, *, more: Sequence[str] = (), folder: Path = FOLDER, timeout_seconds: int = 600
) -> nbformat.NotebookNode:
    """The notebook with the outputs of a fresh kernel; the file stays as it is.

    Args:
        name: one of `names()`.
        more: code of further cells, which run behind the notebook's own.
        folder: where the notebook lies and runs.
        timeout_seconds: the most that one cell may take.

    Raises:
        CellError: at the first cell that fails or takes too long.
    """
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in more]
    reached = 0

    def note_place(cell_index: int, **rest: object) -> None:
        nonlocal reached
        reached = cell_index

    client = NotebookClient(
        notebook,
        timeout=timeout_seconds,
        startup_timeout=timeout_seconds,  # a busy machine may take more than nbclient's minute
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,  # a new time of day in every cell would change the file at each run
        store_widget_state=False,
        coalesce_streams=True,  # else a slow kernel's text may come, and be stored, in several parts
        on_cell_start=note_place,
        # ipykernel warns that others on this machine could read along on its local port; errors still show.
        extra_arguments=["--log-level=ERROR"],
    )
    try:
        return client.execute()
    except (CellExecutionError, CellTimeoutError) as error:
        cell = f"cell {reached + 1} of {len(notebook.cells)}, {notebook.cells[reached].id!r}"
        raise CellError(f"notebooks/{name}.ipynb, {cell}: {error}") from error


def figures(notebook: nbformat.NotebookNode) -> list[dict]:
    """The MIME bundles of all figures of a notebook."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.data for output in outputs if FIGURE in output.get("data", {})]


def add_pictures(notebook: nbformat.NotebookNode, chromium: str) -> None:
    """Store a PNG beside the JSON of each figure, drawn by plotly's own script in headless Chromium."""
    from PIL import Image
    from playwright.sync_api import sync_playwright
    from plotly.offline import get_plotlyjs

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content("<html><body></body></html>")
        page.add_script_tag(content=get_plotlyjs())
        for bundle in figures(notebook):
            layout = bundle[FIGURE]["layout"]
            url = page.evaluate(
                "([figure, size]) => Plotly.toImage(figure, {format: 'png', ...size})",
                [bundle[FIGURE], {"width": layout["width"], "height": layout["height"], "scale": _SCALE}],
            )
            drawn = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
            # 128 colours are enough for flat charts and make the file a third as large.
            small = io.BytesIO()
            drawn.quantize(128, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
            bundle[PICTURE] = base64.b64encode(small.getvalue()).decode()
        browser.close()


def drop_controls(notebook: nbformat.NotebookNode) -> None:
    """Leave the figures alone where controls stood: they end with their kernel, and their names are new in each run."""
    for bundle in figures(notebook):
        bundle.pop(CONTROLS, None)


def main() -> None:
    """Run the notebooks that the command line names, draw their figures and save them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="notebooks without .ipynb; all where none is named")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        parser.error("needs chromium (or google-chrome) to draw the pictures")
    for name in arguments.names or names():
        started = time.perf_counter()
        notebook = run(name)
        add_pictures(notebook, chromium)
        drop_controls(notebook)
        path = FOLDER / f"{name}.ipynb"
        nbformat.write(notebook, path)
        print(f"{name}: {time.perf_counter() - started:.0f} s, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
