"""What Salesforce took last about each record: equal statements need not be said again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import SQLColumnExpression, case, exists, select, tuple_, update
from sqlmodel import Session, col

from domain.exceptions import Choice, ExceptionState
from store.tables.exceptions import ExceptionRow
from store.tables.publication import StatementRow
from store.upserts import upsert as upsert_rows

Subject = tuple[str, str]  # what it is about (order, line, invoice, event, account) and its key
IN_DOUBT = ""  # no statement has this hash: whatever is true then is said again


def hash_of(statement: BaseModel) -> str:
    """Equal hashes mean equal statements."""
    return hashlib.sha256(statement.model_dump_json().encode()).hexdigest()


def said(session: Session, subjects: Sequence[Subject]) -> dict[Subject, str]:
    """The hash of the last statement about each of these that Salesforce took; empty where that is in doubt."""
    if not subjects:
        return {}
    keys = tuple_(col(StatementRow.subject), col(StatementRow.key))
    rows = session.scalars(select(StatementRow).where(keys.in_(subjects)))
    return {(row.subject, row.key): row.content_hash for row in rows}


def said_below(session: Session, subject: str, prefix: str) -> list[tuple[str, str]]:
    """The keys of a subject that begin like this and have no further part, with the hashes of what was taken."""
    row = StatementRow
    query = select(col(row.key), col(row.content_hash)).where(
        col(row.subject) == subject, col(row.key).startswith(prefix, autoescape=True)
    )
    return [(key, digest) for key, digest in session.execute(query) if "/" not in key.removeprefix(prefix)]


def remember(session: Session, taken: Sequence[tuple[Subject, str, str]]) -> None:
    """Keep what Salesforce answered just now: the subject, its order and the statement's hash."""
    rows = [
        {"subject": subject, "key": key, "order_number": order_number, "content_hash": digest}
        for (subject, key), order_number, digest in taken
    ]
    upsert_rows(session, StatementRow, rows)


def doubt(session: Session, to_be_said: Sequence[tuple[Subject, str]]) -> None:
    """Forget what was taken about these, before more is said: if no answer comes, nobody knows what stands there.

    Each is a subject and its order. That something was said of it is kept: it may have to be taken back.
    """
    remember(session, [(subject, order_number, IN_DOUBT) for subject, order_number in to_be_said])


def to_say_again(session: Session, since: datetime, until: datetime, limit: int = 200) -> list[str]:
    """Orders of which a person wanted all to be said again, in this span of time, and nothing has been said since."""
    return _wanted_again(session, "order", col(StatementRow.order_number), (since, until), limit)


def accounts_to_say_again(session: Session, since: datetime, until: datetime, limit: int = 200) -> list[str]:
    """Customers of whom a person wanted that to be said again, in this span of time, and nothing has been said."""
    account = case((col(StatementRow.subject) == "account", col(StatementRow.key)))
    return _wanted_again(session, "customer", account, (since, until), limit)


def _wanted_again(
    session: Session,
    record_type: str,
    record_key: SQLColumnExpression[Any],
    span: tuple[datetime, datetime],
    limit: int,
) -> list[str]:
    said_since = exists().where(record_key == col(ExceptionRow.record_key), col(StatementRow.content_hash) != IN_DOUBT)
    query = (
        select(col(ExceptionRow.record_key))
        .where(col(ExceptionRow.record_type) == record_type, col(ExceptionRow.state) == ExceptionState.RESOLVED.value)
        .where(col(ExceptionRow.closed_at) >= span[0], col(ExceptionRow.closed_at) < span[1])
        .where(col(ExceptionRow.resolution)["choice"].as_string() == Choice.RETRY.value)
        .where(~said_since)
        .distinct()
        .limit(limit)
    )
    return list(session.scalars(query))


def forget(session: Session, order_number: str) -> None:
    """Let everything about an order be said again."""
    of_order = col(StatementRow.order_number) == order_number
    session.execute(update(StatementRow).where(of_order).values(content_hash=IN_DOUBT))


def forget_account(session: Session, customer_number: str) -> None:
    """Let what is stated of a customer be said again."""
    of_account = (col(StatementRow.subject) == "account", col(StatementRow.key) == customer_number)
    session.execute(update(StatementRow).where(*of_account).values(content_hash=IN_DOUBT))
