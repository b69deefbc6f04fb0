"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.database import database_url, engine, postgres_url  # noqa: F401 - fixtures for every test
from tests.sharing import pytest_collection_modifyitems, pytest_xdist_make_scheduler  # noqa: F401 - hooks

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def samples() -> Path:
    """The ERP's sample exports; tests that need them skip where the folder is absent."""
    folder = SHARED / "samples"
    if not folder.is_dir():
        pytest.skip("the sample exports are not at hand (a folder named shared beside the project)")
    return folder
