"""A very different lifecycle runs through the same engine: approval of quotes, drop-ship, consignment, other words."""

from __future__ import annotations

import pytest

from domain.lifecycle_declarations import Action
from tests.domain.lifecycle_world import at, project_sales, said, shown, states, story

APPROVED = ("salesforce order_status Quote", "salesforce order_status In Approval", "salesforce order_status Approved")
ORDERED = (*APPROVED, "gateway order numbered", "gateway order sent", "erp acknowledgement accepted")
PART, WHOLE = "erp shipment drop_ship_part", "erp shipment drop_ship_whole"


def sees(*words: str) -> str:
    return shown(project_sales(), *words)


def test_a_quote_needs_its_manager() -> None:
    assert sees(*APPROVED[:2]) == "In Approval"
    assert project_sales().state("in_approval").person
    assert sees(*APPROVED[:2], "salesforce order_status Declined") == "Declined"
    assert sees(*APPROVED[:2], "salesforce order_status Declined", *APPROVED) == "Approved"
    assert sees("salesforce order_status Quote", "salesforce order_status Lost") == "Lost"


def test_nothing_is_sent_to_the_vendor_before_the_approval() -> None:
    sending = {name for name, state in project_sales().states.items() if Action.SEND in state.does}
    assert sending == {"approved"}


def test_nothing_is_ever_reserved() -> None:
    assert not any(Action.RESERVE in state.does for state in project_sales().states.values())


def test_goods_go_from_the_vendor_to_the_site() -> None:
    """Case O15: a vendor's confirmation is a shipment without a stock movement."""
    assert sees(*ORDERED) == "Vendor Confirmed"
    assert sees(*ORDERED, PART) == "Partly on Site"
    assert sees(*ORDERED, PART, "quickbooks invoice part") == "Progress Billed"
    assert sees(*ORDERED, PART, "quickbooks invoice part", WHOLE, "quickbooks invoice whole") == "Billed"


def test_consigned_goods_are_billed_when_they_are_consumed() -> None:
    shelf = (*ORDERED, "erp consignment moved")
    assert sees(*shelf) == "On Customer Shelf"
    assert sees(*shelf, "erp consumption part") == "Partly Consumed"
    assert sees(*shelf, "erp consumption part", "quickbooks invoice part") == "Progress Billed"
    assert sees(*shelf, "erp consumption whole", "quickbooks invoice whole", "quickbooks payment whole") == "Settled"


def test_consumption_before_the_goods_were_moved_waits() -> None:
    """Case O6, in this business: the scanner at the shelf is quicker than the paper."""
    used = said(1, "erp consumption whole", "SCAN-1")
    early = project_sales().walk([*story(*ORDERED), used])
    assert early.waiting == (used,)
    late = project_sales().walk([*story(*ORDERED), used, said(99, "erp consignment moved")])
    assert (states(late)[-2:], late.waiting) == (["on_shelf", "consumed"], ())


def test_a_project_that_is_complete_before_the_money_is_in_waits_for_it() -> None:
    done = (*ORDERED, WHOLE, "quickbooks invoice whole", "salesforce order_status Complete")
    walk = project_sales().walk(story(*done))
    assert [one.value for one in walk.waiting] == ["Complete"]
    assert sees(*done, "quickbooks payment part", "quickbooks payment whole") == "Complete"


def test_a_vendor_that_delivers_before_the_approval_has_a_day() -> None:
    """Case O7, with this lifecycle's own grace."""
    call = said(11, WHOLE, "DROP-1")
    walk = project_sales().walk([*story(*APPROVED[:2]), call])
    assert project_sales().outlook(walk, {}, at(11 + 1439)).overdue == ()
    assert project_sales().outlook(walk, {}, at(11 + 1440)).overdue == (call,)
    assert sees(*APPROVED[:2], WHOLE, APPROVED[2]) == "On Site"


def test_a_withdrawal_waits_for_the_vendor() -> None:
    """Case O9."""
    asked = (*ORDERED, "gateway order cancel_requested", "gateway order cancel_sent")
    assert sees(*asked) == "Withdrawing"
    assert sees(*asked, "erp acknowledgement cancelled") == "Withdrawn"
    assert sees(*asked, PART, "erp acknowledgement cancelled") == "On Site"


@pytest.mark.parametrize("words", [APPROVED[:1], APPROVED, ORDERED, (*ORDERED, PART)])
def test_the_star_stops_any_open_project(words: tuple[str, ...]) -> None:
    assert sees(*words, "salesforce order_status Stopped") == "Complete"


def test_the_star_does_not_touch_what_is_closed() -> None:
    assert (
        sees("salesforce order_status Quote", "salesforce order_status Lost", "salesforce order_status Stopped")
        == "Lost"
    )
