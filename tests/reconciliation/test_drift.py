"""A company at rest has no drift; whatever is altered behind the product's back is found and named within one run."""

from __future__ import annotations

import os
import time

from domain.exceptions import Cause, Choice, Resolution
from domain.reconciliation import Standing
from store import exceptions
from store.session import transaction
from tests.reconciliation.alterations import WAYS, alter
from tests.reconciliation.lived import BY, Lived
from tests.reconciliation.oracle import Altered, invented, missed, said

COUNT = int(os.environ.get("THREEWAY_TEST_ALTERATIONS", "83"))
SEED = 11
WORDS = ("Doc_Number__c", "Invoiced_On__c", "QuickBooks_Id__c", "Status__c")
HEALED = {
    "order_shown_wrong",
    "order_line_shown_wrong",
    "invoice_shown_wrong",
    "invoice_not_shown",
    "account_shown_wrong",
    "stock_shown_wrong",
    "stock_not_shown",
    "invoice_not_pulled",
    "balance_not_pulled",
}
_done: list[Altered] = []


def test_a_company_at_rest_gets_a_certificate_without_drift(lived: Lived) -> None:
    """R1 to R10 hold of what the product itself has brought about, with no patience at all."""
    concluded = lived.reconcile()

    assert [one.model_dump() for one in lived.findings(concluded.run_id)] == []
    run = lived.the_run(concluded.run_id)
    assert run.certificate is not None
    assert run.certificate["zero_drift"] is True
    assert run.certificate["sums"]["invoice"]["differing"] == 0
    for kind in ("invoice", "credit_memo", "order", "order_line", "invoice_shown", "level_shown", "level", "balance"):
        counts = run.certificate["counts"][kind]
        assert counts["ours"] == counts["agree"] > 0, kind
    for kind in ("order_shown", "line_shown", "account_shown", "total_shown", "account_link"):
        counts = run.certificate["counts"][kind]
        assert counts["ours"] > 0, kind


def test_whatever_is_altered_is_found_and_named_and_nothing_else(lived: Lived) -> None:
    """R1 to R10, section 10 point 4: alterations of every kind at once, each on a record of its own."""
    _done.extend(alter(lived, COUNT, SEED))
    done = {one.name for one in _done}
    assert len(done) >= min(COUNT, len(WAYS)) - 8
    assert done >= {"Account.Credit_Hold__c", *(f"Invoice__c.{name}" for name in WORDS)}
    time.sleep(1.1)  # Salesforce's stamps know whole seconds

    concluded = lived.reconcile()

    told = said(lived.url, concluded.run_id)
    assert missed(_done, told) == []
    assert invented(_done, told) == []
    found = lived.findings(concluded.run_id)
    assert {one.standing for one in found} == {Standing.DRIFT}
    drift = {f"{one.cause} {one.record_type} {one.record_key}" for one in found if one.cause not in HEALED}
    assert {one.record_key for one in lived.open_items()} == drift
    lived.put_right(concluded)


def test_the_next_run_finds_healed_what_is_unambiguous_and_the_rest_aged(lived: Lived) -> None:
    """G-H6: an old number in Salesforce is said again, a missed payment is read; what a person must decide stays."""
    first = lived.findings(lived.column("SELECT id FROM reconciliations ORDER BY sequence")[1])
    time.sleep(1.1)

    concluded = lived.reconcile()

    again = lived.findings(concluded.run_id)
    by_hand = {
        name.record_key
        for one in _done
        if any(name.cause == "changed_by_hand" for name in one.must)
        for name in (*one.must, *one.may)
    }
    healed = {one.identity for one in first if one.cause in HEALED and one.record_key not in by_hand}
    assert healed
    assert not healed & {one.identity for one in again}
    assert {one.first_run_id for one in again if one.identity in {it.identity for it in first}} == {
        first[0].first_run_id
    }


def test_what_somebody_accepts_is_waived_as_long_as_it_stays_so(lived: Lived) -> None:
    """R5: an invoice without a shipment stands with a recorded reason."""
    item = next(one for one in lived.open_items() if one.record_key.startswith("invoice_invented"))
    decision = Resolution(
        exception_id=item.id,
        choice=Choice.HANDLED,
        reason="a sale over the counter",
        decided_by="dana",
        decided_at=lived.the_run(lived.column("SELECT id FROM reconciliations ORDER BY sequence")[-1]).started_at,
    )
    with transaction(lived.engine, BY) as session:
        exceptions.resolve(session, decision)

    concluded = lived.reconcile()

    (waived,) = lived.findings(concluded.run_id, Standing.WAIVED)
    assert waived.cause == "invoice_invented"
    assert "dana" in waived.why
    assert str(waived.exception_id) == item.id
    assert item.record_key not in {one.record_key for one in lived.open_items()}
    assert {one.cause for one in lived.open_items()} == {Cause.RECONCILIATION_DRIFT}
