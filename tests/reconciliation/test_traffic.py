"""Traffic in flight: the company goes on living while it is reconciled, and nothing is invented."""

from __future__ import annotations

import threading
import time
from typing import Self

from domain.reconciliation import Standing
from tests.reconciliation.lived import Lived, company_of

GRACES = ("quickbooks", "salesforce", "erp", "gateway")
GRACE = 2  # seconds: far less than a run takes, so that most of what was done is older
PATIENCE = 120


class Traffic:
    """Shipments, payments and stock, lap after lap, until it is told to stop; it hears of payments at `may_hear`."""

    def __init__(self, lived: Lived) -> None:
        self._lived, self._stop = lived, threading.Event()
        self.paid, self.may_hear, self.heard = threading.Event(), threading.Event(), threading.Event()
        self.troubles: list[Exception] = []
        self._thread = threading.Thread(target=self._live)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.may_hear.set()
        self._thread.join(PATIENCE)

    def _live(self) -> None:
        try:
            while not self._stop.is_set():
                self._lived.export("SHPCNF", shipments=4)
                for invoice in self._lived.books.ledger()[-3:]:
                    if invoice["balance"] == invoice["total"]:
                        self._lived.pay(invoice, "0.25")
                        self.paid.set()
                self._lived.export("INV410R", rows_changed=5)
                self.may_hear.wait(PATIENCE)
                self._lived.pull()
                self.heard.set()
        except Exception as trouble:  # noqa: BLE001 - shown by the test
            self.troubles.append(trouble)

    def reconcile(self) -> str:
        """A run whose first read is made while a payment is unheard, its second when that one was heard of."""
        run_id = self._lived.open_run()
        self.paid.clear()
        assert self.paid.wait(PATIENCE), self.troubles
        self.may_hear.clear()
        self._lived.read_once(again=False, run_id=run_id)
        assert self._lived.compare(run_id) > 0  # something is under way
        self.heard.clear()
        self.may_hear.set()
        assert self.heard.wait(PATIENCE), self.troubles
        self._lived.read_once(again=True, run_id=run_id)
        self._lived.conclude(run_id)
        return run_id


def test_work_that_stands_still_in_the_middle_is_in_flight_and_then_lost(lived: Lived) -> None:
    """R2, R9: a shipment that is intended and not booked is under way within its grace, and drift after it."""
    lived.use(company_of(gateway_grace_seconds=600))
    work = lived.write("SHPCNF", shipments=3)
    read = lived.run("read_source_file", work)
    prepared = lived.prepare(work, read.group_count)
    lived.run("finish_file", work)
    assert prepared.book

    concluded = lived.reconcile()

    under_way = lived.findings(concluded.run_id, Standing.IN_FLIGHT)
    assert {"shipped_not_invoiced", "intent_without_outcome"} <= {one.cause for one in under_way}
    assert lived.findings(concluded.run_id, Standing.DRIFT) == []

    lived.use(company_of())
    time.sleep(0.1)
    lost = lived.findings(lived.reconcile().run_id, Standing.DRIFT)
    numbers = {one.record_key for one in lost if one.cause == "shipped_not_invoiced"}
    assert numbers == set(prepared.shipments) - set(prepared.held)
    lived.bill(prepared)
    lived.pull()
    time.sleep(1.1)
    assert lived.findings(lived.reconcile().run_id, Standing.DRIFT) == []
    assert lived.open_items() == []


def test_what_differs_on_one_read_only_is_under_way(lived: Lived) -> None:
    """What heals between the two reads is counted and named as such, and is no drift."""
    lived.use(company_of())
    invoice = next(one for one in lived.books.ledger() if one["balance"] == one["total"])
    lived.pay(invoice, "0.50")
    time.sleep(1.1)
    run_id = lived.open_run()
    lived.read_once(again=False, run_id=run_id)
    assert lived.compare(run_id) > 0
    lived.pull()
    lived.read_once(again=True, run_id=run_id)

    lived.conclude(run_id)

    assert lived.findings(run_id, Standing.DRIFT) == []
    certificate = lived.the_run(run_id).certificate
    assert certificate is not None
    assert certificate["passed"] > 0


def test_nothing_is_invented_and_nothing_is_missed_while_everything_moves(lived: Lived) -> None:
    """G-H3, section 10 point 4: what is altered at rest meanwhile is named; what moves is no drift.

    The last of this company: what it alters stays altered.
    """
    lived.use(company_of(**{f"{side}_grace_seconds": GRACE for side in GRACES}))
    time.sleep(GRACE + 1.1)
    with Traffic(lived) as traffic:
        before = traffic.reconcile()
        altered = _alter_some_at_rest(lived)
        time.sleep(GRACE + 1.1)  # Salesforce's stamps know whole seconds
        after = [traffic.reconcile(), traffic.reconcile()]

    assert traffic.troubles == []
    assert _drift(lived, before) == set()
    for run_id in after:
        assert _drift(lived, run_id) == altered
    for run_id in (before, *after):
        assert _under_way(lived, run_id) > 0, run_id


def _alter_some_at_rest(lived: Lived) -> set[tuple[str, str, str]]:
    """What is said of paid invoices in Salesforce, and rows of customers: nothing of the traffic touches them."""
    shown = [one for one in lived.records("Invoice__c") if one["Status__c"] == "Paid"][:3]
    changed, moved, removed = shown
    fields = {"Doc_Number__c": "BY-HAND"}
    lived.org.control("POST", "/records/Invoice__c", {"match": {"Id": changed["Id"]}, "fields": fields})
    fields = {"QuickBooks_Id__c": "999999"}
    lived.org.control("POST", "/records/Invoice__c", {"match": {"Id": moved["Id"]}, "fields": fields})
    lived.org.control("DELETE", f"/records/Invoice__c/{removed['Id']}")
    number = lived.column("SELECT number FROM customers ORDER BY number")[0]
    lived.by_hand(f"UPDATE customers SET name = name || ' by hand' WHERE number = '{number}'")
    return {
        ("invoice_shown_wrong", changed["Invoice_Key__c"], "doc_number"),
        ("invoice_shown_wrong", moved["Invoice_Key__c"], "quickbooks_id"),
        ("invoice_not_shown", removed["Invoice_Key__c"], ""),
        ("changed_by_hand", number, "name"),
    }


def _drift(lived: Lived, run_id: str) -> set[tuple[str, str, str]]:
    found = lived.findings(run_id, Standing.DRIFT)
    return {(one.cause, one.record_key, one.field) for one in found}


def _under_way(lived: Lived, run_id: str) -> int:
    """How much was in flight in the end, or differed on the first read only."""
    certificate = lived.the_run(run_id).certificate
    assert certificate is not None
    return len(lived.findings(run_id, Standing.IN_FLIGHT)) + int(certificate["passed"])
