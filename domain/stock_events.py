"""What is said about stock: snapshots that state a whole scope at an instant, deltas that move it, confirmations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.money import Quantity
from domain.stock import StockRow


class Version(NamedTuple):
    """How new a statement is: its instant, then its sequence; compared in that order (cases I1, I8)."""

    effective_at: datetime
    sequence: int


class Absence(StrEnum):
    """What it means that a complete snapshot does not list an item of its warehouses: the layout says it (case I2)."""

    KEEP = "keep"
    ZERO = "zero"
    DISCONTINUE = "discontinue"


def stock_key(sku: str, warehouse: str) -> str:
    """The business key of a stock row: SKU, a vertical bar, warehouse."""
    return f"{sku}|{warehouse}"


class BucketCount(BaseModel):
    """What one bucket of a row holds, in base units; a negative `on_hand` is kept as it was stated (case I5)."""

    model_config = ConfigDict(frozen=True)

    bucket: str
    on_hand: Quantity
    allocated: Quantity = Decimal(0)
    on_order: Quantity = Decimal(0)


class SnapshotRow(BaseModel):
    """All that a snapshot states of one item in one warehouse; `source` names file and line."""

    model_config = ConfigDict(frozen=True)

    sku: str
    warehouse: str
    counts: tuple[BucketCount, ...]
    source: str


def snapshot_rows(decoded: Iterable[tuple[StockRow, str]]) -> tuple[SnapshotRow, ...]:
    """Gather decoded rows, each with its file and line, into one statement an item and warehouse."""
    gathered: dict[str, list[tuple[StockRow, str]]] = {}
    for row, source in decoded:
        gathered.setdefault(stock_key(row.sku, row.warehouse), []).append((row, source))
    return tuple(_gather(parts) for parts in gathered.values())


def _gather(parts: list[tuple[StockRow, str]]) -> SnapshotRow:
    counts: dict[str, BucketCount] = {}
    for row, _ in parts:
        before = counts.get(row.bucket) or BucketCount(bucket=row.bucket, on_hand=Decimal(0))
        counts[row.bucket] = BucketCount(
            bucket=row.bucket,
            on_hand=before.on_hand + row.on_hand,
            allocated=before.allocated + row.allocated,
            on_order=before.on_order + row.on_order,
        )
    first = parts[0][0]
    source = ", ".join(one for _, one in parts)
    return SnapshotRow(sku=first.sku, warehouse=first.warehouse, counts=tuple(counts.values()), source=source)


class Snapshot(BaseModel):
    """A statement of everything in `warehouses` at `effective_at`; `id` is the file's identity.

    `complete`: the export lists every row that there is. `proven`: its trailer and totals add up. `accepted`: a person
    has looked at it, so the guards on the whole let it pass. `unchanged`: keys that it states as the base does, which
    a reader need not decode. Units: base units. A row in neither `rows` nor `unchanged` is absent, and means `absence`.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["snapshot"] = "snapshot"
    id: str
    effective_at: AwareDatetime
    sequence: int = 0
    warehouses: tuple[str, ...]
    complete: bool
    proven: bool = True
    accepted: bool = False
    absence: Absence = Absence.KEEP
    rows: tuple[SnapshotRow, ...]
    unchanged: tuple[str, ...] = ()
    source: str

    def listed(self) -> set[str]:
        """The keys of all that it states."""
        return {stock_key(row.sku, row.warehouse) for row in self.rows} | set(self.unchanged)

    @property
    def version(self) -> Version:
        """Its place in time."""
        return Version(self.effective_at, self.sequence)


class Delta(BaseModel):
    """A movement of one bucket at an instant: a receipt, an adjustment with its reason, a shipment.

    Applied once by `id`, and only where it is later than the base: what is not later is inside the base (case I1).
    `reference` names the shipment that moved the goods, so that an order's pieces are not counted twice.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["delta"] = "delta"
    id: str
    effective_at: AwareDatetime
    sku: str
    warehouse: str
    bucket: str
    on_hand: Quantity
    allocated: Quantity = Decimal(0)
    reason: str
    reference: str | None = None
    source: str


class Confirmation(BaseModel):
    """A person's word that the on hand of this version is right, although it swung (case I9)."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["confirmation"] = "confirmation"
    id: str
    sku: str
    warehouse: str
    effective_at: AwareDatetime
    sequence: int = 0
    on_hand: Quantity
    confirmed_by: str

    @property
    def version(self) -> Version:
        """The version that the person saw."""
        return Version(self.effective_at, self.sequence)


StockEvent = Annotated[Snapshot | Delta | Confirmation, Field(discriminator="kind")]
