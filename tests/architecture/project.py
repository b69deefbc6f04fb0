"""The project's files as the rules of this folder see them: what is, or would be, under version control."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_PRODUCT = {"tests", "bench"}
ROOTS = ("worker.py", "cli.py")


@cache
def pyproject() -> dict[str, Any]:
    """The project's settings."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def tracked_files() -> tuple[Path, ...]:
    """Files under version control, and new ones that are not ignored; skips outside a checkout."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    command = [git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def packages() -> set[str]:
    """The product's packages: top-level folders that Python imports from."""
    return {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_PRODUCT


def product_files() -> list[Path]:
    """The product's Python files: packages and roots."""
    names = packages()
    return [path for path in _python() if _top(path) in names or (path.name in ROOTS and path.parent == ROOT)]


def files_of_tests() -> list[Path]:
    """The Python files of the tests."""
    return [path for path in _python() if _top(path) == "tests"]


def shown(path: Path) -> str:
    """A path as a reader knows it."""
    return path.relative_to(ROOT).as_posix()


def _python() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"]


def _top(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]
