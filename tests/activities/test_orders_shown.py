"""Orders in Salesforce: lines, amounts and balances are right in the end, whatever befalls a publication."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError

from domain.exceptions import ExceptionItem
from domain.shipments import LineReason
from domain.work import Published
from store import exceptions
from store.session import reading
from store.tables.files import InboxRow
from store.tables.stock import StockMarkRow
from tests.activities.salesroom import CUSTOMER, SKU, Death, Salesroom, shipped
from tests.adapters.salesforce import world
from tests.adapters.salesforce.harness import MemoryVault, Twin, gateway_to

GRAPH, ACCOUNTS = "POST composite/graph", "PATCH composite/sobjects/Account/ERP_Id__c"
NOTHING = Published(accepted=0, refused=0)


@pytest.fixture
def room(engine: Engine, served_org: Twin) -> Iterator[Salesroom]:
    served_org.reset()
    gateway = gateway_to(served_org.url, MemoryVault())
    yield Salesroom(engine, served_org, gateway)
    gateway.close()


def work_on(room: Salesroom, *record: str) -> list[ExceptionItem]:
    with reading(room.engine) as session:
        return exceptions.open_of_record(session, (record[0], record[1]))


def test_a_partial_shipment_shows_on_line_order_and_customer(room: Salesroom) -> None:
    """O1, O2, O17."""
    room.place("SO1", lines=[world.line(1, SKU, "10", "2.50"), world.line(2, SKU, "3", "1.10")])
    room.bill(shipped("SH1", "SO1", "4", reason=LineReason.BACKORDERED))
    assert room.publish("SH1").refused == 0
    assert room.lines("SO1") == [(4.0, 6.0, 4.0), (None, None, None)], "of an untouched line nothing is said"
    order = room.order("SO1")
    assert (order["Invoiced_Amount__c"], order["Open_Amount__c"]) == (10.0, 18.3)
    assert room.rows("Account", "ERP_Id__c")[CUSTOMER]["Open_Balance__c"] == 10.0

    room.bill(shipped("SH2", "SO1", "6"))
    room.publish("SH2")
    assert room.lines("SO1")[0] == (10.0, 0.0, 10.0)
    assert room.order("SO1")["Open_Amount__c"] == 3.3


def test_only_what_changed_is_said(room: Salesroom) -> None:
    room.place("SO1", lines=[world.line(number, SKU, "10", "2.50") for number in (1, 2, 3)])
    room.bill(shipped("SH1", "SO1", "4"))
    assert room.publish("SH1") == Published(accepted=7, refused=0), "order, line, invoice, 3 events, customer"
    after = room.last_call()
    assert room.publish("SH1") == NOTHING
    assert room.calls(after) == {}
    room.change_invoice("SH1", balance=Decimal(7))
    assert room.publish("SH1") == Published(accepted=3, refused=0), (
        "the invoice, that it is partly paid, and what is owed"
    )
    assert room.calls(after) == {GRAPH: 1, ACCOUNTS: 1}


def test_an_event_is_said_once_and_for_all(room: Salesroom) -> None:
    room.place("SO1")
    room.bill(shipped("SH1", "SO1"))
    room.publish("SH1")
    events = room.rows("Order_Event__c", "Event_Key__c")
    assert [one["Type__c"] for one in events.values()].count("Invoiced") == 1
    room.change_invoice("SH1", doc_number="renumbered")
    room.publish("SH1")
    assert room.rows("Invoice__c", "Invoice_Key__c")["SH1:1"]["Doc_Number__c"] == "renumbered"
    assert room.rows("Order_Event__c", "Event_Key__c") == events


def test_a_line_goes_back_to_nothing_when_its_invoice_is_voided(room: Salesroom) -> None:
    """E9: what was said is taken back, also when nobody knows whether it was heard."""
    room.place("SO1")
    room.bill(shipped("SH1", "SO1"))
    room.publish("SH1")
    room.change_invoice("SH1", status="voided", balance=Decimal(0))
    room.mortal.dies = "before publish_orders"
    with pytest.raises(Death):
        room.publish("SH1")
    room.mortal.dies = ""
    room.publish("SH1")
    assert room.lines("SO1") == [(10.0, 0.0, 0.0)]
    order = room.order("SO1")
    assert (order["Gateway_Status__c"], order["Invoiced_Amount__c"], order["Open_Amount__c"]) == ("Shipped", 0.0, 25.0)
    assert room.rows("Account", "ERP_Id__c")[CUSTOMER]["Open_Balance__c"] == 0.0


@pytest.mark.parametrize("call", ["publish_orders", "publish_accounts"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_death_around_a_call_changes_nothing_in_the_end(room: Salesroom, moment: str, call: str) -> None:
    """What was said last is in doubt from before the call until its answer is kept: it is said again."""
    room.place("SO1")
    room.bill(shipped("SH1", "SO1", "4"))
    room.mortal.dies = f"{moment} {call}"
    with pytest.raises(Death):
        room.publish("SH1")
    room.mortal.dies = ""
    room.publish("SH1")
    assert room.lines("SO1") == [(4.0, 0.0, 4.0)]
    assert room.order("SO1")["Open_Amount__c"] == 15.0
    types = [one["Type__c"] for one in room.rows("Order_Event__c", "Event_Key__c").values()]
    assert types.count("Invoiced") == len(room.rows("Invoice__c", "Invoice_Key__c")) == 1
    assert room.publish("SH1") == NOTHING


def test_the_newest_wins_after_a_lost_answer(room: Salesroom) -> None:
    """Salesforce took 4 and nobody knows; meanwhile 10 is true, and then 4 again."""
    room.place("SO1")
    room.bill(shipped("SH1", "SO1", "4"))
    room.publish("SH1")
    room.bill(shipped("SH2", "SO1", "6"))
    room.org.fault("commit_then_reset", path="/composite/graph", times=0)
    with pytest.raises(ApplicationError) as raised:
        room.publish("SH2")
    assert not raised.value.non_retryable
    room.org.clear_faults()
    assert room.lines("SO1") == [(10.0, 0.0, 10.0)]
    room.change_invoice("SH2", status="voided", balance=Decimal(0))
    room.publish("SH2")
    assert room.lines("SO1") == [(10.0, 0.0, 4.0)]


def test_a_lock_that_lasts_lets_the_work_go_on_later(room: Salesroom) -> None:
    room.place("SO1", "SO2")
    room.bill(shipped("SH1", "SO1"), shipped("SH2", "SO2"))
    room.org.fault("item_lock", contains="SO1", times=0)
    with pytest.raises(ApplicationError) as raised:
        room.publish("SH1", "SH2")
    assert not raised.value.non_retryable
    assert room.lines("SO2") == [(10.0, 0.0, 10.0)]
    room.org.clear_faults()
    assert room.publish("SH1", "SH2") == Published(accepted=7, refused=0), "the other order was heard already"
    assert room.lines("SO1") == [(10.0, 0.0, 10.0)]


def test_one_order_that_is_refused_among_thirty_is_work_and_the_others_are_shown(room: Salesroom) -> None:
    numbers = [f"SO{number:02d}" for number in range(30)]
    room.place(*numbers)
    room.bill(*(shipped(f"SH-{number}", number) for number in numbers))
    room.org.fault("trigger_failure", contains="SO17?updateOnly", times=0)
    published = room.publish(*(f"SH-{number}" for number in numbers))
    assert published.refused == 1
    assert {number for number in numbers if room.order(number)["Gateway_Status__c"] is None} == {"SO17"}
    assert all(room.lines(number) == [(10.0, 0.0, 10.0)] for number in numbers)
    (item,) = work_on(room, "order", "SO17")
    assert item.sentence.startswith("Salesforce refused what the gateway states about order SO17 (CANNOT_INSERT")
    assert len(room.rows("Invoice__c", "Invoice_Key__c")) == 30
    assert room.publish("SH-SO17") == NOTHING, "it waits for the person"


def test_a_line_that_was_deleted_and_an_order_that_is_gone_are_no_work(room: Salesroom) -> None:
    """A rep deletes after the gateway read: the rest of the order is shown, and the next poll reads what is left."""
    room.place("SO1", "SO2", activate=False)
    room.bill(shipped("SH1", "SO1"), shipped("SH2", "SO2"))
    (item,) = [row for row in room.rows("OrderItem", "Id").values() if row["OrderId"] == room.order("SO1")["Id"]]
    room.org.control("DELETE", f"/records/OrderItem/{item['Id']}")
    room.org.control("DELETE", f"/records/Order/{room.order('SO2')['Id']}")
    after = room.last_call()
    published = room.publish("SH1", "SH2")
    assert published == Published(accepted=3, refused=0), (
        "invoice, event and customer: of a draft itself nothing is said"
    )
    assert room.order("SO1")["Gateway_Status__c"] is None
    assert work_on(room, "order", "SO1") == work_on(room, "order", "SO2") == []
    assert room.calls(after) == {GRAPH: 2, ACCOUNTS: 1}, "what is not there is not asked for twice"


def test_a_customer_whom_salesforce_refuses_is_work_of_their_own(room: Salesroom) -> None:
    room.place("SO1")
    rule = {"object": "Account", "field": "Name", "equals": "Brightwater Plumbing", "message": "Closed account."}
    room.org.control("PATCH", "/settings", {"validation_rules": [rule]})
    room.bill(shipped("SH1", "SO1"))
    assert room.publish("SH1") == Published(accepted=6, refused=1)
    (item,) = work_on(room, "customer", CUSTOMER)
    assert "about customer 00040017 (FIELD_CUSTOM_VALIDATION_EXCEPTION)" in item.sentence
    assert work_on(room, "order", "SO1") == []
    room.org.control("PATCH", "/settings", {"validation_rules": []})
    room.change_invoice("SH1", balance=Decimal(3))
    assert room.publish(customers=[CUSTOMER]) == Published(accepted=1, refused=0)
    assert work_on(room, "customer", CUSTOMER) == []


def test_our_own_writes_come_back_and_change_nothing(room: Salesroom) -> None:
    """The stamp of an order moves with what we write on it and on its lines. The inbox keeps one row for each version
    that was seen, the proof of why nothing was done; nobody is woken, nothing is decided again, nothing is written.
    """
    numbers = ["SO1", "SO2", "SO3"]
    room.place(*numbers)
    room.bill(*(shipped(f"SH-{number}", number, "4") for number in numbers))
    room.org.control("PATCH", "/clock", {"advance_seconds": 2})
    room.publish(*(f"SH-{number}" for number in numbers))
    room.settle()
    seen, after = room.count(InboxRow), room.last_call()
    pulled = room.pull()
    assert (pulled.changed_count, room.count(StockMarkRow)) == (0, 0)
    assert room.count(InboxRow) == seen + len(numbers)
    for _ in range(3):
        assert room.pull().changed_count == 0
        assert room.publish(*(f"SH-{number}" for number in numbers)) == NOTHING
    assert room.count(InboxRow) == seen + len(numbers)
    assert {call for call in room.calls(after) if not call.startswith("GET")} == set()


def test_a_change_of_a_rep_that_rides_with_an_echo_is_seen(room: Salesroom) -> None:
    room.place("SO1")
    room.bill(shipped("SH1", "SO1", "4"))
    room.org.control("PATCH", "/clock", {"advance_seconds": 2})
    room.publish("SH1")
    room.settle()
    change = {"match": {"ERP_Order_Id__c": "SO1"}, "fields": {"PoNumber": "PO-NEW"}}
    room.org.control("POST", "/records/Order", change)
    pulled = room.pull()
    assert (pulled.changed, room.count(StockMarkRow)) == (["SO1"], 1)


def test_thirty_orders_take_two_calls(room: Salesroom) -> None:
    """Before lines and balances were said it were four: a query, and one each for orders, invoices and events."""
    numbers = [f"SO{number:02d}" for number in range(30)]
    room.place(*numbers, lines=[world.line(number, SKU, "10", "2.50") for number in range(1, 11)])
    room.bill(*(shipped(f"SH-{number}", number) for number in numbers))
    after = room.last_call()
    published = room.publish(*(f"SH-{number}" for number in numbers))
    assert published == Published(accepted=30 * 6 + 1, refused=0)
    assert room.calls(after) == {GRAPH: 1, ACCOUNTS: 1}
