"""The billing decision: the draft that comes out, and everything that holds it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.billing import BillingInput, KnownLinks, decide, stated_amount
from domain.exceptions import Cause, Finding
from domain.invoices import InvoiceDraft, LineKind
from domain.rulings import QuantityRuling
from tests import build


def draft_of(given: BillingInput) -> InvoiceDraft:
    """The draft; fails when the shipment is held or not billed."""
    decision = decide(given)
    assert decision.draft is not None, decision
    assert decision.refs is not None
    return decision.draft


def findings_of(given: BillingInput) -> list[tuple[Cause, str | None]]:
    """Causes and subjects of a shipment that is held; such a one never has a draft."""
    decision = decide(given)
    assert decision.draft is None
    assert decision.refs is None
    return [(one.cause, one.subject) for one in decision.findings]


def test_a_draft_carries_what_the_invoice_needs() -> None:
    given = build.shipment(purchase_order="PO-7", tracking="1Z9", freight=Decimal("18.95"))
    decision = decide(build.billing_input(given))
    draft, refs = decision.draft, decision.refs
    assert draft is not None
    assert refs is not None
    assert (draft.doc_number, draft.order_number, draft.customer_number) == ("SH1", "SO1", "00000042")
    assert (draft.purchase_order, draft.carrier, draft.tracking) == ("PO-7", "SAIA", "1Z9")
    assert (draft.total, decision.money_at_stake) == (Decimal("43.95"), Decimal("43.95"))
    assert (refs.customer_id, refs.terms_id) == ("qb-00000042", "qb-N30")
    assert refs.item_ids == {"BOLT": "qb-BOLT", "FREIGHT": "qb-FREIGHT"}
    assert decision.policy_version == "test"


class TestFreight:
    """Case E6: freight is a line of its own, and is never dropped."""

    def test_freight_comes_last_and_is_not_taxed(self) -> None:
        given = build.shipment(build.line(1), build.line(4), freight=Decimal("12.50"))
        line = draft_of(build.billing_input(given)).lines[-1]
        assert (line.kind, line.line_no, line.sku, line.amount) == (LineKind.FREIGHT, 5, "FREIGHT", Decimal("12.50"))
        assert line.description == "Freight SAIA"
        assert not line.taxable

    def test_freight_is_billed_with_a_partial_shipment(self) -> None:
        """Cases E6, O1."""
        given = build.shipment(build.line(quantity_shipped=Decimal(1)), freight=Decimal(9))
        assert draft_of(build.billing_input(given, order=build.order())).total == Decimal("11.50")

    def test_freight_alone_is_billed(self) -> None:
        """Cases E6, O5: nothing shipped, but the truck went."""
        given = build.shipment(build.line(quantity_shipped=Decimal(0)), freight=Decimal(9), carrier=None)
        (line,) = draft_of(build.billing_input(given)).lines
        assert (line.kind, line.description) == (LineKind.FREIGHT, "Freight")

    def test_no_freight_no_line(self) -> None:
        assert [one.kind for one in draft_of(build.billing_input()).lines] == [LineKind.GOODS]

    def test_the_freight_item_must_be_linked(self) -> None:
        given = build.shipment(freight=Decimal(9))
        known = KnownLinks(customers={"00000042": "1"}, items={"BOLT": "2"}, terms={"N30": "3"})
        assert findings_of(build.billing_input(given, known=known)) == [(Cause.ITEM_NOT_LINKED, "FREIGHT")]

    def test_negative_freight_is_held(self) -> None:
        given = build.shipment(freight=Decimal("-0.01"))
        assert findings_of(build.billing_input(given)) == [(Cause.NEGATIVE_AMOUNT, None)]


class TestTerms:
    """Case E7: the due date follows from the customer's terms and is never guessed."""

    @pytest.mark.parametrize(("code", "due"), [("N30", date(2026, 12, 20)), ("COD", date(2026, 11, 20))])
    def test_the_due_date_counts_from_the_invoice_date(self, code: str, due: date) -> None:
        assert draft_of(build.billing_input(customer=build.customer(terms_code=code))).due_on == due

    def test_unknown_terms_hold(self) -> None:
        given = build.billing_input(customer=build.customer(terms_code="N99"))
        assert findings_of(given) == [(Cause.TERMS_UNKNOWN, "N99")]

    def test_terms_that_quickbooks_does_not_have_hold(self) -> None:
        known = KnownLinks(customers={"00000042": "1"}, items={"BOLT": "2"})
        assert findings_of(build.billing_input(known=known)) == [(Cause.TERMS_NOT_LINKED, "N30")]

    def test_a_customer_without_terms_is_billed_without_any(self) -> None:
        decision = decide(build.billing_input(customer=build.customer(terms_code=None)))
        assert decision.draft is not None
        assert decision.refs is not None
        assert (decision.draft.terms_code, decision.draft.due_on) == (None, decision.draft.invoiced_on)
        assert decision.refs.terms_id is None


class TestDates:
    """Case F14: the invoice date is a day of the company, not of Greenwich."""

    @pytest.mark.parametrize(
        ("shipped_at", "day"),
        [
            pytest.param(datetime(2026, 11, 21, 4, 59, tzinfo=UTC), date(2026, 11, 20), id="last minute of the 20th"),
            pytest.param(datetime(2026, 11, 21, 5, 0, tzinfo=UTC), date(2026, 11, 21), id="midnight in New York"),
            pytest.param(datetime(2026, 7, 1, 4, 0, tzinfo=UTC), date(2026, 7, 1), id="midnight in summer time"),
            pytest.param(datetime(2026, 11, 1, 5, 30, tzinfo=UTC), date(2026, 11, 1), id="the hour that comes twice"),
        ],
    )
    def test_it_is_the_day_of_shipping_in_the_companys_zone(self, shipped_at: datetime, day: date) -> None:
        given = build.shipment(shipped_at=shipped_at)
        assert draft_of(build.billing_input(given)).invoiced_on == day

    def test_it_is_the_day_of_deciding_where_the_company_wants_that(self) -> None:
        given = build.billing_input(policy={"invoice_date": "booking_date"})
        assert draft_of(given).invoiced_on == build.DECIDED_ON


class TestNothingToBill:
    """Case O5: no invoice over nothing."""

    def test_a_shipment_of_zero_lines_is_not_billed_and_says_why(self) -> None:
        given = build.shipment(build.line(quantity_shipped=Decimal(0)))
        decision = decide(build.billing_input(given))
        assert decision.draft is None
        assert decision.findings == ()
        assert decision.not_billed_because == "nothing was shipped and there is no freight"

    def test_a_zero_line_is_left_out_of_the_invoice(self) -> None:
        given = build.shipment(build.line(1, quantity_shipped=Decimal(0)), build.line(2))
        assert [one.line_no for one in draft_of(build.billing_input(given)).lines] == [2]

    def test_with_nothing_left_to_bill_of_a_line_the_line_is_dropped(self) -> None:
        """Case O4: all that was ordered shipped before."""
        given = build.shipment(build.line(1), build.line(2))
        ruled = build.rulings(quantity=QuantityRuling.ORDERED)
        case = build.billing_input(given, shipped_before={1: Decimal(10)}, rulings=ruled)
        assert [one.line_no for one in draft_of(case).lines] == [2]

    def test_with_nothing_left_to_bill_at_all_there_is_no_invoice(self) -> None:
        """Case O4."""
        ruled = build.rulings(quantity=QuantityRuling.ORDERED)
        decision = decide(build.billing_input(shipped_before={1: Decimal(10)}, rulings=ruled))
        assert decision.draft is None
        assert decision.not_billed_because


def test_a_free_line_is_on_the_invoice() -> None:
    """Case O16: the customer sees the sample, at zero."""
    given = build.shipment(build.line(1, unit_price=Decimal(0)), build.line(2))
    draft = draft_of(build.billing_input(given))
    assert [one.amount for one in draft.lines] == [0, 25]


def test_two_shipments_of_one_order_bill_it_once() -> None:
    """Cases O1, O3: each bills its own lines; the second may take no more than the first left."""
    first = build.shipment(build.line(quantity_shipped=Decimal(6)), number="SH1")
    second = build.shipment(build.line(quantity_shipped=Decimal(5)), number="SH2")
    ordered = build.order()
    assert draft_of(build.billing_input(first, order=ordered)).total == 15
    case = build.billing_input(second, order=ordered, shipped_before={1: Decimal(6)})
    assert findings_of(case) == [(Cause.OVER_SHIPMENT, "BOLT")]
    assert draft_of(build.billing_input(second, order=ordered, shipped_before={1: Decimal(5)})).total == Decimal(
        "12.50"
    )


def test_a_negative_line_is_held() -> None:
    given = build.shipment(build.line(quantity_shipped=Decimal(-1)))
    assert findings_of(build.billing_input(given, order=build.order())) == [(Cause.NEGATIVE_AMOUNT, None)]


def test_nothing_is_billed_to_whom_or_what_quickbooks_is_not_linked() -> None:
    """Cases M2, M5: nothing is created there on the way, and each missing link is named once."""
    given = build.shipment(build.line(1), build.line(2), build.line(3, sku="NUT"))
    assert findings_of(build.billing_input(given, known=KnownLinks())) == [
        (Cause.CUSTOMER_NOT_LINKED, "00000042"),
        (Cause.TERMS_NOT_LINKED, "N30"),
        (Cause.ITEM_NOT_LINKED, "BOLT"),
        (Cause.ITEM_NOT_LINKED, "NUT"),
    ]


def test_a_held_shipment_tells_what_it_is_worth() -> None:
    given = build.shipment(freight=Decimal("10.005"))
    decision = decide(build.billing_input(given, order=None))
    assert decision.money_at_stake == Decimal("35.01")


def test_amounts_are_rounded_half_up_line_by_line() -> None:
    """Case E4: 3 x 0.335 is 1.01 (1.005 up), twice, and not 2.01."""
    given = build.shipment(
        build.line(1, quantity_shipped=Decimal(3), unit_price=Decimal("0.335")),
        build.line(2, quantity_shipped=Decimal(3), unit_price=Decimal("0.335")),
    )
    draft = draft_of(build.billing_input(given))
    assert [one.amount for one in draft.lines] == [Decimal("1.01"), Decimal("1.01")]
    assert draft.total == stated_amount(given) == Decimal("2.02")


def test_a_lot_does_not_stand_in_the_way() -> None:
    """Case O14."""
    assert draft_of(build.billing_input(build.shipment(build.line(lot="L48877")))).total == 25


def test_a_second_generation_is_another_invoice_of_the_same_shipment() -> None:
    """Case E9: only ever by a person's decision; number and request id are its own."""
    first, second = (draft_of(build.billing_input(generation=number)) for number in (1, 2))
    assert (first.doc_number, second.doc_number) == ("SH1", "SH1-2")
    assert first.request_id != second.request_id
    assert first.lines == second.lines


def test_a_finding_is_a_sentence_for_a_person() -> None:
    decision = decide(build.billing_input(known=KnownLinks()))
    for finding in decision.findings:
        assert isinstance(finding, Finding)
        assert finding.sentence.endswith(".")
        assert finding.subject in finding.sentence if finding.subject else True
