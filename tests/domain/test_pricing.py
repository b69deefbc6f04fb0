"""Pricing: units, quantities and prices of a line against its order (cases E2, E3, E4, O4, O16)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from domain.company import BillingPolicy
from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.invoices import InvoiceLine
from domain.matching import MatchedLine
from domain.pricing import price_line
from domain.rulings import PriceRuling, QuantityRuling, Rulings
from tests import build


def priced(
    shipped: dict[str, Any],
    ordered: dict[str, Any] | None = None,
    *,
    rulings: Rulings | None = None,
    policy: dict[str, Any] | None = None,
    **matched: Any,
) -> InvoiceLine | Finding:
    """Price one shipped line against one ordered line."""
    one = MatchedLine(
        line=build.line(**shipped), order_line=build.order_line(**(ordered or {})), **{"item": build.item(), **matched}
    )
    return price_line(one, BillingPolicy(version="test", **(policy or {})), rulings or Rulings(), tax_exempt=False)


def billed(*args: Any, **changes: Any) -> InvoiceLine:
    """The line as it is billed; fails when it is held."""
    result = priced(*args, **changes)
    assert isinstance(result, InvoiceLine), result
    return result


def held(*args: Any, **changes: Any) -> Finding:
    """Why the line is held; fails when it is billed."""
    result = priced(*args, **changes)
    assert isinstance(result, Finding), result
    return result


class TestUnits:
    """Case E3: the order's unit leads, conversions are exact or a person looks."""

    def test_boxes_shipped_on_an_order_in_pieces_are_billed_in_pieces(self) -> None:
        shipped = {"quantity_shipped": Decimal(2), "uom": "BX", "unit_price": Decimal("250.0000")}
        line = billed(shipped, {"quantity": Decimal(200)})
        assert (line.quantity, line.uom, line.unit_price, line.amount) == (
            Decimal(200),
            "EA",
            Decimal("2.50"),
            Decimal("500.00"),
        )

    def test_pieces_shipped_on_an_order_in_boxes_are_billed_in_boxes(self) -> None:
        shipped = {"quantity_shipped": Decimal(150), "uom": "EA", "unit_price": Decimal("2.5000")}
        line = billed(shipped, {"quantity": Decimal(2), "uom": "BX", "unit_price": Decimal(250)})
        assert (line.quantity, line.uom, line.amount) == (Decimal("1.5"), "BX", Decimal("375.00"))

    def test_a_third_of_a_box_cannot_be_written_exactly(self) -> None:
        shipped = {"quantity_shipped": Decimal(1), "uom": "EA", "unit_price": Decimal("2.5000")}
        ordered = {"quantity": Decimal(10), "uom": "BX", "unit_price": Decimal("7.50")}
        finding = held(shipped, ordered, item=build.item(units_per_sell_uom=Fraction(3)))
        assert (finding.cause, finding.kind) == (Cause.UNIT_DIFFERS, ExceptionKind.CONFLICT)
        assert finding.sentence == "Line 1 shipped 1 EA, the order is in BX: item BOLT has no exact conversion."

    def test_a_unit_that_the_item_does_not_know_is_held(self) -> None:
        finding = held({"uom": "PL"}, {"quantity": Decimal(10)})
        assert finding.cause is Cause.UNIT_DIFFERS
        assert Choice.BILL_WITHOUT_ORDER in finding.choices

    def test_equal_units_need_no_conversion(self) -> None:
        assert billed({"uom": "FT"}, {"uom": "FT"}).uom == "FT"


class TestPrices:
    """Case E2: the order's price is billed; a disagreement above the tolerance is held."""

    @pytest.mark.parametrize("stated", ["47.7119", "47.71190", "47.711900"])
    def test_equal_prices_at_different_scales_agree(self, stated: str) -> None:
        line = billed({"unit_price": Decimal(stated)}, {"unit_price": Decimal("47.7119")})
        assert line.unit_price == Decimal("47.7119")

    def test_a_price_finer_than_the_erp_can_state_agrees_and_leads(self) -> None:
        """The order keeps six places, the ERP four."""
        line = billed({"unit_price": Decimal("0.0123")}, {"unit_price": Decimal("0.012345")})
        assert (line.unit_price, line.amount) == (Decimal("0.012345"), Decimal("0.12"))

    def test_a_price_per_piece_without_end_agrees_at_the_scale_kept(self) -> None:
        """Cases E2, E3: 302.48 for a case of 24 is 12.60333... a piece; the order says 12.6033."""
        case_of_24 = build.item(sell_uom="CS", units_per_sell_uom=Fraction(24))
        shipped = {"quantity_shipped": Decimal(1), "uom": "CS", "unit_price": Decimal("302.4800")}
        line = billed(shipped, {"quantity": Decimal(24), "unit_price": Decimal("12.6033")}, item=case_of_24)
        assert (line.quantity, line.amount) == (Decimal(24), Decimal("302.48"))

    def test_a_different_price_is_held_and_the_difference_told(self) -> None:
        finding = held({"unit_price": Decimal("2.7500")})
        assert (finding.cause, finding.kind) == (Cause.PRICE_DIFFERS, ExceptionKind.CONFLICT)
        assert finding.sentence == "Line 1 (BOLT): the ERP states 2.75 per EA, the order 2.5 per EA: 2.50 in all."
        assert finding.choices[:2] == (Choice.BILL_ORDER_PRICE, Choice.BILL_SHIPMENT_PRICE)

    def test_the_difference_is_told_across_units(self) -> None:
        """Cases E2, E3: 2 boxes at 260 against 200 pieces at 2.50 differ by 20."""
        shipped = {"quantity_shipped": Decimal(2), "uom": "BX", "unit_price": Decimal(260)}
        finding = held(shipped, {"quantity": Decimal(200)})
        assert finding.sentence.endswith("the ERP states 260 per BX, the order 2.5 per EA: 20.00 in all.")

    @pytest.mark.parametrize("stated", ["102.00", "98.00", "100.00"])
    def test_within_the_tolerance_the_orders_price_is_billed(self, stated: str) -> None:
        policy = {"price_tolerance_percent": Decimal(2)}
        line = billed({"unit_price": Decimal(stated)}, {"unit_price": Decimal(100)}, policy=policy)
        assert line.unit_price == 100

    @pytest.mark.parametrize("stated", ["102.0001", "97.9999"])
    def test_just_beyond_the_tolerance_is_held(self, stated: str) -> None:
        policy = {"price_tolerance_percent": Decimal(2)}
        finding = held({"unit_price": Decimal(stated)}, {"unit_price": Decimal(100)}, policy=policy)
        assert finding.cause is Cause.PRICE_DIFFERS

    @pytest.mark.parametrize(("ruling", "price"), [(PriceRuling.ORDER, "2.50"), (PriceRuling.SHIPMENT, "2.75")])
    def test_a_person_says_whose_price_is_billed(self, ruling: PriceRuling, price: str) -> None:
        line = billed({"unit_price": Decimal("2.75")}, rulings=Rulings(price=ruling))
        assert str(line.unit_price) == price

    def test_the_shipments_price_is_billed_per_unit_of_the_order(self) -> None:
        """Cases E2, E3: 260 per box of 100 is 2.60 a piece."""
        shipped = {"quantity_shipped": Decimal(2), "uom": "BX", "unit_price": Decimal(260)}
        line = billed(shipped, {"quantity": Decimal(200)}, rulings=Rulings(price=PriceRuling.SHIPMENT))
        assert (line.quantity, line.unit_price, line.amount) == (Decimal(200), Decimal("2.6"), Decimal("520.00"))

    def test_the_shipments_price_must_be_exact_in_the_orders_unit(self) -> None:
        """Case E3: 10 for a box of 3 has no exact price a piece."""
        shipped = {"quantity_shipped": Decimal(1), "uom": "BX", "unit_price": Decimal(10)}
        finding = held(
            shipped,
            {"quantity": Decimal(3)},
            item=build.item(units_per_sell_uom=Fraction(3)),
            rulings=Rulings(price=PriceRuling.SHIPMENT),
        )
        assert finding.cause is Cause.UNIT_DIFFERS

    def test_a_free_line_is_billed_at_zero(self) -> None:
        """Case O16: a sample is not a missing price."""
        line = billed({"unit_price": Decimal(0)}, {"unit_price": Decimal(0)})
        assert (line.unit_price, line.amount, line.quantity) == (Decimal(0), Decimal(0), Decimal(10))

    @pytest.mark.parametrize(("stated", "ordered"), [("0", "2.50"), ("2.50", "0")])
    def test_free_on_one_side_only_is_a_price_conflict(self, stated: str, ordered: str) -> None:
        """Cases E2, O16: no tolerance makes a price of a sample."""
        finding = held({"unit_price": Decimal(stated)}, {"unit_price": Decimal(ordered)})
        assert finding.cause is Cause.PRICE_DIFFERS


class TestQuantities:
    """Cases O1 and O4: what shipped is billed, unless it is more than was ordered."""

    def test_a_partial_line_is_billed_for_what_shipped(self) -> None:
        """Case O1."""
        assert billed({"quantity_shipped": Decimal(3)}).quantity == 3

    def test_more_than_ordered_is_held(self) -> None:
        """Case O4."""
        finding = held({"quantity_shipped": Decimal(20)})
        assert (finding.cause, finding.subject) == (Cause.OVER_SHIPMENT, "BOLT")
        assert finding.sentence == "Line 1 (BOLT) shipped 20 EA, ordered were 10."
        assert finding.choices == (Choice.BILL_ALL, Choice.BILL_ORDERED, Choice.RETRY, Choice.DO_NOT_BILL)

    def test_what_other_shipments_took_is_no_longer_open(self) -> None:
        """Cases O3, O4."""
        finding = held({"quantity_shipped": Decimal(6)}, shipped_before=Decimal(5))
        assert finding.sentence == "Line 1 (BOLT) shipped 6 EA, ordered were 10, 5 of them shipped before."
        assert billed({"quantity_shipped": Decimal(5)}, shipped_before=Decimal(5)).quantity == 5

    @pytest.mark.parametrize(("ruling", "quantity"), [(QuantityRuling.ALL, 20), (QuantityRuling.ORDERED, 10)])
    def test_a_person_says_how_much_is_billed(self, ruling: QuantityRuling, quantity: int) -> None:
        """Case O4."""
        assert billed({"quantity_shipped": Decimal(20)}, rulings=Rulings(quantity=ruling)).quantity == quantity

    def test_billing_the_ordered_bills_what_is_still_open(self) -> None:
        """Cases O3, O4."""
        ruled = Rulings(quantity=QuantityRuling.ORDERED)
        assert billed({"quantity_shipped": Decimal(20)}, rulings=ruled, shipped_before=Decimal(4)).quantity == 6

    @pytest.mark.parametrize(("shipped", "within"), [("10.5", True), ("10.6", False)])
    def test_the_tolerance_bills_a_little_more(self, shipped: str, within: bool) -> None:
        """Case O4: 5 % of 10."""
        result = priced({"quantity_shipped": Decimal(shipped)}, policy={"overship_tolerance_percent": Decimal(5)})
        assert isinstance(result, InvoiceLine) == within

    def test_the_tolerance_is_used_up_once_an_order_not_once_a_shipment(self) -> None:
        """Cases O3, O4: 10.5 shipped before have taken all that 5 % of 10 allow."""
        policy = {"overship_tolerance_percent": Decimal(5)}
        finding = held({"quantity_shipped": Decimal("0.5")}, policy=policy, shipped_before=Decimal("10.5"))
        assert finding.cause is Cause.OVER_SHIPMENT

    def test_more_than_ordered_shows_across_units(self) -> None:
        """Cases E3, O4: 3 boxes of 100 on an order of 200 pieces."""
        shipped = {"quantity_shipped": Decimal(3), "uom": "BX", "unit_price": Decimal(250)}
        finding = held(shipped, {"quantity": Decimal(200)})
        assert finding.sentence == "Line 1 (BOLT) shipped 300 EA, ordered were 200."


@pytest.mark.parametrize(
    ("taxable", "exempt", "taxed"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_tax_needs_a_taxable_item_and_a_customer_who_is_not_exempt(taxable: bool, exempt: bool, taxed: bool) -> None:
    matched = MatchedLine(line=build.line(), item=build.item(taxable=taxable), order_line=build.order_line())
    line = price_line(matched, BillingPolicy(version="test"), Rulings(), tax_exempt=exempt)
    assert isinstance(line, InvoiceLine)
    assert line.taxable == taxed
