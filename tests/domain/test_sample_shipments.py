"""The sample exports: what the domain decides equals what their truth says, to the cent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.billing import BillingDecision, stated_amount
from domain.exceptions import Cause
from domain.invoices import InvoiceLine, LineKind
from domain.shipments import content_hash
from tests.domain.sample_world import SampleWorld

CLEAN, TROUBLED = "SHPCNF.S000417", "SHPCNF.S000418"
CLEAN_SHIPMENTS = [f"SH550{number}" for number in range(4177, 4262, 7)]


@pytest.fixture(scope="module")
def world(samples: Path) -> SampleWorld:
    """The samples' world."""
    return SampleWorld.load(samples)


@pytest.fixture(scope="module")
def clean(world: SampleWorld) -> dict[str, BillingDecision]:
    """The decisions on the clean export."""
    return world.decide_all(CLEAN)


@pytest.fixture(scope="module")
def troubled(world: SampleWorld) -> dict[str, BillingDecision]:
    """The decisions on the export full of business trouble."""
    return world.decide_all(TROUBLED)


def _shown(line: InvoiceLine) -> dict[str, Any]:
    return {
        "line": line.line_no,
        "sku": line.sku,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "amount": line.amount,
    }


def _expected(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, **{name: Decimal(line[name]) for name in ("quantity", "unit_price", "amount")}}


def test_the_clean_export_states_thirteen_shipments(world: SampleWorld) -> None:
    assert [one["shipment_no"] for one in world.stated(CLEAN)] == CLEAN_SHIPMENTS


@pytest.mark.parametrize("number", CLEAN_SHIPMENTS)
def test_a_clean_shipment_is_billed_as_the_truth_says(
    world: SampleWorld, clean: dict[str, BillingDecision], number: str
) -> None:
    """Cases O1, O3, O5, E2, E4, E6: partial, split and short-shipped lines, prices, amounts and freight."""
    truth = next(one for one in world.truth[CLEAN]["expected_invoices"] if one["shipment_no"] == number)
    draft = clean[number].draft
    assert draft is not None, clean[number].findings
    goods = [_shown(one) for one in draft.lines if one.kind is LineKind.GOODS]
    freight = sum((one.amount for one in draft.lines if one.kind is LineKind.FREIGHT), Decimal(0))
    assert goods == [_expected(one) for one in truth["lines"]]
    assert freight == Decimal(truth["freight"])
    assert draft.total == Decimal(truth["total"])


def test_the_clean_export_adds_up_to_its_amount_total(world: SampleWorld, clean: dict[str, BillingDecision]) -> None:
    """Case E4: every amount is rounded once, so the invoices come to the total of the file's trailer."""
    assert sum(one.draft.total for one in clean.values() if one.draft) == Decimal(
        world.truth[CLEAN]["totals"]["amount_total"]
    )


@pytest.mark.parametrize("export", [CLEAN, TROUBLED])
def test_what_shipments_state_adds_up_to_the_amount_total(world: SampleWorld, export: str) -> None:
    stated = [stated_amount(world.shipment(one)) for one in world.stated(export)]
    assert sum(stated) == Decimal(world.truth[export]["totals"]["amount_total"])


@pytest.mark.parametrize(
    ("case", "causes"),
    [
        pytest.param("unknown item", [Cause.UNKNOWN_ITEM], id="M1"),
        pytest.param("unknown customer", [Cause.UNKNOWN_CUSTOMER], id="M2"),
        pytest.param("over-shipment", [Cause.OVER_SHIPMENT], id="O4"),
        pytest.param("price differs from the order", [Cause.PRICE_DIFFERS], id="E2"),
        pytest.param("unknown order", [Cause.UNKNOWN_ORDER], id="O6"),
        pytest.param("clean", [], id="clean"),
    ],
)
def test_a_troubled_shipment_is_held_for_its_cause(
    world: SampleWorld, troubled: dict[str, BillingDecision], case: str, causes: list[Cause]
) -> None:
    number = next(one["shipment_no"] for one in world.stated(TROUBLED) if one["case"] == case)
    decision = troubled[number]
    assert [one.cause for one in decision.findings] == causes
    assert (decision.draft is None) == bool(causes)


def test_a_repeated_shipment_has_the_content_that_was_known(world: SampleWorld) -> None:
    """Case F8: the exact repeat is recognised by its content, the correction is not the same."""
    known = {content_hash(world.shipment(one)) for one in world.stated(CLEAN)}
    again = {one["case"]: content_hash(world.shipment(one)) for one in world.stated(TROUBLED)}
    assert again["exact repeat of a shipment of file 417"] in known
    assert not known & {hash_ for case, hash_ in again.items() if "exact repeat" not in case}


def test_a_corrected_shipment_is_worth_one_unit_less(world: SampleWorld) -> None:
    """Case F9: the difference between the statements is what a credit memo would come to."""
    before = next(one for one in world.stated(CLEAN) if one["shipment_no"] == "SH5504177")
    after = next(one for one in world.stated(TROUBLED) if one["shipment_no"] == "SH5504177")
    difference = stated_amount(world.shipment(after)) - stated_amount(world.shipment(before))
    assert difference == Decimal("-47.71")
