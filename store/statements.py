"""What Salesforce took last about each record: equal statements need not be said again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import delete, exists, select, tuple_
from sqlmodel import Session, col

from domain.exceptions import Choice, ExceptionState
from store.tables.exceptions import ExceptionRow
from store.tables.publication import StatementRow
from store.upserts import upsert as upsert_rows

Subject = tuple[str, str]  # what it is about (order, invoice, event) and its key


def hash_of(statement: BaseModel) -> str:
    """Equal hashes mean equal statements."""
    return hashlib.sha256(statement.model_dump_json().encode()).hexdigest()


def said(session: Session, subjects: Sequence[Subject]) -> dict[Subject, str]:
    """The hash of the last statement about each of these that Salesforce took."""
    if not subjects:
        return {}
    keys = tuple_(col(StatementRow.subject), col(StatementRow.key))
    rows = session.scalars(select(StatementRow).where(keys.in_(subjects)))
    return {(row.subject, row.key): row.content_hash for row in rows}


def remember(session: Session, taken: Sequence[tuple[Subject, str, str]]) -> None:
    """Keep what Salesforce answered just now: the subject, its order and the statement's hash."""
    rows = [
        {"subject": subject, "key": key, "order_number": order_number, "content_hash": digest}
        for (subject, key), order_number, digest in taken
    ]
    upsert_rows(session, StatementRow, rows)


def doubt(session: Session, subjects: Sequence[Subject]) -> None:
    """Forget what was taken about these, before more is said: if no answer comes, nobody knows what stands there."""
    keys = tuple_(col(StatementRow.subject), col(StatementRow.key))
    session.execute(delete(StatementRow).where(keys.in_(subjects)))


def to_say_again(session: Session, since: datetime, until: datetime, limit: int = 200) -> list[str]:
    """Orders of which a person wanted all to be said again, in this span of time, and nothing has been said since."""
    query = (
        select(col(ExceptionRow.record_key))
        .where(col(ExceptionRow.record_type) == "order", col(ExceptionRow.state) == ExceptionState.RESOLVED.value)
        .where(col(ExceptionRow.closed_at) >= since, col(ExceptionRow.closed_at) < until)
        .where(col(ExceptionRow.resolution)["choice"].as_string() == Choice.RETRY.value)
        .where(~exists().where(col(StatementRow.order_number) == col(ExceptionRow.record_key)))
        .distinct()
        .limit(limit)
    )
    return list(session.scalars(query))


def forget(session: Session, order_number: str) -> None:
    """Let everything about an order be said again."""
    session.execute(delete(StatementRow).where(col(StatementRow.order_number) == order_number))
