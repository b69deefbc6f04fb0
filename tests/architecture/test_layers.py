"""Arrows point inward: the import contracts of pyproject.toml hold, and no package is outside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project import ROOT, packages, pyproject


def test_the_import_contracts_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    if not command.exists():
        pytest.fail("import-linter is not installed beside Python: install requirements-dev.lock")
    done = subprocess.run([command, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_is_under_the_contracts() -> None:
    assert set(pyproject()["tool"]["importlinter"]["root_packages"]) == packages()


def test_every_package_is_type_checked_and_shipped() -> None:
    shipped = pyproject()["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(pyproject()["tool"]["mypy"]["packages"]) == packages()
    assert {name.removesuffix("*") for name in shipped} == packages()
