"""The size and shape budget: files and functions that fit in a head, and a first line that says what a file owns."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.project import ROOT, ROOTS, files_of_tests, product_files, shown

FILE_LINES, TEST_FILE_LINES, ROOT_LINES = 400, 500, 120
FUNCTION_LINES, STORY_LINES = 40, 60
MIGRATIONS = ROOT / "store" / "migrations"  # a table is as long as it has columns


def test_no_file_is_longer_than_its_ceiling() -> None:
    ceilings = [(path, FILE_LINES) for path in product_files()] + [(path, TEST_FILE_LINES) for path in files_of_tests()]
    too_long = {shown(path): lines for path, ceiling in ceilings if (lines := _lines(path)) > ceiling}
    assert too_long == {}


@pytest.mark.parametrize("name", ROOTS)
def test_a_composition_root_only_wires(name: str) -> None:
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{name} is not there yet")
    assert _lines(path) < ROOT_LINES


def test_no_function_is_longer_than_its_ceiling() -> None:
    """40 lines, and 60 for a workflow's `run`, which tells the whole story."""
    files = [path for path in product_files() if not path.is_relative_to(MIGRATIONS)]
    too_long = {
        f"{shown(path)}:{function.name}": length
        for path in files
        for function in _functions(path)
        if (length := _length(function)) > _ceiling(path, function)
    }
    assert too_long == {}


def test_every_file_says_in_its_first_line_what_it_owns() -> None:
    silent = [shown(path) for path in product_files() if (text := path.read_text()).strip() and not _docstring(text)]
    assert silent == []


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert [shown(path) for path in product_files() if path.stem in drawers or path.parent.name in drawers] == []


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _docstring(text: str) -> str | None:
    return ast.get_docstring(ast.parse(text))


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _ceiling(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    is_story = path.parent.name == "workflows" and function.name == "run"
    return STORY_LINES if is_story else FUNCTION_LINES
