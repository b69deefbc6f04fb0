"""How long shipments took from their file being visible to their invoice existing, against the promise of 90 s."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Float, cast, func, select
from sqlmodel import Session, col

from store.tables.shipments import ShipmentRow

PROMISE_SECONDS = 90
SLOWEST = 10
BUCKETS = (1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 300, 900, 3600)
_TOOK = func.extract("epoch", col(ShipmentRow.booked_at) - col(ShipmentRow.received_at))


class Quantiles(BaseModel):
    """Of so many invoices: seconds from file to invoice, and how many took longer than was promised."""

    model_config = ConfigDict(frozen=True)

    count: int
    late: int
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


class LatencyPoint(Quantiles):
    """The same of those whose file came within `step` from `at`."""

    at: AwareDatetime


class SlowShipment(BaseModel):
    """One of those that took longest."""

    model_config = ConfigDict(frozen=True)

    number: str
    received_at: AwareDatetime
    seconds: float


class LatencyBucket(BaseModel):
    """So many took at most so many seconds and longer than those of the bucket before; None: longer than all."""

    model_config = ConfigDict(frozen=True)

    up_to: int | None
    count: int


class Latency(BaseModel):
    """How long it took since a time: on the whole, in steps, in buckets, and the slowest."""

    model_config = ConfigDict(frozen=True)

    since: AwareDatetime
    step_seconds: int
    promise_seconds: int = PROMISE_SECONDS
    whole: Quantiles
    points: tuple[LatencyPoint, ...]
    buckets: tuple[LatencyBucket, ...]
    slowest: tuple[SlowShipment, ...]


def latency(session: Session, since: datetime, step: timedelta) -> Latency:
    """All of it, for shipments received since then."""
    return Latency(
        since=since,
        step_seconds=int(step.total_seconds()),
        whole=quantiles(session, since),
        points=tuple(_points(session, since, step)),
        buckets=tuple(_buckets(session, since)),
        slowest=tuple(_slowest(session, since)),
    )


def quantiles(session: Session, since: datetime) -> Quantiles:
    """The quantiles of shipments received since then that were booked."""
    return _quantiles(session.execute(select(*_measured()).where(*_conditions(since))).one())


def _points(session: Session, since: datetime, step: timedelta) -> list[LatencyPoint]:
    bin_at = func.date_bin(step, col(ShipmentRow.received_at), since)
    query = select(bin_at, *_measured()).where(*_conditions(since)).group_by(bin_at).order_by(bin_at)
    return [LatencyPoint(at=at, **_quantiles(rest).model_dump()) for at, *rest in session.execute(query)]


def _buckets(session: Session, since: datetime) -> list[LatencyBucket]:
    # The bucket of a value is the number of edges that it lies above.
    place = func.width_bucket(cast(_TOOK, Float) - 1e-6, list(map(float, BUCKETS)))
    query = select(place, func.count()).where(*_conditions(since)).group_by(place)
    found = {int(number): int(count) for number, count in session.execute(query)}
    return [LatencyBucket(up_to=edge, count=found.get(n, 0)) for n, edge in enumerate((*BUCKETS, None))]


def _slowest(session: Session, since: datetime) -> list[SlowShipment]:
    query = select(col(ShipmentRow.number), col(ShipmentRow.received_at), _TOOK).where(*_conditions(since))
    found = session.execute(query.order_by(_TOOK.desc(), col(ShipmentRow.number)).limit(SLOWEST))
    return [SlowShipment(number=number, received_at=at, seconds=float(took)) for number, at, took in found]


def _conditions(since: datetime) -> tuple[ColumnElement[bool], ...]:
    return col(ShipmentRow.received_at) >= since, col(ShipmentRow.booked_at).is_not(None)


def _measured() -> tuple[ColumnElement[Any], ...]:
    late = func.count().filter(_TOOK > PROMISE_SECONDS)
    return func.count(), late, *(func.percentile_disc(one).within_group(_TOOK) for one in (0.5, 0.95, 0.99))


def _quantiles(row: Iterable[Any]) -> Quantiles:
    count, late, p50, p95, p99 = row
    seconds = {"p50_seconds": p50, "p95_seconds": p95, "p99_seconds": p99}
    return Quantiles(
        count=count, late=late, **{name: None if one is None else round(float(one), 3) for name, one in seconds.items()}
    )
