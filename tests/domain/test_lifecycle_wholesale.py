"""The lifecycle that ships, told as stories: what a rep sees after what the three systems have said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.lifecycle import Walk
from domain.lifecycle_declarations import Action
from tests.domain.lifecycle_world import at, said, shown, states, story, wholesale

IN_THE_ERP = (
    "salesforce order_status Activated",
    "gateway order numbered",
    "gateway order sent",
    "erp acknowledgement accepted",
)
PART, WHOLE = "erp shipment part", "erp shipment whole"
BILLED_PART, BILLED = "quickbooks invoice part", "quickbooks invoice whole"
PAID = "quickbooks payment whole"
CANCEL = ("gateway order cancel_requested", "gateway order cancel_sent")


def sees(*words: str) -> str:
    return shown(wholesale(), *words)


def walked(*words: str) -> Walk:
    return wholesale().walk(story(*words))


def test_an_order_goes_from_draft_to_closed() -> None:
    walk = walked(
        "salesforce order_status Draft",
        *IN_THE_ERP,
        "erp allocation part",
        "erp allocation whole",
        "erp acknowledgement picking",
        PART,
        BILLED_PART,
        WHOLE,
        BILLED,
        "quickbooks payment part",
        PAID,
        "gateway order closed",
    )
    shows = [wholesale().state(name).shows for name in states(walk)]
    assert shows == [
        *("Submitted", "Submitted", "Accepted", "Backordered", "Allocated", "Picking", "Partially Shipped"),
        *("Partially Invoiced", "Shipped", "Invoiced", "Partially Paid", "Paid", "Closed"),
    ]
    assert wholesale().state(walk.state).closed
    assert (walk.waiting, walk.unknown) == ((), ())


def test_what_the_gateway_does_follows_from_the_state() -> None:
    does = {name: set(state.does) for name, state in wholesale().states.items() if state.does}
    assert does == {
        "accepted": {Action.RESERVE, Action.SEND},
        "exposed": {Action.RESERVE},
        "rejected": {Action.RELEASE},
        "cancelling": {Action.CANCEL},
        "cancelling_rest": {Action.CANCEL},
        "cancelling_rest_invoiced": {Action.CANCEL},
        "cancelled": {Action.RELEASE},
        "deleted": {Action.RELEASE},
    }


def test_a_draft_shows_nothing_and_an_empty_story_starts() -> None:
    assert sees("salesforce order_status Draft") == ""
    assert walked() == Walk(state="received", since=None, steps=(), waiting=(), unknown=())


@pytest.mark.parametrize(
    ("erp_says", "rep_sees"),
    [
        ("erp acknowledgement credit_hold", "Credit Hold"),
        ("erp acknowledgement rejected", "Rejected"),
        ("erp acknowledgement picking", "Picking"),
        ("erp acknowledgement cancelled", "Cancelled"),
        ("erp allocation none", "Backordered"),
        ("erp allocation part", "Backordered"),
        ("erp allocation whole", "Allocated"),
        (PART, "Partially Shipped"),
        (WHOLE, "Shipped"),
        ("erp shipment drop_ship_part", "Partially Shipped"),
        ("erp shipment drop_ship_whole", "Shipped"),
    ],
)
def test_each_word_of_the_erp_is_shown(erp_says: str, rep_sees: str) -> None:
    """Cases O1, O2, O15, O17."""
    assert sees(*IN_THE_ERP, erp_says) == rep_sees


def test_a_partial_shipment_is_partially_invoiced_until_the_rest_has_left() -> None:
    """Case O1."""
    assert sees(*IN_THE_ERP, PART, BILLED_PART) == "Partially Invoiced"
    assert sees(*IN_THE_ERP, PART, BILLED_PART, PART, BILLED_PART) == "Partially Invoiced"
    assert sees(*IN_THE_ERP, PART, BILLED_PART, WHOLE) == "Shipped"
    assert sees(*IN_THE_ERP, PART, WHOLE, BILLED_PART) == "Shipped"
    assert sees(*IN_THE_ERP, PART, BILLED_PART, WHOLE, BILLED) == "Invoiced"


def test_a_backorder_stays_open_and_is_allocated_later() -> None:
    """Case O2."""
    assert sees(*IN_THE_ERP, "erp allocation none") == "Backordered"
    assert (
        sees(*IN_THE_ERP, "erp allocation none", "erp acknowledgement accepted", "erp allocation whole") == "Allocated"
    )
    assert sees(*IN_THE_ERP, PART, "erp allocation none") == "Partially Shipped"


def test_an_acknowledgement_that_lists_everything_again_changes_nothing() -> None:
    again = ("erp acknowledgement accepted", "erp allocation whole")
    assert sees(*IN_THE_ERP, "erp allocation whole", *again, *again) == "Allocated"
    told = [step.event for step in walked(*IN_THE_ERP, "erp allocation whole", *again, *again).steps if step.told]
    assert told == ["activated", "numbered", "sent", "acknowledged", "allocated"]
    assert sees(*IN_THE_ERP, "erp acknowledgement picking", *again) == "Picking"


def test_a_shipment_before_its_order_waits() -> None:
    """Case O6: the shipment is known, the order is not; it takes effect when the order is there."""
    early = said(5, WHOLE, "SH1")
    before = wholesale().walk([early])
    assert (before.state, before.waiting) == ("received", (early,))
    after = wholesale().walk([early, said(9, "salesforce order_status Activated")])
    assert (states(after), after.waiting) == (["accepted", "shipped"], ())
    assert after.steps[-1].effective_at == at(9)
    assert after.since == at(9)


def test_a_shipment_before_activation_waits_and_the_acknowledgement_may_come_after_it() -> None:
    """Case O7."""
    told = [
        said(1, "salesforce order_status Draft"),
        said(2, WHOLE, "SH1"),
        said(3, BILLED, "SH1:1"),
        said(4, "salesforce order_status Activated"),
        said(5, "erp acknowledgement accepted"),
        said(5, "erp allocation whole"),
    ]
    walk = wholesale().walk(told)
    assert (walk.state, walk.waiting) == ("invoiced", ())
    assert states(walk) == ["accepted", "shipped", "invoiced"]


def test_an_order_that_has_shipped_already_is_never_sent_to_the_erp() -> None:
    """Case O6: the ERP knew the order first; the state that sends is passed, not stood in."""
    walk = wholesale().walk([said(2, PART, "SH1"), said(4, "salesforce order_status Activated")])
    assert walk.state == "partly_shipped"
    assert Action.SEND not in wholesale().state(walk.state).does


def test_an_order_over_the_limit_is_not_sent_until_it_is_cleared() -> None:
    """Case O17."""
    over = ("salesforce order_status Activated", "gateway order exposure_exceeded")
    assert sees(*over) == "Credit Hold"
    assert wholesale().state(walked(*over).state).does == (Action.RESERVE,)
    assert wholesale().state(walked(*over).state).person
    assert sees(*over, "gateway order exposure_cleared") == "Submitted"


def test_the_erp_holds_and_releases_again_and_again() -> None:
    """Case O17."""
    hold, free = "erp acknowledgement credit_hold", "erp acknowledgement accepted"
    assert sees(*IN_THE_ERP, hold) == "Credit Hold"
    assert sees(*IN_THE_ERP, hold, free, hold, free) == "Accepted"
    assert sees(*IN_THE_ERP, hold, WHOLE, BILLED) == "Invoiced"  # shipped all the same: it is billed


def test_a_rejected_order_is_changed_or_given_up() -> None:
    rejected = (*IN_THE_ERP[:3], "erp acknowledgement rejected")
    assert sees(*rejected, "gateway order change_sent") == "Submitted"
    assert sees(*rejected, "gateway order change_sent", "erp acknowledgement accepted") == "Accepted"
    assert sees(*rejected, "gateway order cancel_requested") == "Cancelled"


def test_a_change_before_shipping_is_acknowledged_anew() -> None:
    """Case O8."""
    assert sees(*IN_THE_ERP, "erp allocation whole", "gateway order change_sent") == "Submitted"


def test_more_ordered_after_shipping_opens_the_order_again() -> None:
    """Case O8: the increase is new open quantity."""
    assert sees(*IN_THE_ERP, WHOLE, BILLED, "gateway order change_sent") == "Partially Invoiced"
    assert sees(*IN_THE_ERP, WHOLE, BILLED, "gateway order change_sent", WHOLE, BILLED) == "Invoiced"
    assert (
        sees(*IN_THE_ERP, WHOLE, BILLED, PAID, "gateway order closed", "gateway order change_sent")
        == "Partially Invoiced"
    )


def test_an_order_that_was_never_sent_is_cancelled_at_once() -> None:
    """Case O9."""
    walk = walked("salesforce order_status Activated", "gateway order cancel_requested")
    assert walk.state == "cancelled"
    assert wholesale().state("cancelled").does == (Action.RELEASE,)


def test_a_cancellation_waits_for_the_erp() -> None:
    """Case O9: the goods stay reserved until the ERP has said that they will not ship."""
    asked = walked(*IN_THE_ERP, *CANCEL)
    assert wholesale().state(asked.state).does == (Action.CANCEL,)
    assert sees(*IN_THE_ERP, *CANCEL) == "Cancel Requested"
    assert sees(*IN_THE_ERP, *CANCEL, "erp acknowledgement accepted") == "Cancel Requested"
    assert sees(*IN_THE_ERP, *CANCEL, "erp acknowledgement cancelled") == "Cancelled"
    assert sees(*IN_THE_ERP[:3], *CANCEL, "erp acknowledgement rejected") == "Cancelled"


def test_a_salesforce_status_cancels_too() -> None:
    """Case O9."""
    assert sees(*IN_THE_ERP, "salesforce order_status Cancelled", "erp acknowledgement cancelled") == "Cancelled"


def test_only_the_rest_is_cancelled_once_a_part_has_shipped() -> None:
    """Case O9: the shipped part is billed and paid like any other."""
    gone = "erp acknowledgement cancelled"
    assert sees(*IN_THE_ERP, PART, *CANCEL) == "Cancel Requested"
    assert sees(*IN_THE_ERP, PART, *CANCEL, gone) == "Shipped"
    assert sees(*IN_THE_ERP, PART, *CANCEL, gone, BILLED, PAID) == "Paid"
    assert sees(*IN_THE_ERP, PART, BILLED_PART, *CANCEL, gone) == "Invoiced"
    assert sees(*IN_THE_ERP, PART, *CANCEL, BILLED_PART, gone, PAID) == "Paid"
    assert sees(*IN_THE_ERP, *CANCEL, PART, gone) == "Shipped"


def test_a_cancellation_that_comes_too_late_ends_shipped() -> None:
    """Case O9."""
    assert sees(*IN_THE_ERP, *CANCEL, WHOLE, BILLED) == "Invoiced"
    assert sees(*IN_THE_ERP, WHOLE, *CANCEL) == "Shipped"
    assert sees(*IN_THE_ERP, *CANCEL, "erp acknowledgement cancelled", PART) == "Partially Shipped"


def test_an_order_that_is_cancelled_while_its_file_is_written_is_cancelled_in_the_erp() -> None:
    """Case O9."""
    walk = walked("salesforce order_status Activated", "gateway order cancel_requested", "gateway order sent")
    assert walk.state == "cancelling"


def test_a_shipment_that_is_taken_back_before_its_invoice_is_open_again() -> None:
    """Case O10."""
    assert sees(*IN_THE_ERP, WHOLE, "erp shipment cancelled") == "Accepted"
    assert sees(*IN_THE_ERP, WHOLE, "erp shipment cancelled", WHOLE, BILLED) == "Invoiced"
    assert sees(*IN_THE_ERP, PART, WHOLE, "erp shipment cancelled_part") == "Partially Shipped"


@pytest.mark.parametrize("remedy", ["quickbooks invoice_void voided", "quickbooks credit posted"])
def test_a_shipment_that_is_taken_back_after_its_invoice_needs_a_person(remedy: str) -> None:
    """Case O11: void or credit memo; then the order is open again."""
    back = (*IN_THE_ERP, WHOLE, BILLED, "erp shipment cancelled")
    assert sees(*back) == "Needs Attention"
    assert wholesale().state(walked(*back).state).person
    assert sees(*back, remedy) == "Accepted"
    assert sees(*back, remedy, WHOLE, BILLED) == "Invoiced"


def test_a_voided_invoice_leaves_the_goods_shipped_and_unbilled() -> None:
    """Case E9."""
    assert sees(*IN_THE_ERP, WHOLE, BILLED, "quickbooks invoice_void voided") == "Shipped"
    assert sees(*IN_THE_ERP, PART, BILLED_PART, "quickbooks invoice_void voided") == "Partially Shipped"


def test_returned_goods_are_shown_until_they_are_settled() -> None:
    """Case O12."""
    billed = (*IN_THE_ERP, WHOLE, BILLED)
    assert sees(*billed, "erp return part") == "Partially Returned"
    assert sees(*billed, "erp return received", "quickbooks credit posted", PAID) == "Paid"
    assert sees(*billed, PAID, "erp return part") == "Partially Returned"
    assert sees(*billed, PAID, "erp return part", "quickbooks credit posted") == "Paid"
    assert sees(*billed, PAID, "gateway order closed", "erp return part") == "Partially Returned"
    assert sees(*billed, "erp return whole") == "Returned"
    assert sees(*billed, "erp return part", "erp return whole", "gateway order closed") == "Closed"


def test_a_return_of_goods_that_were_not_billed_does_not_hide_what_is_to_come() -> None:
    """Case O12: it only lowers what is billed."""
    assert sees(*IN_THE_ERP, PART, "erp return received") == "Partially Shipped"
    assert sees(*IN_THE_ERP, WHOLE, "erp return received", BILLED) == "Invoiced"


def test_a_correction_upwards_after_payment_is_open_money_again() -> None:
    """Case F9."""
    assert sees(*IN_THE_ERP, WHOLE, BILLED, PAID, "quickbooks invoice supplement") == "Partially Paid"
    assert sees(*IN_THE_ERP, WHOLE, BILLED, PAID, "quickbooks invoice supplement", PAID) == "Paid"


def test_an_order_deleted_in_salesforce_never_cascades() -> None:
    """Case M9."""
    assert walked("salesforce order_status Activated", "salesforce order_status deleted").state == "deleted"
    in_the_erp = walked(*IN_THE_ERP, "salesforce order_status deleted")
    assert wholesale().state(in_the_erp.state).person
    assert sees(*IN_THE_ERP, "salesforce order_status deleted", *CANCEL, "erp acknowledgement cancelled") == "Cancelled"
    assert sees(*IN_THE_ERP, WHOLE, "salesforce order_status deleted", BILLED) == "Invoiced"
    assert sees("salesforce order_status Draft", "salesforce order_status deleted", WHOLE, BILLED) == "Invoiced"


def test_a_word_that_nothing_declares_is_told_apart() -> None:
    walk = walked("salesforce order_status Activated", "salesforce order_status Superseded")
    assert [one.value for one in walk.unknown] == ["Superseded"]
    assert walk.state == "accepted"


def test_an_early_event_is_work_for_a_person_after_its_grace() -> None:
    """Cases O6, O7: 30 minutes from when the gateway saw it, not from when it happened."""
    early = said(5, WHOLE, "SH1")
    walk = wholesale().walk([early])
    seen = {early.key: at(100)}
    assert wholesale().outlook(walk, seen, at(129)).overdue == ()
    assert wholesale().outlook(walk, seen, at(129)).look_at == at(130)
    over = wholesale().outlook(walk, seen, at(130))
    assert (over.overdue, over.look_at) == ((early,), None)
    assert wholesale().outlook(walk, {}, at(35)).overdue == (early,)  # nobody noted when: since it happened


def test_a_paid_order_closes_by_time() -> None:
    walk = walked(*IN_THE_ERP, WHOLE, BILLED, PAID)
    assert walk.since is not None
    due = walk.since + timedelta(days=60)
    before = wholesale().outlook(walk, {}, due - timedelta(seconds=1))
    assert (before.closing, before.look_at) == (None, due)
    closing = wholesale().outlook(walk, {}, due + timedelta(days=1)).closing
    assert closing is not None
    assert closing.occurred_at == due
    done = wholesale().walk([*(step.observation for step in walk.steps), closing])
    assert done.state == "closed"
    assert wholesale().outlook(done, {}, due + timedelta(days=2)).look_at is None


def test_of_one_instant_the_event_that_is_declared_first_counts_first() -> None:
    """An acknowledgement file says that the order is accepted and how much is allocated, at one instant."""
    walk = wholesale().walk(
        [
            said(1, "salesforce order_status Activated"),
            said(2, "erp allocation whole", "ORDACK 88"),
            said(2, "erp acknowledgement accepted", "ORDACK 88"),
        ]
    )
    assert states(walk) == ["accepted", "acknowledged", "allocated"]
