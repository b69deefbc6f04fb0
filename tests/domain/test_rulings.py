"""Rulings: each choice of a person changes exactly what it should."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.billing import decide
from domain.exceptions import Cause, Choice
from domain.rulings import PriceRuling, QuantityRuling, Rulings, rulings_from
from tests import build

CHANGES: dict[Choice, dict[str, object]] = {
    Choice.USE_ITEM: {"items": {"ZZZ": "BOLT"}},
    Choice.USE_CUSTOMER: {"customer_number": "BOLT"},
    Choice.BILL_ORDER_PRICE: {"price": PriceRuling.ORDER},
    Choice.BILL_SHIPMENT_PRICE: {"price": PriceRuling.SHIPMENT},
    Choice.BILL_ALL: {"quantity": QuantityRuling.ALL},
    Choice.BILL_ORDERED: {"quantity": QuantityRuling.ORDERED},
    Choice.BILL_WITHOUT_ORDER: {"without_order": True},
    Choice.DO_NOT_BILL: {"do_not_bill": True},
}


def ruled(*decisions: tuple[Choice, str | None], subjects: tuple[str, ...] = ("ZZZ",)) -> Rulings:
    """The rulings that these decisions come to, oldest first."""
    return rulings_from((build.resolution(choice, value), subjects) for choice, value in decisions)


@pytest.mark.parametrize("choice", Choice)
def test_a_choice_changes_its_own_ruling_and_no_other(choice: Choice) -> None:
    assert ruled((choice, "BOLT")) == Rulings(**CHANGES.get(choice, {}))


def test_no_decision_no_ruling() -> None:
    assert rulings_from([]) == Rulings()


def test_one_item_named_stands_for_every_unknown_one() -> None:
    assert ruled((Choice.USE_ITEM, " BOLT "), subjects=("X", "Y")).items == {"X": "BOLT", "Y": "BOLT"}


def test_items_can_be_named_one_by_one() -> None:
    value = "X=BOLT, Y = NUT,"
    assert ruled((Choice.USE_ITEM, value), subjects=("X", "Y", "Z")).items == {"X": "BOLT", "Y": "NUT"}


def test_items_named_later_join_those_named_before_and_win() -> None:
    rulings = ruled((Choice.USE_ITEM, "X=BOLT,Y=NUT"), (Choice.USE_ITEM, "Y=WASHER"))
    assert rulings.items == {"X": "BOLT", "Y": "WASHER"}


def test_a_later_decision_replaces_an_earlier_one_on_the_same_question() -> None:
    """Cases E2, O4."""
    rulings = ruled(
        (Choice.BILL_SHIPMENT_PRICE, None),
        (Choice.BILL_ALL, None),
        (Choice.BILL_ORDER_PRICE, None),
        (Choice.USE_CUSTOMER, "1"),
        (Choice.USE_CUSTOMER, "00000077 "),
    )
    assert (rulings.price, rulings.quantity, rulings.customer_number) == (
        PriceRuling.ORDER,
        QuantityRuling.ALL,
        "00000077",
    )


def test_billing_again_takes_back_not_billing() -> None:
    """Case E9: a fresh generation is a person's decision."""
    assert ruled((Choice.DO_NOT_BILL, None)).do_not_bill
    assert not ruled((Choice.DO_NOT_BILL, None), (Choice.BILL_AGAIN, None)).do_not_bill


def test_not_billing_needs_nothing_to_be_in_order() -> None:
    given = build.billing_input(order=None, customer=None, items={}, rulings=ruled((Choice.DO_NOT_BILL, None)))
    decision = decide(given)
    assert (decision.draft, decision.findings) == (None, ())
    assert decision.not_billed_because == "a person decided so"
    assert decision.money_at_stake == 25


def test_the_item_named_is_the_item_billed() -> None:
    """Case M1: description, link and SKU are the named item's; quantity and price stay the shipment's."""
    given = build.shipment(build.line(sku="ZZZ"))
    case = build.billing_input(given, items=build.items("BOLT"), rulings=ruled((Choice.USE_ITEM, "BOLT")))
    decision = decide(case)
    assert decision.draft is not None
    (line,) = decision.draft.lines
    assert (line.sku, line.description, line.quantity, line.amount) == ("BOLT", "Bolt 3/8", Decimal(10), Decimal(25))


def test_naming_an_item_that_is_not_known_either_asks_again() -> None:
    """Case M1."""
    given = build.shipment(build.line(sku="ZZZ"))
    decision = decide(build.billing_input(given, items={}, rulings=ruled((Choice.USE_ITEM, "YYY"))))
    assert [one.cause for one in decision.findings] == [Cause.UNKNOWN_ITEM]


def test_the_customer_named_is_the_customer_billed() -> None:
    """Case M2."""
    rulings = ruled((Choice.USE_CUSTOMER, "00000077"))
    decision = decide(build.billing_input(customer=build.customer("00000077"), rulings=rulings))
    assert decision.draft is not None
    assert decision.refs is not None
    assert (decision.draft.customer_number, decision.refs.customer_id) == ("00000077", "qb-00000077")


def test_without_its_order_a_shipment_is_billed_by_its_own_words() -> None:
    """Cases O6, O7: unit, quantity and price of the shipment."""
    given = build.shipment(build.line(quantity_shipped=Decimal(2), uom="BX", unit_price=Decimal("260.0000")))
    decision = decide(build.billing_input(given, order=None, rulings=ruled((Choice.BILL_WITHOUT_ORDER, None))))
    assert decision.draft is not None
    (line,) = decision.draft.lines
    assert (line.quantity, line.uom, line.unit_price, line.amount) == (Decimal(2), "BX", Decimal(260), Decimal(520))
