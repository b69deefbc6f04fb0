"""Holding a shipment for a person, and letting it go when the reason has gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.shipments import ShipmentState
from domain.sources import System
from runtime import metrics
from store import exceptions, shipments
from store.tables.shipments import ShipmentRow

CONNECTION_DESK = "integration"  # who owns the exceptions of connections
BILLING_DESK = "billing"  # who owns the exceptions of shipments
SEEN_IN_BOOKS = (Cause.INVOICE_DIFFERS, Cause.INVOICE_REMOVED, Cause.INVOICE_EDITED, Cause.INVOICE_DUPLICATE)


def hold_shipment(  # noqa: PLR0913 - how a shipment is held has several sides
    session: Session,
    row: ShipmentRow,
    findings: Sequence[Finding],
    stake: Decimal,
    at: datetime,
    *,
    state: ShipmentState | None = ShipmentState.HELD,
    keep: Sequence[Cause] = (),
    flow: str = "shipment",
) -> str:
    """Open (or keep open) one exception for a shipment, led by its first finding; answers its id.

    `flow` is the kind of workflow that waits for the answer.

    `state` None leaves the shipment's state alone: an invoiced one stays invoiced. Exceptions of other causes that no
    longer hold close themselves (feature G-I2), but for those of `keep`.
    """
    first = findings[0]
    if state is not None:
        shipments.set_state(session, row, state, reason=first.sentence)
    release_shipment(session, row.number, at, keep=(first.cause, *keep))
    metrics.count("exceptions_raised", kind=first.kind, cause=first.cause)
    choices = tuple(dict.fromkeys(choice for finding in findings for choice in finding.choices))
    return exceptions.open_item(
        session,
        finding=first,
        findings=findings,
        choices=ordered(choices),
        record=("shipment", row.number),
        money_at_stake=stake,
        owner=BILLING_DESK,
        workflow_id=f"{flow}/{row.number}",
    )


def ordered(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """The same choices with giving up at the end."""
    return tuple(sorted(choices, key=lambda choice: choice in {Choice.DO_NOT_BILL, Choice.HANDLED}))


def release_shipment(session: Session, number: str, at: datetime, *, keep: Sequence[Cause] = ()) -> None:
    """Close what is open on a shipment and not to be kept: its cause went away.

    Money that differs and what somebody did in QuickBooks stay open: readings of QuickBooks close those.
    """
    exceptions.close_by_itself(session, ("shipment", number), at, keep=(*keep, *SEEN_IN_BOOKS))


def open_connection_item(session: Session, system: System, said: str) -> None:
    """Open (or keep open) the one exception that says that a system does not let us in."""
    sentence = f"{system.title()} does not let the gateway in: {said} What waits for it goes on by itself afterwards."
    finding = Finding(
        kind=ExceptionKind.HOLD, cause=Cause.CONNECTION_REFUSED, sentence=sentence, choices=(Choice.HANDLED,)
    )
    exceptions.open_item(
        session,
        finding=finding,
        record=("connection", system),
        owner=CONNECTION_DESK,
    )


def open_not_billed(session: Session, row: ShipmentRow) -> str:
    """Open the work of a shipment that is out of billing, for a person who wants it back in; answers its id."""
    finding = Finding(
        kind=ExceptionKind.HOLD,
        cause=Cause.NOT_BILLED,
        sentence=f"Shipment {row.number} is not billed: {row.hold_reason or 'a person decided so'}.",
        choices=(Choice.BILL_AGAIN, Choice.DO_NOT_BILL),
    )
    return exceptions.open_item(
        session,
        finding=finding,
        record=("shipment", row.number),
        owner=BILLING_DESK,
        workflow_id=f"shipment/{row.number}",
    )
