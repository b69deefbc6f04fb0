"""The three-way match: what fits, what does not, and in which words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.matching import MatchInput, match
from tests import build


def causes(case: MatchInput) -> list[Cause]:
    """The causes of what does not fit, in order."""
    return [one.cause for one in match(case)[1]]


def only(case: MatchInput) -> Finding:
    """The one thing that does not fit."""
    (finding,) = match(case)[1]
    return finding


def test_a_shipment_that_fulfils_its_order_matches_line_by_line() -> None:
    given = build.shipment(build.line(1), build.line(2, sku="NUT"))
    matched, findings = match(build.match_input(given))
    assert findings == []
    assert [(one.line.line_no, one.item.sku, one.order_line.sku) for one in matched if one.order_line] == [
        (1, "BOLT", "BOLT"),
        (2, "NUT", "NUT"),
    ]


def test_an_unknown_item_is_named_with_its_line_and_quantity() -> None:
    """Case M1."""
    given = build.shipment(build.line(1), build.line(2, sku="ZZZ", quantity_shipped=Decimal("4.50"), uom="FT"))
    finding = only(build.match_input(given, items=build.items("BOLT")))
    assert (finding.cause, finding.line_no, finding.subject) == (Cause.UNKNOWN_ITEM, 2, "ZZZ")
    assert finding.sentence == "Item ZZZ on line 2 (4.5 FT shipped) is not in the item master."
    assert finding.choices == (Choice.RETRY, Choice.USE_ITEM, Choice.DO_NOT_BILL)


def test_every_unknown_item_is_named_at_once() -> None:
    """Case M1: a person is asked once, not once a line."""
    given = build.shipment(build.line(1, sku="X"), build.line(2, sku="Y"))
    assert causes(build.match_input(given, items={})) == [Cause.UNKNOWN_ITEM, Cause.UNKNOWN_ITEM]


def test_an_unknown_customer_is_never_made_up() -> None:
    """Case M2."""
    finding = only(build.match_input(customer=None))
    assert (finding.cause, finding.subject) == (Cause.UNKNOWN_CUSTOMER, "00000042")
    assert Choice.USE_CUSTOMER in finding.choices


def test_the_shipments_customer_must_be_the_orders_own() -> None:
    """Case M6: bill-to and ship-to may differ, but a person says so."""
    finding = only(build.match_input(order=build.order(customer_number="00000077")))
    assert (finding.cause, finding.kind) == (Cause.CUSTOMER_DIFFERS, ExceptionKind.CONFLICT)
    assert "00000042" in finding.sentence
    assert "00000077" in finding.sentence


def test_an_order_without_a_customer_number_does_not_contradict_the_shipment() -> None:
    assert causes(build.match_input(order=build.order(customer_number=None))) == []


def test_a_named_customer_settles_whose_order_it_is() -> None:
    case = build.match_input(
        order=build.order(customer_number="00000077"),
        customer=build.customer("00000055"),
        rulings=build.rulings(customer_number="00000055"),
    )
    assert causes(case) == []


@pytest.mark.parametrize(
    ("order", "cause", "word"),
    [
        pytest.param(None, Cause.UNKNOWN_ORDER, "is not known", id="O6 not known"),
        pytest.param(build.order(deleted=True), Cause.UNKNOWN_ORDER, "was deleted", id="M9 deleted"),
        pytest.param(build.order(active=False, status="Draft"), Cause.ORDER_NOT_ACTIVE, "is Draft", id="O7 draft"),
    ],
)
def test_a_shipment_waits_for_its_order(order: object, cause: Cause, word: str) -> None:
    finding = only(build.match_input(order=order))
    assert finding.cause is cause
    assert finding.kind is ExceptionKind.HOLD
    assert word in finding.sentence
    assert finding.choices == (Choice.RETRY, Choice.BILL_WITHOUT_ORDER, Choice.DO_NOT_BILL)


def test_without_its_order_a_shipment_still_tells_of_unknown_items() -> None:
    """Cases O6, M1: what is wrong anyway is told at once, and no line is compared with an order that is not there."""
    given = build.shipment(build.line(1), build.line(2, sku="ZZZ"))
    case = build.match_input(given, order=None, items=build.items("BOLT"))
    assert causes(case) == [Cause.UNKNOWN_ORDER, Cause.UNKNOWN_ITEM]


@pytest.mark.parametrize("missing", [1, 7])
def test_a_line_that_the_order_does_not_have_is_held(missing: int) -> None:
    given = build.shipment(build.line(3), build.line(missing))
    finding = only(build.match_input(given, order=build.order(build.order_line(3))))
    assert (finding.cause, finding.line_no) == (Cause.UNKNOWN_ORDER_LINE, missing)


def test_a_substitute_is_held_until_a_person_names_the_item() -> None:
    """Case M7: the shipped item is not the ordered one."""
    given = build.shipment(build.line(sku="BOLT-NEW"))
    case = build.match_input(given, order=build.order())
    finding = only(case)
    assert (finding.cause, finding.kind) == (Cause.ITEM_DIFFERS, ExceptionKind.CONFLICT)
    assert finding.sentence == "Line 1 shipped BOLT-NEW, order SO1 has BOLT there."
    settled = case.model_copy(update={"rulings": build.rulings(items={"BOLT-NEW": "BOLT-NEW"})})
    assert causes(settled) == []


def test_a_renamed_item_is_billed_under_the_name_given() -> None:
    """Case M7: the ERP still uses the old SKU."""
    given = build.shipment(build.line(sku="OLD"))
    case = build.match_input(
        given, order=build.order(), items=build.items("BOLT"), rulings=build.rulings(items={"OLD": "BOLT"})
    )
    matched, findings = match(case)
    assert findings == []
    assert [one.item.sku for one in matched] == ["BOLT"]


def test_a_line_that_shipped_nothing_is_not_looked_at() -> None:
    """Case O5: a backordered line with an unknown item stops nothing."""
    given = build.shipment(build.line(1), build.line(2, sku="ZZZ", quantity_shipped=Decimal(0)))
    assert causes(build.match_input(given, items=build.items("BOLT"))) == []


def test_what_is_most_basic_comes_first() -> None:
    given = build.shipment(build.line(sku="ZZZ"))
    case = build.match_input(given, customer=None, order=None, items={})
    assert causes(case) == [Cause.UNKNOWN_CUSTOMER, Cause.UNKNOWN_ORDER, Cause.UNKNOWN_ITEM]


def test_not_billing_is_the_last_choice_of_every_hold() -> None:
    given = build.shipment(build.line(sku="ZZZ"))
    _, findings = match(build.match_input(given, customer=None, order=None, items={}))
    assert [one.choices[-1] for one in findings] == [Choice.DO_NOT_BILL] * 3
