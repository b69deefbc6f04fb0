"""Traffic in flight: the company goes on living while it is reconciled, and nothing is invented."""

from __future__ import annotations

import threading
import time

from domain.reconciliation import Standing
from tests.reconciliation.lived import Lived, company_of

GRACES = ("quickbooks", "salesforce", "erp", "gateway")


def test_nothing_is_invented_while_everything_moves(lived: Lived) -> None:
    """G-H3, section 10 point 4: shipments, payments, returns and stock come in while run after run is made."""
    lived.use(company_of(**{f"{side}_grace_seconds": 45 for side in GRACES}))
    stop, troubles = threading.Event(), list[Exception]()

    def live() -> None:
        try:
            while not stop.is_set():
                lived.export("SHPCNF", shipments=4)
                for invoice in lived.books.ledger()[-3:]:
                    if invoice["balance"] == invoice["total"]:
                        lived.pay(invoice, "0.25")
                lived.export("INV410R", rows_changed=5)
                lived.pull()
        except Exception as trouble:  # noqa: BLE001 - shown by the test
            troubles.append(trouble)

    living = threading.Thread(target=live)
    living.start()
    try:
        runs = [lived.reconcile() for _ in range(5)]
    finally:
        stop.set()
        living.join(60)

    assert troubles == []
    drift = [one for run in runs for one in lived.findings(run.run_id, Standing.DRIFT)]
    assert [(one.cause, one.record_key, one.field, one.expected, one.found) for one in drift] == []


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
