"""The pages of the app as app/streamlit_app.py registers them, read without running it."""

import ast
from dataclasses import dataclass
from pathlib import Path

APP = Path(__file__).parents[1] / "app"


@dataclass(frozen=True)
class AppPage:
    """`file` is relative to app/, `path` the end of its address ("" for the first page), `title` what the menu says."""

    file: str
    title: str
    path: str


def _read() -> list[AppPage]:
    found = []
    for node in ast.walk(ast.parse((APP / "streamlit_app.py").read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "Page":
            file = ast.literal_eval(node.args[0])
            words = {k.arg: ast.literal_eval(k.value) for k in node.keywords if isinstance(k.value, ast.Constant)}
            found.append(AppPage(file, words["title"], "" if words.get("default") else words["url_path"]))
    return found


PAGES = _read()
