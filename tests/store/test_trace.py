"""The trace: from any key to everything that happened, in order, with the ids of where it happened."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlmodel import Session

from domain.billing import decide
from domain.exceptions import Cause, Choice, Resolution
from domain.invoices import IntentState
from domain.order_messages import OrderAction, OrderMessage
from domain.returns import ReturnCondition, ReturnReceipt
from store import (
    decisions,
    exceptions,
    files,
    intents,
    order_files,
    order_messages,
    returns,
    shipments,
)
from store.decisions import Decision
from store.trace import Trace, trace
from tests.build import billing_input, shipment
from tests.store.books import BOOKED_AT, book, held, intend, place_order, state

GIVEN = shipment()


@pytest.fixture
def file_id(session: Session) -> UUID:
    """A shipment with an order, a file, a decision and an invoice that Salesforce shows."""
    place_order(session, GIVEN)
    file_id = state(session, GIVEN, shipment(number="SH2", order_number="SO2"), filename="SHPCNF.S000417")
    given = billing_input(GIVEN)
    outcome = decide(given)
    decisions.keep(
        session,
        Decision(
            kind="billing",
            record=("shipment", "SH1"),
            policy_version=outcome.policy_version,
            inputs=given,
            outcome=outcome,
            made_at=BOOKED_AT,
        ),
    )
    book(session, GIVEN, "71")
    shipments.mark_published(session, ["SH1"], BOOKED_AT)
    session.expire_all()
    return file_id


def followed(session: Session, key: str) -> Trace:
    found = trace(session, key)
    assert found is not None
    return found


@pytest.mark.parametrize(("key", "kind"), [("SH1", "shipment"), ("SO1", "order"), ("71", "invoice")])
def test_every_key_leads_to_the_same_story(session: Session, file_id: UUID, key: str, kind: str) -> None:
    found = followed(session, key)
    assert (found.key, found.kind) == (key, kind)
    assert (found.shipments, found.orders, found.files) == (("SH1",), ("SO1",), (str(file_id),))
    assert found.invoices == ("SH1",)


@pytest.mark.parametrize("by", ["id", "sha256", "name"])
def test_a_file_leads_to_all_that_it_stated(session: Session, file_id: UUID, by: str) -> None:
    file = files.get(session, file_id)
    assert file is not None
    found = followed(session, {"id": str(file_id), "sha256": file.sha256, "name": file.filename}[by])
    assert (found.kind, found.shipments, found.orders) == ("file", ("SH1", "SH2"), ("SO1", "SO2"))


def test_the_story_is_in_order_and_names_where_things_happened(session: Session, file_id: UUID) -> None:
    events = followed(session, "SH1").events
    assert [one.at for one in events] == sorted(one.at for one in events)
    said = {one.what: one for one in events}
    assert {"file_visible", "file_received", "order_changed", "shipment_stated", "invoice_intended"} <= set(said)
    assert {"decision_billing", "invoice_booked", "invoice_published"} <= set(said)
    assert said["invoice_booked"].reference == "71"
    assert said["invoice_booked"].sentence == "Invoice SH1 over 25.00 was booked."
    assert said["shipment_stated"].reference == f"{file_id}:10-14"
    assert said["file_visible"].workflow_id is not None
    assert said["decision_billing"].sentence == "By policy test the decision was: bill."


def test_corrections_refusals_and_decisions_of_people_are_part_of_it(session: Session, file_id: UUID) -> None:
    """F9, G-B4."""
    later = GIVEN.model_copy(update={"freight": Decimal(3)})
    other = state(session, later)
    exception_id = held(session, "SH1", Cause.CORRECTION_AFTER_INVOICE, "It was corrected.")
    resolution = Resolution(
        exception_id=exception_id,
        choice=Choice.HANDLED,
        reason="credited",
        decided_by="dana",
        decided_at=datetime.now(UTC),
    )
    exceptions.resolve(session, resolution)
    second = shipment(number="SH2", order_number="SO2")
    intent = intend(session, second)
    intents.mark_sent(session, intents.get_many(session, [str(intent.id)]))
    intents.settle(session, intent.id, IntentState.REFUSED, code="period_closed", detail="The books are closed.")
    session.flush()
    session.expire_all()
    found = followed(session, "SH1")
    said = {one.what: one for one in found.events}
    assert set(found.files) == {str(file_id), str(other)}
    assert said["shipment_corrected"].reference == f"{other}:10-14"
    assert said["exception_correction_after_invoice"].reference == exception_id
    assert said["exception_resolved"].sentence == "It was closed: dana chose handled."
    refused = {one.what: one.sentence for one in followed(session, "SH2").events}
    assert refused["invoice_sent"] == "QuickBooks was asked for it (1 time)."
    assert refused["invoice_refused"] == "It was refused: The books are closed."


def test_an_unknown_key_has_no_trace(session: Session, file_id: UUID) -> None:
    assert trace(session, "nothing like it") is None


def test_what_the_erp_was_told_and_what_came_back_is_part_of_an_orders_story(session: Session, file_id: UUID) -> None:
    """O12."""
    message = OrderMessage(
        action=OrderAction.CANCEL,
        order_number="SO1",
        customer_number="00000042",
        ordered_on=BOOKED_AT.date(),
        warehouse="ATL",
        terms="N30",
    )
    known = order_messages.add(session, message, BOOKED_AT)
    order_files.freeze(
        session,
        sequence=1,
        name="ORDIMP.S000001",
        layout="ordimp",
        layout_digest="d",
        content=b"",
        replacements=(),
        at=BOOKED_AT,
    )
    order_messages.take(session, [known], 1)
    order_files.mark_written(session, 1, BOOKED_AT)
    file = files.get(session, file_id)
    assert file
    receipt = ReturnReceipt(
        rma="RM1",
        order_number="SO1",
        shipment_number="SH1",
        line_no=1,
        sku="BOLT",
        quantity=Decimal("1.50"),
        uom="EA",
        condition=ReturnCondition.DAMAGED,
        received_on=BOOKED_AT.date(),
    )
    returns.record(session, [(receipt, 7)], file)

    told = {event.what: event for event in followed(session, "SO1").events}

    assert told["order_cancel_intended"].sentence == "The ERP shall be told to cancel order SO1."
    assert told["order_cancel_written"].reference == "ORDIMP.S000001"
    assert "1.5 EA of BOLT came back by RM1, of shipment SH1 line 1: damaged." in told["return_received"].sentence
    assert told["return_received"].reference == f"{file_id}:7"
