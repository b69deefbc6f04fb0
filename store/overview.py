"""The overview: how each flow is and by which number, in a dozen statements however much there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col

from domain import health
from domain.exceptions import ExceptionState
from domain.files import FileState
from domain.freshness import FeedSchedule
from domain.health import FlowHealth, Health, Waiting
from domain.money import Money
from domain.shipments import ShipmentState
from store import exceptions, heartbeats, latency
from store.feed import FeedEvent, feed
from store.latency import Quantiles
from store.reconciliation import runs
from store.stock import feeds
from store.stock.feeds import FeedView
from store.tables.exceptions import ExceptionRow
from store.tables.files import SourceFileRow
from store.tables.invoices import InvoiceRow
from store.tables.shipments import ShipmentRow

DAY, WEEK = timedelta(days=1), timedelta(days=7)
ON_THE_WAY = (ShipmentState.RECEIVED.value, ShipmentState.INTENDED.value)
SYSTEMS = ("quickbooks", "salesforce")
TOLD = 12


class OpenWork(BaseModel):
    """Open exceptions of one kind and cause, and the money at stake."""

    model_config = ConfigDict(frozen=True)

    kind: str
    cause: str
    count: int
    money: Money


class LastFile(BaseModel):
    """The newest file of a layout."""

    model_config = ConfigDict(frozen=True)

    layout: str
    file_id: str
    filename: str
    state: str
    received_at: AwareDatetime


class Overview(BaseModel):
    """How everything is at an instant. `health` is the worst of the flows."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    health: Health
    flows: tuple[FlowHealth, ...]
    on_the_way: Waiting
    held: Waiting
    latency: Quantiles
    invoices_of_the_day: int
    invoiced_of_the_day: Money
    work: tuple[OpenWork, ...]
    overdue: int
    files: tuple[LastFile, ...]
    feeds: tuple[FeedView, ...]
    position: str
    events: tuple[FeedEvent, ...]


def overview(session: Session, schedule: FeedSchedule, now: datetime) -> Overview:
    """Everything that the first page shows."""
    on_the_way, held = _waiting(session)
    took = latency.quantiles(session, now - DAY)
    count, total = _invoiced(session, now - DAY)
    work, overdue = _work(session, now)
    last, told = _last_files(session), feed(session, limit=TOLD)
    stock = feeds.feeds(session, schedule, now)
    flows = (
        health.invoicing(on_the_way, took.late, took.count, now),
        _of_files(session, now),
        health.stock({one.warehouse: one.confidence for one in stock}),
        health.work(sum(one.count for one in work), overdue),
        _reconciliation(session, now),
        *_processes(session, now),
    )
    return Overview(
        at=now,
        health=health.worst(one.health for one in flows),
        flows=flows,
        on_the_way=on_the_way,
        held=held,
        latency=took,
        invoices_of_the_day=count,
        invoiced_of_the_day=total,
        work=tuple(work),
        overdue=overdue,
        files=tuple(last),
        feeds=tuple(stock),
        position=told.position,
        events=told.events,
    )


def _waiting(session: Session) -> tuple[Waiting, Waiting]:
    row = ShipmentRow
    query = (
        select(col(row.state), func.count(), func.min(col(row.received_at)))
        .where(col(row.state).in_([*ON_THE_WAY, ShipmentState.HELD.value]))
        .group_by(col(row.state))
    )
    found: dict[str, Waiting] = {
        state: Waiting(count=count, oldest_at=oldest) for state, count, oldest in session.execute(query)
    }
    way = [found[one] for one in ON_THE_WAY if one in found]
    oldest_at = min((one.oldest_at for one in way if one.oldest_at), default=None)
    on_the_way = Waiting(count=sum(one.count for one in way), oldest_at=oldest_at)
    return on_the_way, found.get(ShipmentState.HELD.value, Waiting(count=0))


def _invoiced(session: Session, since: datetime) -> tuple[int, Decimal]:
    query = select(func.count(), func.coalesce(func.sum(col(InvoiceRow.total)), Decimal(0)))
    count, total = session.execute(query.where(col(InvoiceRow.booked_at) >= since)).one()
    return count, total


def _work(session: Session, now: datetime) -> tuple[list[OpenWork], int]:
    counts = exceptions.open_counts(session)
    found = [OpenWork(kind=kind, cause=cause, count=n, money=money) for (kind, cause), (n, money) in counts.items()]
    late = select(func.count()).where(
        col(ExceptionRow.state) == ExceptionState.OPEN.value, col(ExceptionRow.due_at) < now
    )
    return sorted(found, key=lambda one: (-one.money, -one.count, one.cause)), session.scalar(late) or 0


def _last_files(session: Session) -> list[LastFile]:
    row = SourceFileRow
    query = select(row).ext(distinct_on(col(row.layout))).order_by(col(row.layout), col(row.received_at).desc())
    return [
        LastFile(file_id=str(one.id), **one.model_dump(include={"layout", "filename", "state", "received_at"}))
        for one in session.scalars(query)
    ]


def _of_files(session: Session, now: datetime) -> FlowHealth:
    row = SourceFileRow
    query = (
        select(col(row.state), func.count(), func.min(col(row.received_at)))
        .where(col(row.received_at) > now - WEEK)
        .group_by(col(row.state))
    )
    found: Mapping[str, tuple[int, datetime]] = {state: (n, oldest) for state, n, oldest in session.execute(query)}
    unread = [found[one] for one in (FileState.RECEIVED.value, FileState.READ.value) if one in found]
    waiting = Waiting(count=sum(n for n, _ in unread), oldest_at=min((at for _, at in unread), default=None))
    refused = sum(found[one][0] for one in (FileState.REFUSED.value, FileState.HELD.value) if one in found)
    return health.files(waiting, refused, now)


def _reconciliation(session: Session, now: datetime) -> FlowHealth:
    last = runs.last_finished(session)
    certificate = (last.certificate or {}) if last else {}
    zero = bool(certificate.get("zero_drift"))
    return health.reconciliation(last.finished_at if last else None, zero_drift=zero, now=now)


def _processes(session: Session, now: datetime) -> list[FlowHealth]:
    alive = heartbeats.alive(session, DAY)
    looks = {str(one.details.get("system")): one.details for one in alive if one.role == "connection"}
    beats = [one.seen_at for one in alive if one.role == "worker"]
    found = [_connection(system, looks.get(system)) for system in SYSTEMS]
    return [*found, health.workers(max(beats, default=None), now)]


def _connection(system: str, look: Mapping[str, object] | None) -> FlowHealth:
    if look is None:
        return health.connection(system, ok=None, sentence="")
    return health.connection(system, ok=bool(look["ok"]), sentence=str(look["sentence"]))
