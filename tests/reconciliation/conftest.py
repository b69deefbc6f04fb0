"""Fixtures of reconciliation: a company that has lived, made once for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import cloned
from tests.reconciliation.lived import Lived, lived_in


@pytest.fixture(scope="module")
def lived(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """A company with sixty orders, thirty shipments, payments and returns, at rest."""
    folder: Path = tmp_path_factory.mktemp("files")
    with cloned(postgres_url) as url, lived_in(url, folder) as company:
        company.begin()
        company.live()
        yield company
