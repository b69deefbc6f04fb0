"""What the store's tests share: a cause, and a transaction that leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from store.causes import Cause, CauseSource
from store.session import make_engine, transaction
from tests.database import cloned


@pytest.fixture
def cause() -> Cause:
    return Cause(
        source=CauseSource.ERP, actor="worker", reference={"file_id": "f-1", "line": 7}, workflow_id="erp-file/abc"
    )


@pytest.fixture(scope="module")
def shared_engine(postgres_url: str) -> Iterator[Engine]:
    """A database for all tests of a module that commit nothing; those that do take `engine`."""
    with cloned(postgres_url) as url:
        opened = make_engine(url)
        yield opened
        opened.dispose()


@pytest.fixture
def session(shared_engine: Engine, cause: Cause) -> Iterator[Session]:
    """One open transaction, rolled back after the test."""
    with transaction(shared_engine, cause) as opened:
        yield opened
        opened.expunge_all()
        opened.get_transaction().rollback()  # type: ignore[union-attr]
