"""A balance: the newest statement of a row, the movements after it, and what of it is agreed or held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.money import Money, Quantity
from domain.stock_events import Absence, BucketCount, Delta, Version, stock_key


class RowState(StrEnum):
    """How the base of a balance came to be: stated in a row, or by the row's absence (case I2)."""

    STATED = "stated"
    ABSENT = "absent"
    DISCONTINUED = "discontinued"


class Base(BaseModel):
    """The statement that a balance stands on."""

    model_config = ConfigDict(frozen=True)

    effective_at: AwareDatetime
    sequence: int
    event_id: str
    source: str
    counts: tuple[BucketCount, ...]
    state: RowState = RowState.STATED

    @property
    def version(self) -> Version:
        """Its place in time."""
        return Version(self.effective_at, self.sequence)


class Closing(BaseModel):
    """The newest complete statement of a warehouse that makes absent rows zero or discontinued."""

    model_config = ConfigDict(frozen=True)

    effective_at: AwareDatetime
    sequence: int
    event_id: str
    source: str
    absence: Absence

    @property
    def version(self) -> Version:
        """Its place in time."""
        return Version(self.effective_at, self.sequence)

    def base(self) -> Base:
        """What it says of a row that it does not list."""
        discontinued = self.absence is Absence.DISCONTINUE
        return Base(
            effective_at=self.effective_at,
            sequence=self.sequence,
            event_id=self.event_id,
            source=f"{self.source}, not listed",
            counts=(),
            state=RowState.DISCONTINUED if discontinued else RowState.ABSENT,
        )


class Agreed(BaseModel):
    """The last sellable on hand that was let through to publication, and its version."""

    model_config = ConfigDict(frozen=True)

    effective_at: AwareDatetime
    sequence: int
    on_hand: Quantity

    @property
    def version(self) -> Version:
        """Its place in time."""
        return Version(self.effective_at, self.sequence)


class Held(BaseModel):
    """A change that waits for a person: publication of this row only stands still (case I9)."""

    model_config = ConfigDict(frozen=True)

    on_hand_before: Quantity
    on_hand: Quantity
    percent: Quantity
    money: Money | None
    sentence: str


class Balance(BaseModel):
    """One row's stock, derived from events; without a base its movements wait and nothing is known."""

    model_config = ConfigDict(frozen=True)

    sku: str
    warehouse: str
    base: Base | None = None
    deltas: tuple[Delta, ...] = ()
    agreed: Agreed | None = None
    held: Held | None = None

    @property
    def key(self) -> str:
        """Its business key."""
        return stock_key(self.sku, self.warehouse)

    def counts(self) -> tuple[BucketCount, ...]:
        """What its buckets hold now, in order of their names; empty while there is no base."""
        if self.base is None:
            return ()
        if not self.deltas and len(self.base.counts) < 2:
            return self.base.counts
        totals = {one.bucket: one for one in self.base.counts}
        for delta in self.deltas:
            before = totals.get(delta.bucket) or BucketCount(bucket=delta.bucket, on_hand=Decimal(0))
            moved = {"on_hand": before.on_hand + delta.on_hand, "allocated": before.allocated + delta.allocated}
            totals[delta.bucket] = before.model_copy(update=moved)
        return tuple(totals[name] for name in sorted(totals))

    def moved_at(self) -> datetime | None:
        """The instant of the newest thing in it; None without a base."""
        if self.base is None:
            return None
        return max([self.base.effective_at, *(one.effective_at for one in self.deltas)])

    def rebased(self, base: Base) -> Balance:
        """The same row on a newer base: movements that are not later than it are inside it."""
        later = tuple(one for one in self.deltas if one.effective_at > base.effective_at)
        return Balance(
            sku=self.sku, warehouse=self.warehouse, base=base, deltas=later, agreed=self.agreed, held=self.held
        )

    def moved(self, delta: Delta) -> Balance:
        """The same row with one movement more, each id once, in order of time."""
        if any(one.id == delta.id for one in self.deltas):
            return self
        deltas = sorted([*self.deltas, delta], key=lambda one: (one.effective_at, one.id))
        return self.model_copy(update={"deltas": tuple(deltas)})


class Balances(BaseModel):
    """All rows by key, and by warehouse the newest statement that closes absent rows."""

    model_config = ConfigDict(frozen=True)

    rows: Mapping[str, Balance] = {}
    closings: Mapping[str, Closing] = {}


def sellable_on_hand(counts: Iterable[BucketCount], sellable: Mapping[str, bool]) -> Decimal:
    """The on hand of the buckets that may be sold from (case I10); a bucket nobody has mapped is not sold from."""
    return sum((one.on_hand for one in counts if sellable.get(one.bucket, False)), Decimal(0))
