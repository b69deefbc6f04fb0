"""The project speaks of itself alone: no place on somebody's machine, no registry host, no floats for money."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.project import ROOT, product_files, shown, tracked_files

# The words are put together here, so that this file does not hold them.
MACHINE_PLACES = re.compile(r"(?<![\w.:/}\])-])/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me")) + r")/\w")
REGISTRY_HOSTS = re.compile(
    "|".join(
        re.escape(host)
        for host in ("py" + "pi.org", "python" + "hosted.org", "registry.npm" + "js.org", "index.cra" + "tes.io")
    )
)


def _holding(pattern: re.Pattern[str]) -> list[str]:
    return [shown(path) for path in tracked_files() if pattern.search(_text(path))]


def _text(path: Path) -> str:
    """The text of a file; a file that is no text holds no words."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_file_names_a_place_on_one_machine() -> None:
    assert _holding(MACHINE_PLACES) == []


def test_no_file_names_a_package_registry() -> None:
    """Lock files carry versions and hashes, never addresses."""
    assert _holding(REGISTRY_HOSTS) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see /" + "work/main", True),
        ('"/' + 'home/dana/x"', True),
        ("https://example.test/" + "work/1", False),
        ("{base}/" + "home/x", False),
    ],
)
def test_a_place_is_told_from_a_web_address(text: str, found: bool) -> None:
    assert bool(MACHINE_PLACES.search(text)) == found


def test_no_code_is_left_for_later() -> None:
    marks = re.compile("#.*\\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + ")\\b")
    assert [shown(path) for path in tracked_files() if path.suffix == ".py" and marks.search(_text(path))] == []


def test_the_domain_has_no_clock_and_no_float() -> None:
    """Decisions are pure: what they depend on is handed in, and numbers are exact."""
    slips = [
        f"{shown(path)}: {ast.unparse(node)}"
        for path in product_files()
        if path.parent == ROOT / "domain"
        for node in ast.walk(ast.parse(path.read_text()))
        if _reads_clock(node) or _is_float(node)
    ]
    assert slips == []


def _reads_clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today", "monotonic", "time_ns"}


def _is_float(node: ast.AST) -> bool:
    literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
    call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
    return literal or call
