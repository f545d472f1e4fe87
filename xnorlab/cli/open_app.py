"""`xnorlab app`: the app in a browser, from a checkout or from an installed wheel."""

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

_PACKAGE = Path(__file__).resolve().parents[1]
PLACES = (_PACKAGE / "_app", _PACKAGE.parent / "app")
"""Where the app may lie: inside the installed package, or beside it in a checkout."""
ENTRY = "streamlit_app.py"


def folder() -> Path:
    """The folder of the app; raises ValueError where it is missing."""
    for place in PLACES:
        if (place / ENTRY).is_file():
            return place
    raise ValueError(
        f"there is no app: neither {' nor '.join(map(str, PLACES))} has a {ENTRY}; install xnorlab again or use a "
        "complete checkout"
    )


def open_app(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port; Streamlit's own choice without it.")
    ] = None,
) -> None:
    """Open the **app** in a browser: everything on pages, with your own photos and networks.

    Further options are passed on to Streamlit, see `streamlit run --help`.

    `xnorlab app --port 8600`

    `xnorlab app --server.headless true --server.address 0.0.0.0`
    """
    if find_spec("streamlit") is None:
        raise ModuleNotFoundError("No module named 'streamlit'", name="streamlit")
    options = [] if port is None else ["--server.port", str(port)]
    sys.argv = ["streamlit", "run", str(folder()), *options, *context.args]
    runpy.run_module("streamlit", run_name="__main__")
