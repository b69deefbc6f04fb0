"""Fills the store the way that the product does: a file, its shipments, what was billed, what waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import Session

from domain import billing
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.files import Entity, FileState, FileSummary, Reject, Severity, StagedGroup
from domain.invoices import BookedInvoice
from domain.links import LinkKind, Proposal
from domain.shipments import Shipment, ShipmentState
from domain.sources import System
from store import customers, decisions, exceptions, files, intents, invoices, items, links, orders, shipments
from tests import build

AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def masters(session: Session, *, count: int = 3) -> None:
    """Customers 00000041.. and items of which one has a slash in its SKU."""
    customers.upsert(session, [build.customer(f"{41 + n:08d}", name=f"Customer {n}") for n in range(count)])
    items.upsert(session, [build.item(sku) for sku in ("BOLT", "NUT/3-8", "WASHER")[:count]])


def source_file(session: Session, *, content: str | None = None, **changes: Any) -> UUID:
    """A received file, each with content of its own."""
    fields = {
        "sha256": content or uuid4().hex * 2,
        "filename": "SHPCNF.S000417",
        "layout": "shpcnf",
        "entity": Entity.SHIPMENT_CONFIRMATION,
        "byte_count": 1400,
        "arrived_by": "http",
        "visible_at": AT,
    }
    file, _ = files.register(session, files.FileArrival(**{**fields, **changes}))
    return file.id


def rejected(session: Session, file_id: UUID, count: int) -> None:
    """A file that was read, with so many refused records."""
    rejects = tuple(
        Reject(
            severity=Severity.GROUP,
            code="E_NUM",
            message="This is no number.",
            remedy="Correct the field in the ERP and export again.",
            line=n,
            field="qty",
            column_from=20,
            column_to=29,
            text="12A",
        )
        for n in range(1, count + 1)
    )
    summary = FileSummary(
        layout="shpcnf",
        layout_version=1,
        layout_digest="d",
        entity=Entity.SHIPMENT_CONFIRMATION,
        sequence=417,
        byte_count=1400,
        record_count=10,
        group_count=3,
        rejected_group_count=count,
        totals={"lines": "7"},
        rejects=rejects,
    )
    files.save_summary(session, file_id, summary)
    files.set_state(session, file_id, FileState.READ, AT)


def confirmed(session: Session, *given: Shipment, seen_at: datetime = AT) -> UUID:
    """A file that states these shipments."""
    file_id = source_file(session)
    groups = [
        StagedGroup(
            seq=n,
            key=one.number,
            line_from=n * 10,
            line_to=n * 10 + 2,
            byte_from=0,
            byte_to=1,
            payload=one.model_dump(mode="json"),
        )
        for n, one in enumerate(given, start=1)
    ]
    shipments.record(session, shipments.Stating(file_id=file_id, seen_at=seen_at, stated_at=seen_at), groups)
    return file_id


def billed(session: Session, number: str, *, seconds: float = 2.5, quickbooks_id: str = "145", **changes: Any) -> None:
    """A recorded shipment's invoice in QuickBooks, so long after its file was seen."""
    row = shipments.lock_many(session, [number])[number]
    asked = build.billing_input(shipments.shipment_from(row, shipments.lines_of(session, [number])[number]))
    given = billing.decide(asked)
    assert given.draft is not None
    assert given.refs is not None
    taken = decisions.Decision("billing", ("shipment", number), given.policy_version, asked, given, AT)
    decisions.keep(session, taken)
    intents.add(session, given.draft, given.refs, row.received_at + timedelta(seconds=1))
    at = row.received_at + timedelta(seconds=seconds)
    booked = BookedInvoice(
        external_id=quickbooks_id,
        doc_number=given.draft.doc_number,
        sync_token="0",
        customer_id="qb-1",
        total=given.draft.total,
        balance=given.draft.total,
        **changes,
    )
    invoices.book(session, given.draft, booked, at, adopted=False)
    shipments.set_state(session, row, ShipmentState.INVOICED, at=at)


def not_billed(session: Session, number: str, reason: str = "a person decided so") -> None:
    """A recorded shipment is out of billing."""
    row = shipments.lock_many(session, [number])[number]
    shipments.set_state(session, row, ShipmentState.NOT_BILLED, reason=reason)


def refused(session: Session, file_id: UUID, *, cause: Cause = Cause.FILE_REFUSED) -> str:
    """A file is refused (or its work stopped), and waits for a person; answers the exception's id."""
    state = FileState.REFUSED if cause is Cause.FILE_REFUSED else FileState.READ
    files.set_state(session, file_id, state, AT)
    return exception(
        session,
        str(file_id),
        record_type="file",
        cause=cause,
        kind=ExceptionKind.DEAD_LETTER,
        choices=(Choice.RETRY, Choice.HANDLED),
        stake=None,
    )


def ordered(session: Session, *numbers: str, **changes: Any) -> None:
    """Orders of these numbers, from Salesforce."""
    orders.upsert(
        session, [build.order(number=number, external_id=f"801{number:>015}", **changes) for number in numbers]
    )


def exception(
    session: Session,
    key: str | None = None,
    *,
    record_type: str = "shipment",
    cause: Cause = Cause.UNKNOWN_ITEM,
    kind: ExceptionKind = ExceptionKind.HOLD,
    choices: Sequence[Choice] = (Choice.USE_ITEM, Choice.DO_NOT_BILL),
    stake: str | None = "201.25",
) -> str:
    """Open work on a record, by default one that nothing else is about; answers its id."""
    key = key or f"SH-{uuid4().hex[:8]}"
    finding = Finding(
        kind=kind, cause=cause, sentence="No such item.", choices=tuple(choices), line_no=2, subject="X-9"
    )
    return exceptions.open_item(
        session,
        finding=finding,
        findings=[finding],
        choices=choices,
        record=(record_type, key),
        money_at_stake=None if stake is None else Decimal(stake),
        owner="billing",
        workflow_id=f"shipment/{key}" if record_type == "shipment" else None,
    )


def proposals(session: Session, *keys: str, kind: LinkKind = LinkKind.ITEM) -> None:
    """Proposed pairs of our keys with QuickBooks records `qb-KEY`."""
    given = [
        Proposal(
            kind=kind,
            system=System.QUICKBOOKS,
            local_key=key,
            local_name=key,
            external_id=f"qb-{key}",
            external_name=key,
            score=Decimal("0.95"),
            exact=False,
            reason="similar name",
        )
        for key in keys
    ]
    links.replace_proposals(session, System.QUICKBOOKS, kind, given)


def one_of_everything(session: Session) -> None:
    """Masters, order SO1, shipment SH1 with its invoice SH1, held shipment SH2, an exception, a file with rejects."""
    masters(session)
    ordered(session, "SO1", "SO2")
    confirmed(session, build.shipment(), build.shipment(number="SH2", order_number="SO2"))
    billed(session, "SH1")
    exception(session, "SH2")
    rejected(session, source_file(session, filename="SHPCNF.S000418"), 5)
    proposals(session, "BOLT", "WASHER")
