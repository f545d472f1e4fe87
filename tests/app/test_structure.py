"""The app's parts: who may import whom, what stands in shared/, and that functions of pages take arguments."""

import ast
import symtable
from collections.abc import Iterator

import pytest
from app_pages import APP

VIEWS = sorted((APP / "views").glob("*/*.py"))
PAGE_FOLDERS = sorted(folder.name for folder in (APP / "views").iterdir() if (folder / "page.py").exists())
# These run where they stand, in order, and may read what is above them.
RUN_AT_ONCE = ("lambda", "genexpr", "listcomp", "dictcomp", "setcomp")
SHARED = sorted(file.stem for file in (APP / "shared").glob("*.py") if file.stem != "__init__")


def imports(file) -> set[str]:
    """Every module of the app that `file` imports, such as "shared.charts"; imports within functions count."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name and name.partition(".")[0] in ("shared", "views")}


def shared_modules(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("shared.")}


def results_read_by_functions(source: str) -> list[str]:
    """Every "function: variable" where a function reads a variable of its module; constants and types are none."""
    module = symtable.symtable(source, "a module", "exec")
    variables = {
        symbol.get_name()
        for symbol in module.get_symbols()
        if symbol.is_assigned()
        and not symbol.is_imported()
        and not symbol.is_namespace()
        and symbol.get_name().lstrip("_")[0].islower()
    }

    def within(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
        yield table
        for child in table.get_children():
            yield from within(child)

    return [
        f"{definition.get_name()}: {symbol.get_name()}"
        for definition in module.get_children()
        if definition.get_name() not in RUN_AT_ONCE
        for table in within(definition)
        for symbol in table.get_symbols()
        if symbol.is_global() and symbol.is_referenced() and symbol.get_name() in variables
    ]


def test_a_function_that_reads_a_result_of_the_page_is_told_from_one_that_reads_a_constant():
    source = "LIMIT = 3\nn = ask()\ndef show():\n    return [LIMIT * n for _ in range(2)]"
    assert results_read_by_functions(source) == ["show: n"]
    assert results_read_by_functions("n = ask()\ndef show(n):\n    return n\ntable = [n for _ in range(2)]") == []


@pytest.mark.parametrize("file", VIEWS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_functions_of_a_page_take_what_they_need_as_arguments(file):
    assert results_read_by_functions(file.read_text("utf-8")) == []


@pytest.mark.parametrize("file", VIEWS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_no_page_imports_another(file):
    others = [name for name in imports(file) if name.startswith("views.") and name.split(".")[1] != file.parent.name]
    assert others == []


def test_shared_parts_import_no_page():
    importers = [name for name in SHARED if any(i.startswith("views") for i in imports(APP / "shared" / f"{name}.py"))]
    assert importers == []


def test_a_shared_part_is_used_by_two_pages_or_by_the_frame_around_them():
    needs = {name: shared_modules(imports(APP / "shared" / f"{name}.py")) & set(SHARED) for name in SHARED}

    def with_needs(names: set[str]) -> set[str]:
        while more := set().union(*(needs[name] for name in names)) - names:
            names = names | more
        return names

    def used_by(*files) -> set[str]:
        return with_needs(shared_modules(set().union(*map(imports, files))) & set(SHARED))

    users = {folder: used_by(*(APP / "views" / folder).glob("*.py")) for folder in PAGE_FOLDERS}
    everywhere = used_by(APP / "streamlit_app.py")
    lonely = {
        name: pages
        for name in set(SHARED) - everywhere
        if len(pages := [folder for folder, used in users.items() if name in used]) < 2
    }
    assert lonely == {}


def test_only_one_module_caches_for_all_visitors():
    callers = [
        file.relative_to(APP).as_posix()
        for file in APP.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("cache_data", "cache_resource")
    ]
    assert set(callers) == {"shared/cached.py"}


def test_no_page_ends_by_streamlits_stop_behind_which_the_address_would_not_be_written():
    callers = [
        file.relative_to(APP).as_posix()
        for file in APP.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("st.stop", "st.query_params")
    ]
    assert set(callers) == {"shared/history.py"}
