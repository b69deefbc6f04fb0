"""What a promise is made of and comes to: the explicit inputs of the decision, its components, its outcome."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.demand import LineAcknowledgement, OpenDemand, Reservation
from domain.freshness import BufferPolicy, Confidence, FeedSchedule
from domain.money import Quantity, plain
from domain.standings import Standing
from domain.stock_balances import Balance, sellable_on_hand
from domain.stock_guards import StockFinding, StockPolicy


class Part(StrEnum):
    """What a component of the number is, in the order in which they are listed."""

    ON_HAND = "on_hand"
    ALLOCATED = "allocated"
    LEFT_INSIDE = "left_inside"
    UNSEEN = "unseen"
    ON_HOLD = "on_hold"
    BACKORDERED = "backordered"
    UNASSIGNED = "unassigned"
    RESERVED = "reserved"
    BUFFER = "buffer"


class Component(BaseModel):
    """One summand: its signed quantity in base units and where it comes from. `orders`: how many orders are in it."""

    model_config = ConfigDict(frozen=True)

    part: Part
    quantity: Quantity
    warehouse: str | None = None
    as_of_at: AwareDatetime | None = None
    orders: int = 0
    sources: tuple[str, ...] = ()


class StockFigure(BaseModel):
    """A row's stock as an input: sellable buckets only. `stated_at` is the base's instant, None: nothing was stated.

    `stated_on_hand` and `stated_allocated` are over all buckets, whether they are sold from or not.
    `agreed_on_hand` is set while a swing is held. `moved`: shipments already taken off the on hand since the base.
    """

    model_config = ConfigDict(frozen=True)

    warehouse: str
    on_hand: Quantity
    allocated: Quantity
    stated_on_hand: Quantity = Decimal(0)
    stated_allocated: Quantity = Decimal(0)
    stated_at: AwareDatetime | None
    as_of_at: AwareDatetime | None
    sequence: int = 0
    agreed_on_hand: Quantity | None = None
    held: str | None = None
    moved: tuple[str, ...] = ()
    not_sellable: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class AvailabilityPolicy(BaseModel):
    """The rules of a promise; `version` names them in every stored decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    feed: FeedSchedule = FeedSchedule()
    buffer: BufferPolicy = BufferPolicy()
    backorders_deduct: bool = True  # what comes in is spoken for before it is here


class AvailabilityInput(BaseModel):
    """Everything that one number is made of. `warehouse` None: the total over `figures`. Lists may hold repetitions."""

    model_config = ConfigDict(frozen=True)

    sku: str
    warehouse: str | None
    figures: tuple[StockFigure, ...]
    demands: tuple[OpenDemand, ...] = ()
    acknowledgements: tuple[LineAcknowledgement, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    policy: AvailabilityPolicy
    at: AwareDatetime


class Availability(BaseModel):
    """What can be promised. `value` may be negative; `published` never is, and is None where nothing may be said.

    `held`: this row's publication waits for a person, and what is shown stays. `as_of_at` is the oldest of its figures'
    base instants: with `sequence` it is the version that guards every write outward.
    """

    model_config = ConfigDict(frozen=True)

    sku: str
    warehouse: str | None
    value: Quantity
    published: Quantity | None
    confidence: Confidence
    as_of_at: AwareDatetime | None
    sequence: int
    on_hand: Quantity
    allocated: Quantity
    stated_on_hand: Quantity = Decimal(0)
    stated_allocated: Quantity = Decimal(0)
    components: tuple[Component, ...]
    standings: tuple[Standing, ...] = ()
    notes: tuple[str, ...] = ()
    held: str | None = None
    findings: tuple[StockFinding, ...] = ()
    policy_version: str


def stock_figure(balance: Balance, policy: StockPolicy) -> StockFigure:
    """A balance as an input of the promise: of buckets that are not sold from, nothing counts (case I10)."""
    counts = balance.counts()
    sellable = [one for one in counts if policy.sellable.get(one.bucket, False)]
    others = [one for one in counts if not policy.sellable.get(one.bucket, False)]
    base = balance.base
    return StockFigure(
        warehouse=balance.warehouse,
        on_hand=sellable_on_hand(counts, policy.sellable),
        allocated=sum((one.allocated for one in sellable), Decimal(0)),
        stated_on_hand=sum((one.on_hand for one in counts), Decimal(0)),
        stated_allocated=sum((one.allocated for one in counts), Decimal(0)),
        stated_at=base.effective_at if base else None,
        as_of_at=balance.moved_at(),
        sequence=base.sequence if base else 0,
        agreed_on_hand=balance.agreed.on_hand if balance.held and balance.agreed else None,
        held=balance.held.sentence if balance.held else None,
        moved=tuple(sorted({one.reference for one in balance.deltas if base and one.reference})),
        not_sellable=tuple(f"{plain(one.on_hand)} in bucket {one.bucket}" for one in others),
        sources=(base.source, *(one.source for one in balance.deltas)) if base else (),
    )
