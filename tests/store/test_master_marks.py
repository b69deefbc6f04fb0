"""Marks of master records: none is lost that was set while the flow it is for was being woken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.links import LinkKind
from store import master_marks
from store.causes import Cause, CauseSource
from store.session import reading, transaction

CAUSE = Cause(source=CauseSource.GATEWAY, actor="test")


@pytest.fixture
def early(engine: Engine) -> Iterator[Session]:
    """A change that begins before everything else here, and ends when the test lets it."""
    with Session(engine) as session:
        session.execute(text("SELECT now()"))  # which stays what it is, to its end
        yield session


def test_a_mark_of_a_change_that_began_before_it_was_read_is_not_struck(engine: Engine, early: Session) -> None:
    with transaction(engine, CAUSE) as session:
        master_marks.mark(session, LinkKind.ITEM, ["A-1", "A-2"], "first")
    with reading(engine) as session:
        read = master_marks.oldest(session, 10)
    master_marks.mark(early, LinkKind.ITEM, ["A-1"], "second")
    early.commit()
    with transaction(engine, CAUSE) as session:
        master_marks.strike(session, read)
    with reading(engine) as session:
        assert [(kind, key) for kind, key, _ in master_marks.oldest(session, 10)] == [(LinkKind.ITEM, "A-1")]
