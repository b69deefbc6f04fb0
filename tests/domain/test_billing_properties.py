"""What holds for every billing decision, whatever its inputs."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

from hypothesis import event, given, settings

from domain.billing import BillingDecision, BillingInput, decide
from domain.exceptions import Choice
from domain.invoices import InvoiceDraft, LineKind
from tests.domain.strategies import billing_inputs

EXAMPLES = 60  # an input has some forty draws: these are the slowest tests of the folder


def kind_of(decision: BillingDecision) -> str:
    """Which of the three outcomes it is."""
    if decision.draft:
        return "billed"
    return "held" if decision.findings else "not billed"


@given(billing_inputs())
@settings(max_examples=EXAMPLES)
def test_a_shipment_is_billed_or_held_or_not_billed_for_a_reason(given_: BillingInput) -> None:
    decision = decide(given_)
    event(kind_of(decision))
    outcomes = [decision.draft is not None, bool(decision.findings), decision.not_billed_because is not None]
    assert outcomes.count(True) == 1
    assert (decision.draft is None) == (decision.refs is None)
    assert decision.policy_version == given_.company.billing.version


@given(billing_inputs())
@settings(max_examples=EXAMPLES)
def test_a_decision_is_the_same_from_its_stored_inputs(given_: BillingInput) -> None:
    """Feature G-C8: decided again, from JSON, and from JSON without defaults as the store keeps it."""
    decision = decide(given_)
    assert decide(given_) == decision
    assert decide(BillingInput.model_validate_json(given_.model_dump_json())) == decision
    kept = json.dumps(given_.model_dump(mode="json", exclude_defaults=True))
    assert decide(BillingInput.model_validate_json(kept)) == decision
    assert decide(BillingInput.model_validate(json.loads(kept))) == decision


@given(billing_inputs())
@settings(max_examples=EXAMPLES)
def test_a_decision_is_kept_as_the_same_json_when_made_again(given_: BillingInput) -> None:
    """The frozen payload's hash, and so exactly one invoice, hangs on this."""
    again = BillingInput.model_validate_json(given_.model_dump_json(exclude_defaults=True))
    first, second = decide(given_), decide(again)
    assert second.model_dump(mode="json", exclude_defaults=True) == first.model_dump(mode="json", exclude_defaults=True)
    assert BillingDecision.model_validate(first.model_dump(mode="json", exclude_defaults=True)) == first


@given(billing_inputs())
@settings(max_examples=EXAMPLES)
def test_a_draft_adds_up(given_: BillingInput) -> None:
    """Case E4: the total is the sum of its lines, each the product rounded half up to the cent."""
    draft = decide(given_).draft
    if draft is None:
        return
    assert draft.total == sum((one.amount for one in draft.lines), Decimal(0))
    for line in draft.lines:
        exact = Fraction(line.quantity) * Fraction(line.unit_price)
        assert line.amount.as_tuple().exponent == -2
        assert -Fraction(1, 200) <= exact - Fraction(line.amount) < Fraction(1, 200)
        assert line.amount >= 0


@given(billing_inputs())
@settings(max_examples=EXAMPLES)
def test_a_draft_bills_what_shipped_and_nothing_else(given_: BillingInput) -> None:
    """Cases O1, O5, E6: one line for each shipped line at most, freight exactly once."""
    draft = decide(given_).draft
    if draft is None:
        return
    shipment = given_.case.shipment
    goods = [one for one in draft.lines if one.kind is LineKind.GOODS]
    shipped = {one.line_no for one in shipment.lines if one.quantity_shipped != 0}
    assert {one.shipment_line_no for one in goods} <= shipped
    assert len({one.line_no for one in draft.lines}) == len(draft.lines)
    freight = [one.amount for one in draft.lines if one.kind is LineKind.FREIGHT]
    assert freight == ([shipment.freight] if shipment.freight else [])


@given(billing_inputs())
@settings(max_examples=EXAMPLES)
def test_a_draft_names_its_vendor_ids_and_dates(given_: BillingInput) -> None:
    decision = decide(given_)
    if decision.draft is None or decision.refs is None:
        return
    _check_identity(decision.draft)
    assert decision.refs.item_ids.keys() == {one.sku for one in decision.draft.lines}
    assert (decision.refs.terms_id is None) == (decision.draft.terms_code is None)


def _check_identity(draft: InvoiceDraft) -> None:
    assert len(draft.doc_number) <= 21
    assert len(draft.request_id) <= 36
    assert draft.due_on >= draft.invoiced_on


@given(billing_inputs())
@settings(max_examples=EXAMPLES)
def test_whoever_decides_not_to_bill_is_always_heard(given_: BillingInput) -> None:
    ruled = given_.case.rulings.model_copy(update={"do_not_bill": True})
    case = given_.case.model_copy(update={"rulings": ruled})
    decision = decide(given_.model_copy(update={"case": case}))
    assert kind_of(decision) == "not billed"


@given(billing_inputs())
@settings(max_examples=EXAMPLES)
def test_a_held_shipment_offers_a_way_out(given_: BillingInput) -> None:
    for finding in decide(given_).findings:
        assert len(finding.choices) >= 2
        assert finding.choices[-1] is Choice.DO_NOT_BILL
        assert len(set(finding.choices)) == len(finding.choices)
