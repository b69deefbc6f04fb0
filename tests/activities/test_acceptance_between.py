"""What people do to a new order while the gateway is at it, or between two of its attempts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.exceptions import Cause as Why
from store import order_numbers
from store.session import reading
from tests.activities.order_desk import Desk, Meddled, blank
from tests.activities.salesroom import CUSTOMER, OTHER_CUSTOMER
from tests.activities.worker import Death


class Dying:
    """A gateway whose process dies when numbers are to be written, before Salesforce has them."""

    def __init__(self, gateway: object) -> None:
        self._gateway = gateway

    def __getattr__(self, name: str) -> Any:
        if name == "write_numbers":
            raise Death
        return getattr(self._gateway, name)


def committed_and_died(desk: Desk) -> None:
    """Numbers are in the store, and nobody wrote them."""
    with pytest.raises(Death):
        desk.pull(gateway=Dying(desk.gateway))
    desk.later()


def born(desk: Desk, *numbers: str) -> set[str]:
    with reading(desk.engine) as session:
        return set(order_numbers.born(session, numbers))


def withdraw(desk: Desk, order: str) -> None:
    desk.change("Order", {"Id": order}, Status="Draft")


def delete(desk: Desk, order: str) -> None:
    withdraw(desk, order)
    desk.org.control("DELETE", f"/records/Order/{order}")


def test_an_order_that_is_withdrawn_before_its_number_is_written_gets_it_when_it_comes_back(desk: Desk) -> None:
    order = desk.place()
    committed_and_died(desk)
    withdraw(desk, order)
    assert desk.pull().accepted == 0
    assert (desk.number(order), desk.waiting()) == (None, {})

    other = desk.place()
    desk.pull()
    desk.change("Order", {"Id": order}, Status="Activated")
    desk.pull()
    assert (desk.number(order), desk.number(other)) == ("SO900001", "SO900002"), "the number was its own all the time"


def test_an_order_that_is_deleted_before_its_number_is_written_is_nobodys_work(desk: Desk) -> None:
    order = desk.place()
    committed_and_died(desk)
    delete(desk, order)
    assert desk.pull().accepted == 0
    assert (desk.work_on(order), desk.waiting(), desk.known("SO900001")) == ([], {}, {})

    other = desk.place()
    desk.pull()
    assert desk.number(other) == "SO900002", "what was given to an order is never given to another"


def test_an_order_that_is_withdrawn_at_the_last_moment_bears_its_number_as_a_draft(desk: Desk) -> None:
    order = desk.place()
    desk.pull(gateway=Meddled(desk.gateway, lambda: withdraw(desk, order)))

    assert desk.number(order) == "SO900001"
    assert not desk.known("SO900001")["SO900001"].active, "so that nothing is sent to the ERP"
    assert desk.waiting() == {}


def test_an_order_that_is_deleted_at_the_last_moment_waits_no_longer_than_to_the_next_look(desk: Desk) -> None:
    order, other = desk.place(), desk.place()
    desk.pull(gateway=Meddled(desk.gateway, lambda: delete(desk, order)))
    assert desk.known("SO900001", "SO900002").keys() <= {str(desk.number(other))}
    assert desk.number(other), "one that is gone holds up no other"

    desk.later()
    desk.pull()
    assert (desk.work_on(order), desk.waiting()) == ([], {})


def test_a_line_that_goes_at_the_last_moment_leaves_its_number_unused(desk: Desk) -> None:
    """O8: the line's write is refused, so the order waits; the next look numbers what is there."""
    order = desk.place()

    def remove() -> None:
        withdraw(desk, order)
        desk.org.control("DELETE", f"/records/OrderItem/{desk.lines(order)[0]['Id']}")
        desk.change("Order", {"Id": order}, Status="Activated")

    desk.pull(gateway=Meddled(desk.gateway, remove))
    assert desk.number(order) is None, "an order with its number is complete"
    desk.later()
    desk.pull()
    assert (desk.number(order), desk.line_numbers(order)) == ("SO900001", [2])
    assert desk.work_on(order) == []


def test_a_line_that_was_numbered_by_hand_meanwhile_keeps_that_number(desk: Desk) -> None:
    order = desk.place()
    committed_and_died(desk)
    desk.change("OrderItem", {"Id": desk.lines(order)[1]["Id"]}, ERP_Line_No__c=10, UoM__c="EA")
    desk.pull()

    assert desk.line_numbers(order) == [1, 10]
    assert [row["UoM__c"] for row in desk.lines(order)] == ["BX", "EA"]


def test_a_number_that_another_line_got_by_hand_is_not_written_twice(desk: Desk) -> None:
    """The first line was to be 1, and somebody made the second one that: the ERP knows a line by its number alone."""
    order = desk.place()
    committed_and_died(desk)
    desk.change("OrderItem", {"Id": desk.lines(order)[1]["Id"]}, ERP_Line_No__c=1)
    committed_and_died(desk)
    desk.pull()

    first, second = desk.line_numbers(order)
    assert second == 1
    assert first is not None
    assert first > 2, "2 was to be the second line's"
    assert [line.line_no for line in desk.known("SO900001")["SO900001"].lines] == [1, first]
    assert desk.work_on(order) == desk.work_on("SO900001") == []


def test_a_price_that_goes_between_two_attempts_is_waited_for_with_the_same_number(desk: Desk) -> None:
    order = desk.place(blank())
    committed_and_died(desk)
    desk.change("Account", {"Id": desk.record(order)["AccountId"]}, ERP_Id__c=None)
    desk.pull()
    (work,) = desk.work_on(order)
    assert work.cause is Why.ORDER_INCOMPLETE

    desk.change("Account", {"Id": desk.record(order)["AccountId"]}, ERP_Id__c=CUSTOMER)
    desk.later()
    desk.pull()
    assert (desk.number(order), desk.work_on(order)) == ("SO900001", [])


def test_looking_again_at_what_lacks_the_same_is_the_same_work(desk: Desk) -> None:
    order = desk.place(blank(quantity="0"))
    desk.pull()
    first = desk.work_on(order)
    for _ in range(3):
        desk.later()
        desk.pull()
    assert [one.id for one in desk.work_on(order)] == [one.id for one in first]


def test_an_order_is_of_the_customer_that_it_has_when_it_is_read(desk: Desk) -> None:
    """The account got another ERP number at the last moment: what is kept is what stands there."""
    order = desk.place()
    account = desk.record(order)["AccountId"]
    other = next(
        row for row in desk.org.control("GET", "/records/Account")["records"] if row["ERP_Id__c"] == OTHER_CUSTOMER
    )

    def renumber() -> None:
        desk.change("Account", {"Id": other["Id"]}, ERP_Id__c=None)
        desk.change("Account", {"Id": account}, ERP_Id__c=OTHER_CUSTOMER)

    desk.pull(gateway=Meddled(desk.gateway, renumber))
    assert desk.known("SO900001")["SO900001"].customer_number == OTHER_CUSTOMER


def test_only_what_the_gateway_numbered_is_born_here(desk: Desk) -> None:
    """Orders with numbers of their own are told to the ERP by whoever gave them."""
    by_hand = desk.place(blank(line=1, uom="EA"), number="SO700310")
    ours = desk.place()
    desk.pull()
    assert (desk.number(by_hand), desk.number(ours)) == ("SO700310", "SO900001")
    assert born(desk, "SO700310", "SO900001", "SO900002") == {"SO900001"}


def test_a_number_that_another_order_took_by_hand_is_not_born_here(desk: Desk) -> None:
    """Ours was committed and never written; a rep typed the same one on another order."""
    order = desk.place()
    committed_and_died(desk)
    taken = desk.place(blank(line=1, uom="EA"), number="SO900001")
    desk.pull()

    assert desk.number(taken) == "SO900001"
    assert desk.number(order) is None
    (work,) = desk.work_on(order)
    assert work.cause is Why.ORDER_NUMBER_REFUSED
    assert born(desk, "SO900001") == set()

    desk.org.control("PATCH", "/clock", {"advance_seconds": 5})
    desk.change("Order", {"Id": taken}, ERP_Order_Id__c="SO700311")
    desk.later()
    desk.pull()
    assert (desk.number(order), desk.work_on(order)) == ("SO900001", []), "once it is free the order gets it"


@pytest.mark.parametrize("what", [withdraw, delete], ids=["withdrawn", "deleted"])
def test_work_on_an_order_that_is_over_closes_by_itself(desk: Desk, what: Callable[[Desk, str], None]) -> None:
    order = desk.place()
    rule = {"object": "Order", "field": "ERP_Order_Id__c", "equals": "SO900001", "message": "Frozen.", "on_field": ""}
    desk.org.control("PATCH", "/settings", {"validation_rules": [rule]})
    desk.pull()
    assert [one.cause for one in desk.work_on(order)] == [Why.ORDER_NUMBER_REFUSED]

    what(desk, order)
    desk.later()
    desk.pull()
    assert (desk.work_on(order), desk.waiting()) == ([], {})


def test_many_orders_that_are_refused_hold_up_no_new_one(desk: Desk) -> None:
    """More of them than one batch takes."""
    refused = [desk.place(blank()) for _ in range(105)]
    rules = [
        {
            "object": "Order",
            "field": "ERP_Order_Id__c",
            "equals": f"SO{900000 + place}",
            "message": "No.",
            "on_field": "",
        }
        for place in range(1, len(refused) + 1)
    ]
    desk.org.control("PATCH", "/settings", {"validation_rules": rules})
    assert desk.pull().accepted == 0
    order = desk.place(blank())
    desk.later()
    desk.pull()
    assert desk.number(order) == "SO900106"
