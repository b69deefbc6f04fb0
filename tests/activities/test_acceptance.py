"""New orders of Salesforce get one number each, and lines theirs; what lacks something waits and heals by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from activities.orders import TO_WAKE
from domain.exceptions import Cause as Why
from domain.order_acceptance import NumberRules
from store import cursors, items
from store.session import reading, transaction
from store.tables.files import InboxRow
from tests.activities.order_desk import Desk, Meddled, Row, blank
from tests.activities.salesroom import BY, CUSTOMER
from tests.adapters.salesforce import world
from tests.build import item


def test_a_new_order_gets_its_number_its_lines_and_their_units(desk: Desk) -> None:
    order = desk.place(blank(), blank(world.SKUS[1], uom="EA"), blank(unit_price="0"))
    pulled = desk.pull()

    assert (pulled.accepted, pulled.changed) == (1, ["SO900001"])
    assert desk.number(order) == "SO900001"
    assert desk.line_numbers(order) == [1, 2, 3]
    assert [row["UoM__c"] for row in desk.lines(order)] == ["BX", "EA", "BX"]
    kept = desk.known("SO900001")["SO900001"]
    assert kept.external_id == order
    assert kept.customer_number == CUSTOMER
    assert [(line.line_no, line.uom) for line in kept.lines] == [(1, "BX"), (2, "EA"), (3, "BX")]
    assert desk.to_look() == ["SO900001"]
    assert desk.record(order)["Status"] == "Activated", "nothing but our own fields is written"


def test_numbers_follow_one_another(desk: Desk) -> None:
    placed = [desk.place() for _ in range(3)]
    desk.pull()
    placed.append(desk.place())
    desk.pull()

    assert sorted(str(desk.number(one)) for one in placed) == [f"SO90000{place}" for place in (1, 2, 3, 4)]


def test_numbers_that_orders_have_are_passed_over(desk: Desk) -> None:
    desk.place(blank(line=1, uom="EA"), number="SO900001")
    desk.place(blank(line=1, uom="EA"), number="SO900003")
    desk.pull()
    placed = [desk.place(), desk.place()]
    desk.pull()

    assert sorted(str(desk.number(one)) for one in placed) == ["SO900002", "SO900004"]


def test_an_echo_of_our_own_writing_changes_nothing(desk: Desk) -> None:
    order = desk.place()
    desk.pull()
    with transaction(desk.engine, BY) as session:
        cursors.strike(session, TO_WAKE, ["SO900001"])
    writes = len(desk.org.calls("PATCH", "composite"))
    for again in (desk.pull(), desk.read(order)):
        assert (again.changed_count, again.accepted) == (0, 0)
    assert len(desk.org.calls("PATCH", "composite")) == writes


def test_a_hint_brings_the_number_too(desk: Desk) -> None:
    order, other = desk.place(), desk.place()
    read = desk.read(order)

    assert (read.accepted, read.changed) == (1, ["SO900001"])
    assert desk.number(order) == "SO900001"
    assert desk.number(other) is None, "nobody asked for it"


def test_a_hint_of_a_line_reads_its_order(desk: Desk) -> None:
    order = desk.place()
    desk.pull()
    line = str(desk.lines(order)[0]["Id"])
    desk.change("OrderItem", {"Id": line}, Quantity=9)

    assert desk.read(lines=(line,)).changed == ["SO900001"]
    assert desk.known("SO900001")["SO900001"].lines[0].quantity == 9


def test_hints_of_nothing_do_nothing(desk: Desk) -> None:
    unknown = "801TW0000000zzzYAA"
    assert desk.read(unknown, lines=("802TW0000000zzzYAA",)).read == 0


def test_an_order_that_is_gone_is_read_as_deleted(desk: Desk) -> None:
    order = desk.place()
    desk.pull()
    desk.change("Order", {"Id": order}, Status="Draft")
    desk.org.control("DELETE", f"/records/Order/{order}")

    assert desk.read(order).changed == ["SO900001"]
    assert desk.known("SO900001")["SO900001"].deleted


def test_a_hint_never_puts_an_older_state_over_a_newer_one(desk: Desk) -> None:
    order = desk.place()
    desk.pull()
    pages = list(desk.gateway.orders_by_id([order]))
    desk.org.control("PATCH", "/clock", {"advance_seconds": 5})
    desk.change("Order", {"Id": order}, PoNumber="PO-NEW")
    desk.pull()

    class Late:
        """A read that was on its way for long."""

        def orders_by_id(self, _: object) -> Any:
            return iter(pages)

        def orders_of_lines(self, _: object) -> list[str]:
            return []

    assert desk.read(order, gateway=Late()).changed == []
    assert desk.known("SO900001")["SO900001"].purchase_order == "PO-NEW"


def test_a_draft_is_left_alone_until_it_is_activated(desk: Desk) -> None:
    order = desk.place(activate=False)
    assert desk.pull().accepted == 0
    assert desk.number(order) is None
    assert desk.work_on(order) == []

    desk.change("Order", {"Id": order}, Status="Activated")
    assert desk.pull().accepted == 1


def test_the_statuses_that_count_can_be_named(desk: Desk) -> None:
    order, draft = desk.place(), desk.place(activate=False)
    desk.rules = NumberRules(statuses=("Draft",))
    desk.pull()
    assert (desk.number(order), desk.number(draft)) == (None, "SO900001")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((blank(quantity="0"),), "no quantity above zero"),
        ((blank(line=1), blank(line=1)), "2 lines have the number 1"),
        ((blank(line=0),), "a line has the number 0"),
    ],
)
def test_what_the_erp_cannot_take_is_work_for_a_person(desk: Desk, lines: tuple[Row, ...], said: str) -> None:
    order = desk.place(*lines)
    desk.pull()
    (work,) = desk.work_on(order)

    assert work.cause is Why.ORDER_INCOMPLETE
    assert said in work.sentence
    assert desk.number(order) is None
    assert desk.line_numbers(order) == [line["line"] for line in lines], "nothing is written until all is there"


def test_an_order_heals_when_what_it_lacks_is_there(desk: Desk) -> None:
    """The account is completed, the product and the item master; the order itself never changes."""
    order = desk.place(blank(world.SKUS[1]))
    account = desk.record(order)["AccountId"]
    product = desk.lines(order)[0]["Product2Id"]
    desk.change("Account", {"Id": account}, ERP_Id__c=None)
    desk.change("Product2", {"Id": product}, ERP_SKU__c="NEW-SKU")
    desk.pull()
    (work,) = desk.work_on(order)
    assert "its account has no ERP number" in work.sentence
    assert "no unit, and item NEW-SKU is not in the item master" in work.sentence

    desk.change("Account", {"Id": account}, ERP_Id__c=CUSTOMER)
    with transaction(desk.engine, BY) as session:
        items.upsert(session, [item("NEW-SKU")])
    desk.later()
    assert desk.pull().accepted == 1
    assert desk.work_on(order) == []
    assert desk.number(order) == "SO900001"
    assert desk.waiting() == {}


def test_what_lacks_something_is_not_asked_for_at_each_poll(desk: Desk) -> None:
    """Each look costs calls of the day's pool."""
    order = desk.place()
    desk.change("Account", {"Id": desk.record(order)["AccountId"]}, ERP_Id__c=None)
    desk.pull()
    desk.org.control("PATCH", "/clock", {"advance_seconds": 3600})
    with transaction(desk.engine, BY) as session:
        cursors.advance(session, "salesforce-orders", cursors_later(desk))
    before = len(desk.org.calls("GET", "queryAll"))
    desk.pull()
    assert len(desk.org.calls("GET", "queryAll")) - before == 2, "the poll alone: its orders and its lines"


def cursors_later(desk: Desk) -> Any:
    with reading(desk.engine) as session:
        at = cursors.position(session, "salesforce-orders")
    assert at is not None
    return at + timedelta(minutes=30)


def test_an_order_that_is_withdrawn_waits_no_longer(desk: Desk) -> None:
    order = desk.place(blank(quantity="0"))
    desk.pull()
    desk.change("Order", {"Id": order}, Status="Draft")
    desk.later()
    desk.pull()

    assert desk.work_on(order) == []
    assert desk.waiting() == {}


def test_a_refused_number_is_said_and_tried_again(desk: Desk) -> None:
    order, other = desk.place(), desk.place()
    rule = {"object": "Order", "field": "ERP_Order_Id__c", "equals": "SO900001", "message": "Frozen.", "on_field": ""}
    desk.org.control("PATCH", "/settings", {"validation_rules": [rule]})
    desk.pull()
    refused, fine = sorted((order, other), key=lambda one: desk.number(one) or "")
    (work,) = desk.work_on(refused)
    assert work.cause is Why.ORDER_NUMBER_REFUSED
    assert "SO900001" in work.sentence
    assert "Frozen." in work.sentence
    assert desk.number(fine) == "SO900002", "one that is refused holds up no other"

    desk.org.control("PATCH", "/settings", {"validation_rules": []})
    desk.later()
    desk.pull()
    assert desk.number(refused) == "SO900001"
    assert desk.work_on(refused) == []


def test_without_the_right_to_edit_activated_orders_it_says_so(desk: Desk) -> None:
    order = desk.place()
    desk.org.control("PATCH", "/settings", {"edit_activated_orders": False})
    pulled = desk.pull()

    assert pulled.accepted == 0
    (work,) = desk.work_on(order)
    assert work.cause is Why.ORDER_NUMBER_REFUSED


def test_a_number_that_somebody_else_gave_counts(desk: Desk) -> None:
    """It came after ours was committed, and before it was written."""
    order = desk.place(blank(line=1, uom="EA"))
    gateway = Meddled(desk.gateway, lambda: desk.change("Order", {"Id": order}, ERP_Order_Id__c="XX1"))
    pulled = desk.pull(gateway=gateway)
    assert pulled.accepted == 0
    assert desk.number(order) == "XX1", "never written over"

    desk.later()
    assert desk.pull().changed == ["XX1"]
    (work,) = desk.work_on(order)
    assert work.cause is Why.ORDER_NUMBER_REFUSED
    assert "was to be SO900001 and got the number XX1" in work.sentence
    assert desk.known("XX1", "SO900001").keys() == {"XX1"}
    assert desk.waiting() == {}


def test_a_number_that_is_written_over_later_is_told(desk: Desk) -> None:
    """The ERP knows the order by its first number; the gateway never writes over what stands there."""
    order = desk.place()
    desk.pull()
    desk.org.control("PATCH", "/clock", {"advance_seconds": 5})
    desk.change("Order", {"Id": order}, ERP_Order_Id__c="XX1")
    desk.pull()
    (work,) = desk.work_on("SO900001")
    assert work.cause is Why.ORDER_NUMBER_REFUSED
    assert "bears the number XX1" in work.sentence
    assert desk.number(order) == "XX1"

    desk.org.control("PATCH", "/clock", {"advance_seconds": 5})
    desk.change("Order", {"Id": order}, ERP_Order_Id__c="SO900001")
    desk.pull()
    assert desk.work_on("SO900001") == []


def test_a_number_that_is_cleared_is_written_again(desk: Desk) -> None:
    """Somebody emptied the field: it is the same order, so it gets the same number."""
    order = desk.place()
    desk.pull()
    desk.change("Order", {"Id": order}, ERP_Order_Id__c=None)
    desk.pull()

    assert desk.number(order) == "SO900001"
    assert desk.line_numbers(order) == [1, 2]


def test_a_line_that_comes_later_gets_the_next_number_and_none_comes_twice(desk: Desk) -> None:
    """O8: the order went back to a draft, a line was removed, another one added."""
    order = desk.place()
    desk.pull()
    desk.change("Order", {"Id": order}, Status="Draft")
    gone = desk.lines(order)[1]
    kept = desk.lines(order)[0]
    desk.org.control("DELETE", f"/records/OrderItem/{gone['Id']}")
    entry = {"OrderId": order, "PricebookEntryId": kept["PricebookEntryId"], "Quantity": 3, "UnitPrice": 1}
    desk.org.control("POST", "/records/OrderItem", {"fields": entry})
    desk.change("Order", {"Id": order}, Status="Activated")
    desk.pull()

    assert sorted(number or 0 for number in desk.line_numbers(order)) == [1, 3]
    assert desk.number(order) == "SO900001"
    assert [line.line_no for line in desk.known("SO900001")["SO900001"].lines] == [1, 3]
    assert desk.work_on("SO900001") == []


def test_many_orders_are_accepted_in_few_calls(desk: Desk) -> None:
    for _ in range(120):
        desk.place(blank())
    before = len(desk.org.calls("PATCH", "composite"))
    assert desk.pull().accepted == 120
    assert len(desk.org.calls("PATCH", "composite")) - before == 4, "two batches of a call for lines and one for orders"


def test_when_no_number_is_left_a_person_is_told(desk: Desk) -> None:
    desk.rules = NumberRules(prefix="ZZ", first=99_999_999, digits=8)
    placed = [desk.place(), desk.place()]
    desk.pull()

    numbers = [desk.number(one) for one in placed]
    assert sorted(map(str, numbers)) == ["None", "ZZ99999999"]
    (work,) = desk.work_on(placed[numbers.index(None)])
    assert "begins with ZZ" in work.sentence


def test_what_is_kept_of_a_hint_is_what_the_poll_keeps(desk: Desk) -> None:
    """The same version is one row, whichever way it came."""
    order = desk.place(blank(line=1, uom="EA"), number="SO700310")
    desk.read(order)
    desk.pull()
    with reading(desk.engine) as session:
        rows = session.scalars(select(col(InboxRow.external_id)).where(col(InboxRow.kind) == "order")).all()
    assert len(rows) == 1
