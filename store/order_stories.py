"""The story of one order, for a person: where it stands and why, its line ledger, and what the ERP was told."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlmodel import Session

from domain.money import Money, Quantity
from domain.sources import System
from store import observations, order_messages, order_states
from store.order_messages import KnownMessage


class StoryLine(BaseModel):
    """The ledger of one line: ordered = shipped + backordered + cancelled + open, without what went over."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    line_no: int
    sku: str
    uom: str
    ordered: Quantity
    shipped: Quantity
    backordered: Quantity
    cancelled: Quantity
    open: Quantity
    overshipped: Quantity
    allocated: Quantity
    billed: Quantity
    waived: Quantity
    returned: Quantity
    credited: Quantity
    unbilled: Quantity
    credit_due: Quantity
    promise_on: date | None


class StoryEvent(BaseModel):
    """One thing that was observed; `seen_at` is when the gateway knew it."""

    model_config = ConfigDict(frozen=True)

    occurred_at: AwareDatetime
    seen_at: AwareDatetime
    system: System
    kind: str
    value: str
    reference: str
    note: str


class OrderStory(BaseModel):
    """An order's state by the lifecycle, since when, what Salesforce shows of it, and all that led to it."""

    model_config = ConfigDict(frozen=True)

    order_number: str
    state: str
    shows: str | None
    since_at: AwareDatetime
    closed: bool
    lifecycle: str
    ordered_amount: Money
    open_amount: Money
    unbilled_amount: Money
    looks_at: AwareDatetime | None
    said_at: AwareDatetime | None
    lines: tuple[StoryLine, ...]
    events: tuple[StoryEvent, ...]
    messages: tuple[KnownMessage, ...]


def story(session: Session, number: str, as_of: datetime | None = None) -> OrderStory | None:
    """The story of an order (or what it was at a time), oldest event first; None where nobody had looked at it yet."""
    row = order_states.of_orders(session, [number], as_of).get(number)
    if row is None:
        return None
    seen = observations.of_orders(session, [number], as_of).get(number, [])
    lines = order_states.ledgers_of(session, [number], as_of).get(number, [])
    return OrderStory(
        order_number=number,
        state=row.state,
        shows=row.shows,
        since_at=row.since_at,
        closed=row.closed,
        lifecycle=row.policy_version,
        ordered_amount=row.ordered_amount,
        open_amount=row.open_amount,
        unbilled_amount=row.unbilled_amount,
        looks_at=row.look_at,
        said_at=row.said_at,
        lines=tuple(StoryLine.model_validate(line) for line in lines),
        events=tuple(_event(one) for one in seen),
        messages=tuple(order_messages.history(session, number, as_of)),
    )


def _event(seen: observations.Seen) -> StoryEvent:
    return StoryEvent(**seen.observation.model_dump(), seen_at=seen.seen_at)
