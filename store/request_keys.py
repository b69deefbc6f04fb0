"""Requests that their senders named, so that one that comes again is answered again and does nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from store.tables.access import RequestKeyRow

KEPT_FOR = timedelta(hours=24)
CLEARED_AT_ONCE = 100


class NamedRequest(BaseModel):
    """A request by its name: `caller` is who names it, `digest` is of everything that it asks."""

    model_config = ConfigDict(frozen=True)

    caller: str
    key: str
    digest: str


class Known(BaseModel):
    """A request that came before: whether it asked the same, and what it was answered."""

    model_config = ConfigDict(frozen=True)

    same: bool
    result: dict[str, Any] | None


def claim(session: Session, request: NamedRequest) -> Known | None:
    """Take a name for this transaction, before anything is changed in it; answers what came under it before, if any.

    The same name at the same time waits here until the first one has committed, or failed and left it free.
    """
    _clear(session, request)
    expires_at = func.now() + KEPT_FOR
    new = insert(RequestKeyRow).values(**request.model_dump(), expires_at=expires_at)
    if session.execute(new.on_conflict_do_nothing().returning(col(RequestKeyRow.key))).first() is not None:
        return None
    row = session.scalars(select(RequestKeyRow).where(*_is(request))).one()
    return Known(same=row.digest == request.digest, result=row.result)


def keep(session: Session, request: NamedRequest, result: dict[str, Any]) -> None:
    """Keep what a request was answered, in the transaction of what it did."""
    session.execute(
        update(RequestKeyRow).where(*_is(request)).values(result=result).execution_options(synchronize_session=False)
    )


def _clear(session: Session, request: NamedRequest) -> None:
    """Drop what is over its time: under this name, and some more; others that clear meanwhile take others."""
    row = RequestKeyRow
    ours = (col(row.caller) == request.caller) & (col(row.key) == request.key)
    over = (
        select(col(row.caller), col(row.key))
        .where(col(row.expires_at) <= func.now())
        .order_by(ours.desc())
        .limit(CLEARED_AT_ONCE)
        .with_for_update(skip_locked=True)
        .cte("over")
    )
    gone = delete(row).where(col(row.caller) == over.c.caller, col(row.key) == over.c.key)
    session.execute(gone.execution_options(synchronize_session=False))


def _is(request: NamedRequest) -> tuple[Any, Any]:
    return col(RequestKeyRow.caller) == request.caller, col(RequestKeyRow.key) == request.key
