"""What follows when invoiced goods are stated otherwise or come back (F9, O10 to O12, E12): the decision by itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from domain.billing import decide
from domain.correction_rules import CorrectionPolicy
from domain.corrections import CorrectionDecision, CorrectionInput, CorrectionKind, correct
from domain.credits import CreditReason
from domain.exceptions import Cause, Choice
from domain.invoices import InvoiceStatus
from domain.money import plain
from domain.returned import Condition
from domain.shipments import Shipment
from tests.build import DECIDED_ON, billing_input, line, order_for, rulings, shipment
from tests.domain.correction_world import AUTOMATIC, Billed, came_back


def stated(quantity: str, **changes: object) -> Shipment:
    return shipment(line(quantity_shipped=Decimal(quantity), quantity_ordered=Decimal(10)), **changes)


def billed(quantity: str = "10", **world: object) -> Billed:
    return Billed(stated(quantity), **world)  # type: ignore[arg-type]


def shown(decision: CorrectionDecision) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    """Each document: its kind, what it comes to, and its lines as reason (or `bill`), quantity, amount."""
    return [
        (
            one.kind.value,
            str(one.total),
            [("bill", plain(line.quantity), str(line.amount)) for line in one.bill]
            + [(line.reason.value, plain(line.quantity), str(line.amount)) for line in one.credit],
        )
        for one in decision.proposals
    ]


def test_the_same_statement_changes_nothing() -> None:
    assert billed().decision(stated("10", tracking="1Z")).nothing


def test_less_shipped_than_billed_is_credited() -> None:
    """F9: lower means a credit memo of the difference, at the price at which it was billed."""
    decision = billed().decision(stated("8"))
    assert shown(decision) == [("credit_memo", "5.00", [("correction", "2", "5.00")])]
    assert decision.money_at_stake == 5
    assert decision.proposals[0].dated == DECIDED_ON


def test_more_shipped_than_billed_is_billed_besides() -> None:
    """F9: higher means a further invoice of the difference."""
    assert shown(billed("8").decision(stated("10"))) == [("supplement", "5.00", [("bill", "2", "5.00")])]


def test_more_than_was_ordered_is_held_as_for_any_invoice() -> None:
    """O4: a correction is no way around the check of what was ordered."""
    decision = billed("8").decision(stated("12"))
    assert [one.cause for one in decision.findings] == [Cause.OVER_SHIPMENT]
    assert decision.proposals == ()


def test_what_is_stated_unchanged_keeps_its_price_whatever_the_order_says_now() -> None:
    """O8: shipped quantities are frozen; a price that changes later touches neither a return nor a correction."""
    world = billed()
    dearer = order_for(world.first)
    lines = tuple(one.model_copy(update={"unit_price": Decimal(99)}) for one in dearer.lines)
    world.case["order"] = dearer.model_copy(update={"lines": lines})
    world.returns.append(came_back("1"))
    assert shown(world.decision(stated("9"))) == [
        ("credit_memo", "5.00", [("return", "1", "2.50"), ("correction", "1", "2.50")])
    ]


def test_another_price_is_credited_whole_and_billed_anew() -> None:
    """F9: QuickBooks wants amount = quantity times price, so a price cannot be corrected by a difference."""
    world = billed(case={"rulings": rulings(without_order=True)})
    cheaper = shipment(line(unit_price=Decimal(2)))
    assert shown(world.decision(cheaper)) == [
        ("credit_memo", "25.00", [("correction", "10", "25.00")]),
        ("supplement", "20.00", [("bill", "10", "20.00")]),
    ]


def test_another_customer_is_credited_to_the_one_and_billed_to_the_other() -> None:
    """F9: the credit goes to who was billed."""
    world = billed()
    moved = stated("10", customer_number="00000043")
    world.case |= {"order": order_for(moved), "customer": None}
    world.case["customer"] = billing_input(moved).case.customer
    decision = world.decision(moved)
    assert [(one.kind, one.customer_number) for one in decision.proposals] == [
        (CorrectionKind.CREDIT_MEMO, "00000042"),
        (CorrectionKind.SUPPLEMENT, "00000043"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("5.00", "2.00", ("credit_memo", "3.00", [("correction", "1", "3.00")])),
        ("5.00", "9.00", ("supplement", "4.00", [("bill", "1", "4.00")])),
    ],
)
def test_freight_is_corrected_by_its_difference(before: str, after: str, expected: object) -> None:
    """E6, F9."""
    world = Billed(stated("10", freight=Decimal(before)))
    assert shown(world.decision(stated("10", freight=Decimal(after)))) == [expected]


def reversed_(world: Billed) -> CorrectionDecision:
    return world.decision(stated("0"))


def test_a_shipment_that_was_reversed_is_voided() -> None:
    """O11: unpaid, unsent, in an open period."""
    world = billed()
    decision = reversed_(world)
    assert [(one.kind, one.total, one.invoice_generation) for one in decision.proposals] == [
        (CorrectionKind.VOID, Decimal("25.00"), 1)
    ]
    world.make(decision.proposals)
    assert world.decision().nothing
    assert world.net() == {}


@pytest.mark.parametrize(
    "happened",
    [
        {"sent": True, "status": InvoiceStatus.RELEASED},
        {"applied": True, "balance": Decimal(0), "status": InvoiceStatus.PAID},
        {"applied": True, "balance": Decimal(20), "status": InvoiceStatus.PARTLY_PAID},
        {"marked": False},
        {"status": InvoiceStatus.EDITED},
        {"invoiced_on": date(2026, 10, 31)},
    ],
    ids=["sent", "paid", "partly-paid", "written-by-hand", "edited", "closed-period"],
)
def test_what_cannot_be_voided_is_credited(happened: dict[str, object]) -> None:
    """O11: QuickBooks refuses to void what is paid, and what a customer has seen is never undone."""
    world = billed(closed_until=date(2026, 10, 31))
    world.alter(**happened)
    assert shown(reversed_(world)) == [("credit_memo", "25.00", [("correction", "10", "25.00")])]


def test_what_was_credited_in_part_is_credited_to_the_end_and_not_voided() -> None:
    """O11: a void would take back what a credit memo took back already."""
    world = billed()
    world.make(world.decision(stated("8")).proposals)
    assert shown(reversed_(world)) == [("credit_memo", "20.00", [("correction", "8", "20.00")])]


def test_a_voided_shipment_that_was_sent_after_all_is_billed_again_by_a_further_invoice() -> None:
    world = billed(policy=AUTOMATIC)
    world.make(reversed_(world).proposals)
    decision = world.decision(stated("4"))
    assert shown(decision) == [("supplement", "10.00", [("bill", "4", "10.00")])]
    assert decision.proposals[0].by_hand_because is None


def test_an_invoice_that_somebody_removed_is_never_made_again_by_itself() -> None:
    """E9: no resurrection."""
    world = billed(policy=AUTOMATIC)
    world.alter(status=InvoiceStatus.DELETED)
    (one,) = world.decision(stated("9")).proposals
    assert one.kind is CorrectionKind.SUPPLEMENT
    assert "removed an invoice" in (one.by_hand_because or "")


def test_goods_that_came_back_are_credited_less_the_fee() -> None:
    """O12: the restocking fee is a line of its own."""
    world = billed(policy={"restocking_fee_percent": 15}, returns=[came_back("4")])
    decision = world.decision()
    assert shown(decision) == [("credit_memo", "8.50", [("return", "4", "10.00"), ("restocking", "-1", "-1.50")])]
    assert [line.sku for line in decision.proposals[0].credit] == ["BOLT", "RESTOCK"]
    world.make(decision.proposals)
    assert world.decision().nothing  # neither the goods nor the fee a second time


def test_the_fee_is_taken_of_what_comes_back_later_alone() -> None:
    world = billed(policy={"restocking_fee_percent": 10}, returns=[came_back("4")])
    world.make(world.decision().proposals)
    world.returns.append(came_back("2", rma="RMA2"))
    assert shown(world.decision()) == [
        ("credit_memo", "4.50", [("return", "2", "5.00"), ("restocking", "-1", "-0.50")])
    ]


def test_a_fee_that_eats_the_credit_leaves_no_document() -> None:
    world = billed(policy={"restocking_fee_percent": 100}, returns=[came_back("4")])
    decision = world.decision()
    assert [(one.kind, one.total) for one in decision.proposals] == [(CorrectionKind.SETTLED, Decimal(0))]
    world.make(decision.proposals)
    assert world.decision().nothing


@pytest.mark.parametrize(("credited", "expected"), [(False, []), (True, [("return_damaged", "4", "10.00")])])
def test_damaged_goods_by_policy(credited: bool, expected: list[object]) -> None:
    """O12: in full and without a fee, or not at all."""
    world = billed(
        policy={"credit_damaged": credited, "restocking_fee_percent": 15},
        returns=[came_back("4", condition=Condition.DAMAGED)],
    )
    assert [line for one in shown(world.decision()) for line in one[2]] == expected


def test_goods_that_came_back_before_they_were_billed_are_not_billed() -> None:
    """O12: nothing is credited for what was never billed."""
    given = billing_input(stated("10")).model_copy(update={"returned": (came_back("4"),)})
    draft = decide(given).draft
    assert draft is not None
    assert [(one.quantity, one.amount) for one in draft.lines] == [(6, Decimal("15.00"))]
    all_of_it = decide(given.model_copy(update={"returned": (came_back("10"),)}))
    assert (all_of_it.draft, all_of_it.not_billed_because) == (None, "nothing was kept and there is no freight")


def test_a_return_in_another_unit_is_counted_in_the_billed_one() -> None:
    """E3, O12: a box of 100 of which pieces were billed."""
    world = Billed(shipment(line(quantity_shipped=Decimal(300))), returns=[came_back("2", uom="BX")])
    assert shown(world.decision()) == [("credit_memo", "500.00", [("return", "200", "500.00")])]


def test_more_came_back_than_was_shipped_is_credited_once_and_shown() -> None:
    """O12: never below zero."""
    world = billed(returns=[came_back("12")])
    decision = world.decision()
    assert shown(decision) == [("credit_memo", "25.00", [("return", "10", "25.00")])]
    assert [(one.cause, one.choices) for one in decision.notices] == [(Cause.RETURN_UNMATCHED, (Choice.HANDLED,))]


def test_a_return_of_a_line_that_was_not_billed_is_shown() -> None:
    world = billed(returns=[came_back("1", line_no=9)])
    decision = world.decision()
    assert decision.proposals == ()
    assert [one.cause for one in decision.notices] == [Cause.RETURN_UNMATCHED]


def test_a_return_and_a_correction_of_one_line_are_told_apart() -> None:
    world = billed(returns=[came_back("3")])
    assert shown(world.decision(stated("8"))) == [
        ("credit_memo", "12.50", [("return", "3", "7.50"), ("correction", "2", "5.00")])
    ]


def test_a_closed_period_moves_the_document_to_the_first_open_day() -> None:
    """E12: with a note, or by policy only with a person's word."""
    world = billed("8", closed_until=date(2026, 11, 21), policy=AUTOMATIC)
    (one,) = world.decision(stated("10")).proposals
    assert (one.dated, one.by_hand_because) == (date(2026, 11, 22), None)
    assert "closed until 2026-11-21" in one.note
    world.policy |= {"closed_period": "hold"}
    (one,) = world.decision().proposals
    assert one.by_hand_because == "its day is in a closed period"


@pytest.mark.parametrize(
    ("policy", "by_itself"),
    [({}, False), (AUTOMATIC, True), (AUTOMATIC | {"automatic_up_to": Decimal("4.99")}, False)],
    ids=["proposed", "automatic", "over-the-limit"],
)
def test_the_policy_says_what_is_made_by_itself(policy: dict[str, object], by_itself: bool) -> None:
    (one,) = billed(policy=policy).decision(stated("8")).proposals
    assert (one.by_hand_because is None) is by_itself


def test_an_invoice_that_came_out_otherwise_is_not_corrected_by_itself() -> None:
    world = billed(policy=AUTOMATIC)
    world.alter(total=Decimal(30), balance=Decimal(30))
    assert world.decision(stated("8")).proposals[0].by_hand_because is not None


def test_what_a_person_settled_is_never_proposed_again() -> None:
    """F9: only what is stated after that is new."""
    world = billed()
    world.make(world.decision(stated("8")).proposals, settled=True)
    assert world.decision().nothing
    world.settle()
    assert shown(world.decision(stated("7"))) == [("credit_memo", "2.50", [("correction", "1", "2.50")])]
    assert shown(world.decision(stated("9"))) == [("supplement", "2.50", [("bill", "1", "2.50")])]


def test_a_decision_is_the_same_from_its_kept_inputs() -> None:
    """G-C8: decided again from what was stored."""
    world = billed(policy=AUTOMATIC | {"restocking_fee_percent": 5}, returns=[came_back("3")])
    given = world.given().model_copy()
    kept = CorrectionInput.model_validate_json(given.model_dump_json())
    assert correct(kept) == correct(given)


def test_the_same_correction_once_more_is_another_proposal() -> None:
    """A person who agreed to one has not agreed to the next."""
    world = billed()
    first = world.decision(stated("8")).proposals
    world.make(first)
    world.settle()
    (second,) = world.decision(stated("6")).proposals
    assert second.credit[0].quantity == first[0].credit[0].quantity
    assert second.digest != first[0].digest


def test_rules_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ValidationError, match="automatic_up_to"):
        CorrectionPolicy(credit_memo="automatic")  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        CorrectionPolicy(restocking_fee_percent=Decimal(101))


def test_a_reason_is_kept_for_each_line() -> None:
    world = billed(returns=[came_back("1"), came_back("1", rma="RMA2")])
    (credited,) = world.decision().proposals[0].credit
    assert (credited.reason, credited.rma) == (CreditReason.RETURN, "RMA1, RMA2")
