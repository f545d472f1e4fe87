"""Plain English: what docstrings begin with, which words names are made of, and one construction that nobody says."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = [path for top in ("xnorlab", "app") for path in (ROOT / top).rglob("*.py")]
FILES = [*PYTHON, *(ROOT / "notebooks").glob("*.py")]
FOLDERS = sorted({file.parent.relative_to(ROOT).as_posix() for file in FILES})
TEXTS = [*ROOT.glob("*.md"), *(ROOT / ".github").glob("*.md"), *(ROOT / "app").rglob("*.md")]
TEXTS += [path for path in (ROOT / "notebooks").iterdir() if path.suffix in (".md", ".ipynb")]

POINTS_ELSEWHERE = ("The same", "Of", "As", "Like")
"""A reader of a tooltip does not see what such a first line refers to."""

PRIVATE = {"room", "rooms", "house", "houses", "floors", "found", "met", "meeting", "bell", "aim", "aims"}
"""Words of this project's own, where the field has a term. (A floor is a function as well, so only its plural.)"""

COUNTED = "filter|network|layer|weight|pixel|epoch|channel|picture|photo|row|process|session|class"
A_FACTOR_A_FILTER = re.compile(rf"\b(?:one|an?|each) (?!of\b)\w+ an? (?:{COUNTED})\b", re.IGNORECASE)
"""Say "one factor per filter"."""

PARENTS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def files_in(folder: str) -> list[Path]:
    return sorted(file for file in FILES if file.parent == ROOT / folder)


def place(file: Path, line: int) -> str:
    return f"{file.relative_to(ROOT).as_posix()}:{line}"


def docstrings(file: Path) -> Iterator[tuple[int, str]]:
    """The line and the text of each docstring, those below an attribute or a constant included."""
    for parent in ast.walk(ast.parse(file.read_text("utf-8"))):
        for node in parent.body if isinstance(parent, PARENTS) else ():
            text = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else None
            if isinstance(text, str):
                yield node.lineno, text


def public_names(file: Path) -> Iterator[tuple[int, str]]:
    """The line and the name of the module, of each class and function, their arguments, and what stands beside them."""
    yield 1, file.stem
    for parent in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(parent, ast.arg):
            yield parent.lineno, parent.arg
        for node in parent.body if isinstance(parent, ast.Module | ast.ClassDef) else ():
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            for name in [*names, getattr(node, "name", None)]:
                if name is not None and not name.startswith("_"):
                    yield node.lineno, name


def words_of(name: str) -> set[str]:
    """`n_words`, `NetworkCost` → {n, words}, {network, cost}."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_docstring_begins_with_what_the_thing_is(folder: str):
    first_lines = [
        (place(file, line), text.partition("\n")[0]) for file in files_in(folder) for line, text in docstrings(file)
    ]
    poor = [f"{where}: {first}" for where, first in first_lines if not first.strip() or begins_elsewhere(first)]
    assert not poor, "\n".join(poor)


def begins_elsewhere(first: str) -> bool:
    return any(re.match(rf"{opening}\b", first) for opening in POINTS_ELSEWHERE)


@pytest.mark.parametrize("folder", FOLDERS)
def test_public_names_are_made_of_the_fields_words(folder: str):
    private = [
        f"{place(file, line)}: {name}"
        for file in files_in(folder)
        for line, name in public_names(file)
        if words_of(name) & PRIVATE
    ]
    assert not private, "\n".join(private)


def prose(file: Path) -> str:
    """A file's text, a paragraph on a line; of a notebook its sources, since its outputs follow from them."""
    text = file.read_text("utf-8")
    if file.suffix == ".ipynb":
        text = "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return re.sub(r" *\n *(?:# )?(?=\S)", " ", text)


@pytest.mark.parametrize("folder", [*FOLDERS, "texts"])
def test_nobody_says_a_factor_a_filter(folder: str):
    files = TEXTS if folder == "texts" else files_in(folder)
    said = [
        f"{file.relative_to(ROOT).as_posix()}: {phrase}"
        for file in files
        for phrase in A_FACTOR_A_FILTER.findall(prose(file))
    ]
    assert not said, "\n".join(said)
