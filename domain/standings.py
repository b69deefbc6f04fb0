"""Where an order line stands towards a stock figure: what of it the ERP had seen by then (I4, the watermark rule)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from domain.acknowledgements import AcknowledgementStatus
from domain.demand import LineAcknowledgement, OpenDemand, ShippedPart, base_quantity
from domain.money import Quantity

GONE = frozenset({AcknowledgementStatus.REJECTED, AcknowledgementStatus.CANCELLED})


class Standing(BaseModel):
    """Where an order line stands towards a stock figure of one instant, in base units.

    `covered`: inside the ERP's allocations. `unseen`: not. `on_hold`, `backordered`: seen there, and yet not allocated.
    `left_inside`: already off the on hand by a movement, but still inside the allocations of that instant.
    """

    model_config = ConfigDict(frozen=True)

    demand: OpenDemand
    covered: Quantity = Decimal(0)
    unseen: Quantity = Decimal(0)
    on_hold: Quantity = Decimal(0)
    backordered: Quantity = Decimal(0)
    left_inside: Quantity = Decimal(0)

    @property
    def deducted(self) -> Decimal:
        """What this line takes from the promise beyond the ERP's allocations."""
        return self.unseen + self.on_hold + self.backordered


def standing(
    demand: OpenDemand,
    said: Iterable[LineAcknowledgement],
    stated_at: datetime | None,
    moved: frozenset[str] = frozenset(),
    *,
    at: datetime,
) -> Standing:
    """Where a line stands towards the allocations of `stated_at` (None: there are none), known at `at` (case I4).

    Only a file cut at or before `stated_at` proves that the line's demand is inside those allocations; a later
    rejection or cancellation ends it all the same. `moved` are shipments already taken off the on hand.
    """
    known = sorted((one for one in said if one.cut_at <= at), key=lambda one: (one.cut_at, one.sequence))
    if demand.factor is None or demand.cancelled or demand.accepted_at > at or _refused(demand, known):
        return Standing(demand=demand)
    parts = [one for one in demand.shipped if one.shipped_at <= at]
    if stated_at is None:
        return _stand(demand, None, _sum(parts), Decimal(0))
    gone = [one for one in parts if one.shipped_at <= stated_at]
    moved_since = _sum(one for one in parts if one.shipped_at > stated_at and one.shipment_number in moved)
    seen = _seen([one for one in known if one.cut_at <= stated_at])
    if seen and seen.allocated is not None:
        shipped_of_it = _sum(one for one in gone if one.shipped_at > seen.cut_at)
        seen = seen.model_copy(update={"allocated": max(seen.allocated - shipped_of_it, Decimal(0))})
    return _stand(demand, seen, _sum(gone) + moved_since, moved_since)


def _refused(demand: OpenDemand, known: list[LineAcknowledgement]) -> bool:
    """The ERP's last word on the line ends it, unless the order was sent again after that."""
    if not known or known[-1].status not in GONE:
        return False
    return demand.sent_again_at is None or known[-1].cut_at >= demand.sent_again_at


def _seen(known: list[LineAcknowledgement]) -> LineAcknowledgement | None:
    """The word that counts; picking says no quantities, so those of the line's last listing go on counting."""
    if not known or known[-1].status is not AcknowledgementStatus.PICKING:
        return known[-1] if known else None
    listed = [one for one in known if one.allocated is not None]
    return listed[-1] if listed else known[-1]


def _sum(parts: Iterable[ShippedPart]) -> Decimal:
    return sum((one.quantity for one in parts), Decimal(0))


def _stand(demand: OpenDemand, seen: LineAcknowledgement | None, left: Decimal, moved_since: Decimal) -> Standing:
    """Split what is outstanding by what the ERP had seen of it; quantities in the order's unit until the end."""
    factor, outstanding = demand.factor or Fraction(0), max(demand.quantity - left, Decimal(0))
    if seen is None or seen.status in GONE:
        return Standing(demand=demand, unseen=base_quantity(outstanding, factor))
    if seen.status is AcknowledgementStatus.CREDIT_HOLD:
        return Standing(demand=demand, on_hold=base_quantity(outstanding, factor))
    allocated = outstanding + moved_since if seen.allocated is None else seen.allocated
    left_inside = min(moved_since, allocated)
    uncovered = max(outstanding - (allocated - left_inside), Decimal(0))
    backordered = min(uncovered, seen.backordered)
    return Standing(
        demand=demand,
        covered=base_quantity(outstanding - uncovered, factor),
        unseen=base_quantity(uncovered - backordered, factor),
        backordered=base_quantity(backordered, factor),
        left_inside=base_quantity(left_inside, factor),
    )
