"""Reservations: goods kept for a quote until it becomes an order or runs out, under a lock on the promise (I11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import func, select, text, update
from sqlmodel import Session, col

from domain.demand import Reservation
from domain.errors import Missing
from store.history import rows_as_of
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.stock.demands import reservation
from store.tables.stock import AvailabilityRow, ReservationRequestRow, ReservationRow


class Part(NamedTuple):
    """What is kept for one line of a quote: an item, or one component of a kit."""

    line_no: int
    sku: str
    warehouse: str | None
    quantity: Decimal


class Request(NamedTuple):
    """What was asked to be kept for a quote, and what was answered."""

    body: dict[str, Any]
    answer: dict[str, Any]


def now(session: Session) -> datetime:
    """The time by the clock that all share, the database's: what was kept before this counts, whoever kept it."""
    at: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return at


def lock_reference(session: Session, reference: str) -> None:
    """Let one request for a quote be worked on at a time, until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"quote {reference}"})


def request_of(session: Session, reference: str) -> Request | None:
    """The request that was answered under this reference, or None."""
    row = session.get(ReservationRequestRow, reference)
    return None if row is None else Request(row.body, row.answer)


def keep_request(session: Session, reference: str, request: Request, at: datetime, by: str) -> None:
    """Keep a request with its answer, so that asking again is answered the same."""
    row = ReservationRequestRow(
        reference=reference, body=request.body, answer=request.answer, created_by=by, created_at=at
    )
    session.add(row)


def lock(session: Session, skus: Sequence[str]) -> set[str]:
    """Hold what can be promised of these items until the transaction ends, in the order of their SKUs.

    Answers the items about which something is decided: of others nothing can be kept, for nothing could be held.
    Mark items before: a decision under way has its marks first and then the promises, and nobody waits in a circle.
    """
    query = select(col(AvailabilityRow.sku)).where(col(AvailabilityRow.sku).in_(skus))
    found = session.scalars(query.order_by(col(AvailabilityRow.sku), col(AvailabilityRow.warehouse)).with_for_update())
    return set(found)


def of_reference(session: Session, reference: str, as_of: datetime | None = None) -> list[ReservationRow]:
    """What is or was kept for a quote (or was at a time), by line."""
    query = select(ReservationRow).where(col(ReservationRow.reference) == reference)
    rows = list(session.scalars(query.order_by(col(ReservationRow.line_no), col(ReservationRow.sku))))
    return rows if as_of is None else _past(session, rows, as_of)


def _past(session: Session, rows: Sequence[ReservationRow], at: datetime) -> list[ReservationRow]:
    """These as they stood at a time, without those that nobody had asked for yet."""
    images = rows_as_of(session, ReservationRow, at, [str(row.id) for row in rows])
    return [images[str(row.id)] for row in rows if str(row.id) in images]


def keep(
    session: Session, reference: str, parts: Sequence[Part], at: datetime, expires_at: datetime, by: str
) -> list[ReservationRow]:
    """Keep goods for a quote."""
    rows = [
        ReservationRow(
            reference=reference,
            line_no=one.line_no,
            sku=one.sku,
            warehouse=one.warehouse,
            quantity=one.quantity,
            created_at=at,
            expires_at=expires_at,
            created_by=by,
        )
        for one in parts
    ]
    session.add_all(rows)
    session.flush()
    return rows


def release(session: Session, reference: str, at: datetime, order_number: str | None = None) -> list[str]:
    """End what is kept for a quote, because it became an order or is wanted no longer; answers the SKUs let go.

    Doing it again does nothing. Raises Missing for an unknown quote.
    """
    rows = of_reference(session, reference)
    if not rows:
        raise Missing(f"Nothing was ever kept for {reference}.", reason="reservation")
    ended = {"order_number": order_number} if order_number else {"expires_at": at}
    live = update(ReservationRow).where(
        col(ReservationRow.reference) == reference,
        col(ReservationRow.order_number).is_(None),
        col(ReservationRow.expires_at) > at,
    )
    return sorted(set(session.scalars(live.values(**ended).returning(col(ReservationRow.sku)))))


def page(session: Session, at: datetime, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[Reservation]:
    """What is kept now, oldest first."""
    query = select(ReservationRow).where(
        col(ReservationRow.order_number).is_(None), col(ReservationRow.expires_at) > at
    )
    keys = [col(ReservationRow.created_at), col(ReservationRow.id)]
    return page_of(session, query, keys, limit=limit, cursor=cursor).of(reservation)


def past_page(
    session: Session, at: datetime, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Reservation]:
    """What was kept at a time, oldest first. A page may be short: what was an order by then is left out of it."""
    query = select(ReservationRow).where(col(ReservationRow.created_at) <= at, col(ReservationRow.expires_at) > at)
    keys = [col(ReservationRow.created_at), col(ReservationRow.id)]
    found = page_of(session, query, keys, limit=limit, cursor=cursor)
    kept = [row for row in _past(session, found.items, at) if row.order_number is None]
    return Page(items=tuple(reservation(row) for row in kept), next_cursor=found.next_cursor)


def next_expiry(session: Session, at: datetime) -> datetime | None:
    """When the next reservation runs out, None where nothing is kept."""
    query = select(func.min(col(ReservationRow.expires_at))).where(
        col(ReservationRow.order_number).is_(None), col(ReservationRow.expires_at) > at
    )
    return session.scalar(query)
