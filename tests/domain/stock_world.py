"""Stock statements, orders and acknowledgements with sensible defaults; times are minutes after T0."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from domain.acknowledgements import AcknowledgementStatus
from domain.availability import decide
from domain.demand import LineAcknowledgement, OpenDemand, Reservation, ShippedPart
from domain.freshness import BufferPolicy, FeedSchedule
from domain.promises import Availability, AvailabilityInput, AvailabilityPolicy, StockFigure
from domain.stock_balances import Balances
from domain.stock_events import Absence, BucketCount, Delta, Snapshot, SnapshotRow
from domain.stock_guards import StockPolicy
from domain.stock_ledger import derive

T0 = datetime(2026, 11, 20, 5, 10, tzinfo=UTC)
OPEN = StockPolicy(version="test", shrink_percent=None, zero_percent=None)
PLAIN = AvailabilityPolicy(version="test", buffer=BufferPolicy())


def at(minutes: int) -> datetime:
    """The instant so many minutes after T0."""
    return T0 + timedelta(minutes=minutes)


def row(sku: str, warehouse: str, on_hand: int, allocated: int = 0, bucket: str = "sellable") -> SnapshotRow:
    """One stated row with one bucket."""
    count = BucketCount(bucket=bucket, on_hand=Decimal(on_hand), allocated=Decimal(allocated))
    return SnapshotRow(sku=sku, warehouse=warehouse, counts=(count,), source=f"INV line {sku}/{warehouse}")


def snapshot(minutes: int, *rows: SnapshotRow, **other: Any) -> Snapshot:
    """A complete snapshot of ATL and RNO whose absent rows are zero, unless said otherwise."""
    fields = {
        "id": f"file-{minutes}",
        "effective_at": at(minutes),
        "warehouses": ("ATL", "RNO"),
        "complete": True,
        "absence": Absence.ZERO,
        "source": f"INV.{minutes}",
        **other,
    }
    return Snapshot(rows=rows, **fields)


def delta(minutes: int, on_hand: int, sku: str = "BOLT", warehouse: str = "ATL", **other: Any) -> Delta:
    """A movement of the sellable bucket."""
    fields = {
        "id": f"move-{minutes}-{on_hand}-{sku}-{warehouse}",
        "bucket": "sellable",
        "reason": "receipt",
        "source": f"MOV {minutes}",
        **other,
    }
    return Delta(effective_at=at(minutes), sku=sku, warehouse=warehouse, on_hand=Decimal(on_hand), **fields)


def demand(order: str, quantity: int, accepted: int, **other: Any) -> OpenDemand:
    """A line of BOLT in ATL, in base units."""
    fields = {
        "line_no": 1,
        "sku": "BOLT",
        "warehouse": "ATL",
        "uom": "EA",
        "factor": Fraction(1),
        "version_at": at(accepted),
        **other,
    }
    return OpenDemand(order_number=order, quantity=Decimal(quantity), accepted_at=at(accepted), **fields)


def shipped(number: str, quantity: int, minutes: int) -> ShippedPart:
    """Goods that left."""
    return ShippedPart(shipment_number=number, quantity=Decimal(quantity), shipped_at=at(minutes))


def ack(order: str, minutes: int, allocated: int | None = None, **other: Any) -> LineAcknowledgement:
    """The ERP accepted line 1 and allocated so much of it."""
    fields = {
        "line_no": 1,
        "status": AcknowledgementStatus.ACCEPTED,
        "allocated": None if allocated is None else Decimal(allocated),
        "sequence": minutes,
        "source": f"ORDACK {minutes}",
        **other,
    }
    return LineAcknowledgement(order_number=order, cut_at=at(minutes), **fields)


def reservation(name: str, quantity: int, created: int, expires: int, **other: Any) -> Reservation:
    """BOLT in ATL kept for a quote."""
    fields = {"sku": "BOLT", "warehouse": "ATL", **other}
    return Reservation(id=name, quantity=Decimal(quantity), created_at=at(created), expires_at=at(expires), **fields)


def figure(on_hand: int, allocated: int = 0, minutes: int = 0, **other: Any) -> StockFigure:
    """Stock in ATL, stated at that minute."""
    fields = {
        "warehouse": "ATL",
        "stated_at": at(minutes),
        "as_of_at": at(minutes),
        "sources": (f"INV.{minutes} line 12",),
        **other,
    }
    return StockFigure(on_hand=Decimal(on_hand), allocated=Decimal(allocated), **fields)


def available(*figures: StockFigure, now: int = 10, **other: Any) -> Availability:
    """The promise of BOLT in ATL at that minute; `warehouse=None` for the total."""
    fields = {"sku": "BOLT", "warehouse": "ATL", "policy": PLAIN, **other}
    return decide(AvailabilityInput(figures=figures, at=at(now), **fields))


def hourly(**buffer: Any) -> AvailabilityPolicy:
    """An hourly feed with this buffer."""
    return AvailabilityPolicy(version="test", feed=FeedSchedule(), buffer=BufferPolicy(**buffer))


def balances(*events: Any, policy: StockPolicy = OPEN) -> Balances:
    """What these events come to, in this order."""
    return derive(events, policy)


def on_hand(found: Balances, key: str = "BOLT|ATL") -> int:
    """The sum over a row's buckets."""
    return int(sum(one.on_hand for one in found.rows[key].counts()))
