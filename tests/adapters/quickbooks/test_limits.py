"""What the adapter refuses by itself: writes that are not ours, literals that break out, calls beyond the budget."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from adapters.quickbooks.client import QuickBooksClient
from adapters.quickbooks.gateway import QuickBooksGateway
from adapters.quickbooks.governor import Budget, Governor, Priority
from adapters.quickbooks.permissions import Operation, permit
from adapters.quickbooks.query import literal, rows, where
from adapters.quickbooks.tokens import QuickBooksTokens
from domain.errors import Misconfigured, RateLimited
from tests.adapters.quickbooks.support import (
    MemoryVault,
    Scripted,
    ScriptedServer,
    connection,
    draft,
    invoice_json,
    refs,
    signed_in,
)

OURS = {"PrivateNote": "threeway:S-1:1\nshipment S-1", "Line": []}
NAMED = {"Id": "12", "SyncToken": "0"}
URL = {"minorversion": 75, "requestid": "x"}


def batch(*invoices: object, operation: str = "create") -> str:
    items = [{"bId": str(n), "operation": operation, "Invoice": one} for n, one in enumerate(invoices, 1)]
    return json.dumps({"BatchItemRequest": items})


@pytest.mark.parametrize(
    ("method", "resource", "params", "body", "expected"),
    [
        ("GET", "invoice/12", URL, {}, Operation.READ),
        ("POST", "query", URL, "SELECT * FROM Invoice", Operation.QUERY),
        ("POST", "invoice", URL, json.dumps(OURS), Operation.CREATE_INVOICE),
        ("POST", "batch", URL, batch(OURS, OURS), Operation.BATCH_OF_INVOICES),
        ("POST", "creditmemo", URL, json.dumps(OURS), Operation.CREATE_CREDIT_MEMO),
        ("POST", "invoice", URL | {"operation": "void"}, json.dumps(NAMED), Operation.VOID_INVOICE),
    ],
)
def test_what_is_permitted(method: str, resource: str, params: Any, body: object, expected: Operation) -> None:
    assert permit(method, resource, params, body) is expected


REFUSED = [
    ("POST", "creditmemo", URL, json.dumps({"PrivateNote": "by hand", "Line": []})),
    ("POST", "creditmemo", URL | {"operation": "delete"}, json.dumps(NAMED)),
    ("POST", "creditmemo", URL | {"operation": "void"}, json.dumps(NAMED)),
    ("POST", "invoice", {"minorversion": 75, "operation": "void"}, json.dumps(NAMED)),
    ("POST", "invoice", URL | {"operation": "void"}, json.dumps(NAMED | {"sparse": True})),
    ("POST", "invoice", URL | {"operation": "delete"}, json.dumps(NAMED)),
    ("POST", "payment", URL | {"operation": "void"}, json.dumps(NAMED)),
    ("POST", "invoice", URL, json.dumps(OURS | {"Id": "12", "SyncToken": "0"})),
    ("POST", "invoice", URL, json.dumps({"PrivateNote": "by hand", "Line": []})),
    ("POST", "invoice", URL, json.dumps({"Line": []})),
    ("POST", "invoice", URL | {"operation": "delete"}, json.dumps(OURS)),
    ("POST", "invoice", URL | {"operation": "void"}, json.dumps(OURS)),
    ("POST", "invoice", URL | {"include": "allowduplicatedocnum"}, json.dumps(OURS)),
    ("POST", "invoice", URL, "no json"),
    ("POST", "invoice", URL, OURS),
    ("POST", "invoice?operation=void", URL, json.dumps(OURS)),
    ("POST", "invoice/12/send", URL, ""),
    ("POST", "customer", URL, json.dumps(OURS)),
    ("POST", "item", URL, json.dumps(OURS)),
    ("POST", "payment", URL, json.dumps(OURS)),
    ("POST", "upload", URL, json.dumps(OURS)),
    ("POST", "batch", URL, batch(OURS, operation="delete")),
    ("POST", "batch", URL, batch(OURS, {"PrivateNote": "by hand"})),
    ("POST", "batch", URL, batch(OURS | {"Id": "1"})),
    ("POST", "batch", URL, json.dumps({"BatchItemRequest": [{"bId": "1", "operation": "create", "Customer": OURS}]})),
    ("POST", "batch", URL, json.dumps({"BatchItemRequest": []})),
    ("POST", "batch", URL, "[]"),
    ("PUT", "invoice", URL, json.dumps(OURS)),
    ("DELETE", "invoice/12", URL, ""),
]


@pytest.mark.parametrize(("method", "resource", "params", "body"), REFUSED)
def test_what_is_refused(method: str, resource: str, params: Any, body: object) -> None:
    with pytest.raises(Misconfigured) as caught:
        permit(method, resource, params, body)
    assert caught.value.reason == "write_not_allowed"


@pytest.fixture
def client(script: ScriptedServer) -> QuickBooksClient:
    one = connection(script.root)
    return QuickBooksClient.build(one, QuickBooksTokens(one, MemoryVault(signed_in())), Budget.of(one))


BYPASSES: list[Callable[[Any], object]] = [
    lambda client: client.create_object("Customer", "{}"),
    lambda client: client.update_object("Invoice", json.dumps(OURS | {"Id": "1"})),
    lambda client: client.delete_object("Invoice", '{"Id":"1","SyncToken":"0"}'),
    lambda client: client.misc_operation("invoice/1/send", "{}"),
    lambda client: client.batch_operation(batch(OURS, operation="delete")),
    lambda client: client.post(client.api_url + "/company/9/invoice", json.dumps(OURS)),
    lambda client: client.get("http://127.0.0.1:9/v3/company/1/invoice/1"),
    lambda client: client.get_current_user(),
]


@pytest.mark.parametrize("bypass", BYPASSES)
def test_the_library_offers_no_way_around_the_limits(
    client: QuickBooksClient, script: ScriptedServer, bypass: Callable[[Any], object]
) -> None:
    with pytest.raises(Misconfigured):
        bypass(client)
    assert script.received == []
    client.http.close()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "'plain'"),
        ("O'Brien", r"'O\'Brien'"),
        ("back\\slash", r"'back\\slash'"),
        ("a\\' OR DocNumber > '", r"'a\\\' OR DocNumber > \''"),
        ("Größe", "'Größe'"),
        (date(2026, 11, 20), "'2026-11-20'"),
    ],
)
def test_a_literal_cannot_be_left(value: str | date, expected: str) -> None:
    assert literal(value) == expected


def test_conditions_are_joined() -> None:
    assert where(CustomerRef="5'8", TxnDate=date(2026, 1, 2)) == r"CustomerRef = '5\'8' AND TxnDate = '2026-01-02'"


def test_pages_are_read_to_the_end() -> None:
    records = [{"Id": str(number)} for number in range(7)]
    asked: list[str] = []

    def select(statement: str) -> dict[str, Any]:
        asked.append(statement)
        words = statement.split()
        start, size = int(words[-3]), int(words[-1])
        page = records[start - 1 : start - 1 + size]
        return {"QueryResponse": {"Item": page} if page else {}}

    assert list(rows(select, "Item", "Active = true", page_size=3)) == records
    assert asked[0] == "SELECT * FROM Item WHERE Active = true ORDERBY Id STARTPOSITION 1 MAXRESULTS 3"
    assert [one.split()[-3] for one in asked] == ["1", "4", "7"]


class FakeTime:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def governor(limits: list[tuple[int, float]], time: FakeTime, max_wait: float = 100) -> Governor:
    return Governor(limits, clock=time.clock, sleep=time.sleep, max_wait=max_wait)


def test_no_window_ever_holds_more_than_its_limit() -> None:
    time = FakeTime()
    one = governor([(3, 1.0), (5, 10.0)], time)
    starts = []
    for _ in range(12):
        one.acquire()
        starts.append(time.now)

    for limit, seconds in ((3, 1.0), (5, 10.0)):
        assert all(later - earlier >= seconds for earlier, later in zip(starts, starts[limit:], strict=False))
    assert starts[-1] == 20.0  # and no slower than allowed: five in each ten seconds


def test_lesser_work_leaves_room_for_invoices() -> None:
    time = FakeTime()
    one = governor([(10, 60.0)], time, max_wait=5)
    for _ in range(5):
        one.acquire(Priority.MASTERS)
    with pytest.raises(RateLimited) as caught:
        one.acquire(Priority.MASTERS)
    assert caught.value.retry_after == timedelta(seconds=60)
    for _ in range(4):
        one.acquire(Priority.PROBES)
    with pytest.raises(RateLimited):
        one.acquire(Priority.PROBES)
    one.acquire(Priority.INVOICES)
    assert time.slept == []


def test_a_pause_stops_everything_and_ends() -> None:
    time = FakeTime()
    one = governor([(10, 1.0)], time, max_wait=15)
    one.pause(timedelta(seconds=60))
    with pytest.raises(RateLimited) as caught:
        one.acquire()
    assert caught.value.retry_after == timedelta(seconds=60)
    time.now = 50.0
    one.acquire()
    assert time.slept == [10.0]


def test_threads_share_one_budget() -> None:
    one = Governor([(20, 60.0)], max_wait=0)
    refused: list[RateLimited] = []

    def work() -> None:
        for _ in range(5):
            try:
                one.acquire()
            except RateLimited as error:
                refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 20


def test_batches_have_a_budget_of_their_own(script: ScriptedServer, vault: MemoryVault) -> None:
    gateway = QuickBooksGateway(connection(script.root, batches_per_minute=1), vault)
    one = draft()
    script.answers += [
        Scripted({"BatchItemResponse": [{"bId": "1", "Invoice": invoice_json(one)}]}),
        Scripted({"Invoice": invoice_json(one)}),
    ]

    gateway.draft_invoices([(one, refs())], "b-1")
    with pytest.raises(RateLimited):
        gateway.draft_invoices([(one, refs())], "b-2")
    gateway.draft_invoice(one, refs())
    gateway.close()


def test_a_connection_is_checked_and_hides_its_secrets(script: ScriptedServer) -> None:
    one = connection(script.root + "/", client_secret=SecretStr("very-secret"))
    assert one.company_url == f"{script.root}//v3/company/9130357849016486"
    assert "very-secret" not in repr(one)
    assert connection("http://h", api_url="http://h/v3/").api_url == "http://h/v3"
    for changes in ({"api_url": "http://h"}, {"realm_id": "../1"}, {"minor_version": 4}, {"client_id": ""}):
        with pytest.raises(ValidationError):
            connection("http://h", **changes)
