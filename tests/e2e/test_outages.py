"""Systems that are away, slow to say so, or do what they are asked and then hang up: all is invoiced, nothing twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.e2e.generated_world import Export, GeneratedWorld
from tests.e2e.twin_clients import ANY_CREATE, BATCHES, CREATES, Twin
from tests.e2e.waiting import wait_until

STATEMENTS = r"/services/data/"


@pytest.fixture(autouse=True)
def _healed(generated: GeneratedWorld) -> Iterator[None]:
    """What goes wrong ends with its test."""
    yield
    generated.gateway.quickbooks.heal()
    generated.gateway.salesforce.heal()


def _handed_in(generated: GeneratedWorld, *sizes: int) -> list[Export]:
    exports = [generated.ship(size) for size in sizes]
    for export in exports:
        generated.gateway.hand_in(export.filename, export.content)
    return exports


def _wait_until_struck(twin: Twin, times: int) -> None:
    """So many requests met a fault."""
    wait_until(
        f"{times} requests met a fault",
        lambda: sum(max(0, int(rule["matched"]) - int(rule["skip"])) for rule in twin.faults()),
        lambda struck: struck >= times,
    )


def test_quickbooks_is_away_for_a_while(generated: GeneratedWorld) -> None:
    """Case X1: 503 to everything, in the API's words and in those of the gateway before it."""
    books = generated.gateway.quickbooks
    before = generated.billed_in_all()
    books.fault("status", path=BATCHES, status=503, body="html", times=0)
    books.fault("status", path=r"/v3/", status=503, body="json", times=0)
    exports = _handed_in(generated, 20, 1)
    _wait_until_struck(books, 3)
    assert generated.billed_in_all() == before
    books.heal()
    for export in exports:
        generated.wait_until_billed(export)


def test_quickbooks_commits_and_hangs_up(generated: GeneratedWorld) -> None:
    """Case E13: the write took effect and no answer came, on single creates and on batches, the repeats included."""
    books = generated.gateway.quickbooks
    books.fault("commit_then_reset", path=CREATES, method="POST", times=2)
    books.fault("commit_then_reset", path=BATCHES, method="POST", times=2)
    exports = _handed_in(generated, 1, 1, 12, 8)
    for export in exports:
        generated.wait_until_billed(export)
    assert [rule["matched"] for rule in books.faults()] == [2, 2]
    told = [one["sentence"] for one in generated.gateway.trace(exports[0].numbers[0])["events"]]
    assert [one for one in told if "was found there and adopted" in one], told


def test_quickbooks_says_503_after_it_has_committed(generated: GeneratedWorld) -> None:
    """Case E13: a gateway in front of QuickBooks gave up, QuickBooks did not."""
    books = generated.gateway.quickbooks
    books.fault("status", path=ANY_CREATE, method="POST", status=503, body="html", commit=True, times=3)
    exports = _handed_in(generated, 1, 9, 10)
    for export in exports:
        generated.wait_until_billed(export)
    assert books.faults()[0]["matched"] == 3


@pytest.mark.proof
def test_both_systems_vanish_and_come_back(generated: GeneratedWorld) -> None:
    """Case X1: nothing listens there any more; what was promised meanwhile is kept."""
    gateway = generated.gateway
    exports = [generated.ship(size) for size in (15, 1)]
    gateway.stack.kill("twins")
    try:
        for export in exports:
            gateway.hand_in(export.filename, export.content)
        wait_until(
            "all shipments are intended",
            lambda: {one["state"] for export in exports for one in generated.shipments(export).values()},
            lambda states: states == {"intended"},
            explain=generated.standing,
        )
    finally:
        gateway.stack.start("twins")
    for export in exports:
        generated.wait_until_billed(export)


def test_salesforce_is_away_and_invoices_are_drafted_all_the_same(generated: GeneratedWorld) -> None:
    """Case X1: saying it never holds up an invoice, and it is said when there is somebody to say it to."""
    gateway, org = generated.gateway, generated.gateway.salesforce
    org.fault("status", path=STATEMENTS, status=503, body="json", times=0)
    (export,) = _handed_in(generated, 12)
    generated.wait_until_billed(export)
    _wait_until_struck(org, 1)
    assert not set(export.numbers) & _said(generated)
    org.heal()
    wait_until(
        "Salesforce has every invoice of the file",
        lambda: set(export.numbers) - _said(generated),
        lambda missing: not missing,
        explain=generated.standing,
    )
    assert len(org.records("Invoice__c")) == len(_said(generated)), "no invoice is stated twice"
    wait_until(
        "the gateway knows that it was said",
        lambda: [one["number"] for one in generated.shipments(export).values() if one["published_at"] is None],
        lambda waiting: not waiting,
    )
    of_orders = {one["order_no"] for one in export.truth["shipments"]}
    shown = {one["ERP_Order_Id__c"]: one["Gateway_Status__c"] for one in org.records("Order")}
    assert {shown[number] for number in of_orders} <= {"Invoiced", "Partially Invoiced"}
    concerned = of_orders | set(export.numbers)
    assert [one for one in gateway.exceptions() if one["record_key"] in concerned] == []


@pytest.fixture(scope="module")
def throttled(generated: GeneratedWorld) -> list[Export]:
    """QuickBooks has just asked to slow down: the vendor's rule is to leave it alone for a minute."""
    books = generated.gateway.quickbooks
    books.fault("status", path=ANY_CREATE, method="POST", status=429, times=1)
    exports = _handed_in(generated, 10, 1)
    _wait_until_struck(books, 1)
    return exports


@pytest.mark.proof
def test_a_file_that_comes_while_temporal_is_away_is_accepted_and_started_later(
    generated: GeneratedWorld, throttled: list[Export]
) -> None:
    """Inbox first: the file is committed, the sweep starts its flow. The next test shares the waiting."""
    gateway, export = generated.gateway, generated.ship(3)
    gateway.stack.kill("temporal")
    try:
        answer = gateway.post_file(export.filename, export.content)
        assert answer.status_code == 202, answer.text
        repeated = gateway.post_file(export.filename, export.content)
        assert (repeated.status_code, repeated.json()["duplicate"]) == (200, True)
        assert gateway.http.get("/readyz").json()["checks"]["temporal"] != "ok"
    finally:
        gateway.stack.start("temporal")
    wait_until(
        "the sweep has started the file's flow",
        lambda: generated.shipments(export),
        lambda found: found.keys() == set(export.numbers),
        seconds=60,
    )
    throttled.append(export)


@pytest.mark.proof
def test_quickbooks_asks_to_slow_down_and_is_left_alone_for_a_minute(
    generated: GeneratedWorld, throttled: list[Export]
) -> None:
    """Case X4."""
    for export in throttled:
        generated.wait_until_billed(export)
    creates = [one for one in generated.gateway.quickbooks.requests() if re.search(ANY_CREATE, one["path"])]
    (refused,) = (place for place, one in enumerate(creates) if one["status"] == 429)
    asked_at, again_at = (datetime.fromisoformat(one["at"]) for one in creates[refused : refused + 2])
    assert (again_at - asked_at).total_seconds() > 55


def _said(generated: GeneratedWorld) -> set[str]:
    """The shipments whose invoice Salesforce shows."""
    return {one["Doc_Number__c"] for one in generated.gateway.salesforce.records("Invoice__c")}
