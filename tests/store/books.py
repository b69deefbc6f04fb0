"""Builders for the tests of billing in the store: files, shipments, intents and invoices, in one open transaction."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from sqlmodel import Session

from domain.billing import decide
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.files import StagedGroup
from domain.invoices import BookedInvoice, IntentState
from domain.links import Link, LinkKind
from domain.returned import ReturnedGoods
from domain.returns import ReturnCondition, ReturnReceipt
from domain.shipments import Shipment, ShipmentState
from domain.sources import System
from store import customers, exceptions, files, intents, invoices, items, links, orders, returned, returns, shipments
from store.files import FileArrival
from store.tables.invoices import InvoiceIntentRow, InvoiceRow
from tests.build import billing_input, customer, item, order_for

SEEN_AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
BOOKED_AT = datetime(2026, 11, 23, 14, 0, 9, tzinfo=UTC)


def new_file(session: Session, filename: str = "SHPCNF.DAT") -> UUID:
    arrival = FileArrival(
        sha256=uuid4().hex, filename=filename, layout="shpcnf", byte_count=1, arrived_by="folder", visible_at=SEEN_AT
    )
    return files.register(session, arrival)[0].id


def state(session: Session, *stated: Shipment, filename: str = "SHPCNF.DAT") -> UUID:
    """A file states these shipments."""
    file_id = new_file(session, filename)
    groups = [
        StagedGroup(
            seq=seq,
            key=one.number,
            line_from=seq * 10,
            line_to=seq * 10 + 4,
            byte_from=0,
            byte_to=1,
            payload=one.model_dump(mode="json"),
        )
        for seq, one in enumerate(stated, start=1)
    ]
    shipments.record(session, shipments.Stating(file_id=file_id, seen_at=SEEN_AT, stated_at=datetime.now(UTC)), groups)
    return file_id


def take_back(session: Session, *goods: ReturnedGoods) -> None:
    """A file of returns says that these came back."""
    file = files.get(session, new_file(session, "RTNRCV.S000009"))
    assert file is not None
    fields = set(ReturnReceipt.model_fields) - {"order_number", "condition"}
    said = [
        ReturnReceipt(
            **one.model_dump(include=fields), order_number="SO1", condition=ReturnCondition[one.condition.name]
        )
        for one in goods
    ]
    returns.record(session, [(one, place) for place, one in enumerate(said, start=2)], file)
    returned.note(session, [one.shipment_number for one in said])


def masters(session: Session, *skus: str) -> None:
    """The customer, these items and the links of all of them."""
    customers.upsert(session, [customer()])
    items.upsert(session, [item(sku) for sku in skus])
    kinds = {LinkKind.CUSTOMER: ["00000042"], LinkKind.ITEM: [*skus, "FREIGHT"], LinkKind.TERMS: ["N30", "COD"]}
    given = [
        Link(kind=kind, system=System.QUICKBOOKS, local_key=key, external_id=f"qb-{key}", external_name=key)
        for kind, keys in kinds.items()
        for key in keys
    ]
    links.import_links(session, given, "test", SEEN_AT)


def place_order(session: Session, *stated: Shipment) -> None:
    orders.upsert(session, [order_for(one) for one in stated])


def intend(session: Session, stated: Shipment) -> InvoiceIntentRow:
    outcome = decide(billing_input(stated))
    assert outcome.draft is not None
    assert outcome.refs is not None
    row = intents.add(session, outcome.draft, outcome.refs, SEEN_AT)
    session.flush()
    shipments.set_state(
        session, shipments.lock_many(session, [stated.number])[stated.number], ShipmentState.INTENDED, at=SEEN_AT
    )
    return row


def book(session: Session, stated: Shipment, quickbooks_id: str) -> InvoiceRow:
    """The shipment has its invoice."""
    intent = intend(session, stated)
    draft = intents.get_many(session, [str(intent.id)])[0].draft
    booked = BookedInvoice(
        external_id=quickbooks_id,
        doc_number=draft.doc_number,
        sync_token="0",
        customer_id="qb-00000042",
        total=draft.total,
        balance=draft.total,
        invoiced_on=date(2026, 11, 20),
    )
    intents.settle(session, intent.id, IntentState.BOOKED, quickbooks_id=quickbooks_id)
    row = invoices.book(session, draft, booked, BOOKED_AT, adopted=False)
    shipments.set_state(
        session, shipments.lock_many(session, [stated.number])[stated.number], ShipmentState.INVOICED, at=BOOKED_AT
    )
    session.flush()
    return row


def held(session: Session, number: str, cause: Cause, sentence: str = "Something is missing.") -> str:
    finding = Finding(kind=ExceptionKind.HOLD, cause=cause, sentence=sentence, choices=(Choice.RETRY,))
    return exceptions.open_item(
        session,
        finding=finding,
        findings=[finding],
        choices=finding.choices,
        record=("shipment", number),
        money_at_stake=Decimal(25),
        owner="billing",
        workflow_id=f"shipment/{number}",
    )
