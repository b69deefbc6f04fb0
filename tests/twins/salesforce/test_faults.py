"""Failures on command, and the journal that proves what was sent."""

import time
from typing import Any

import pytest
import requests

UPSERT = "/composite/sobjects/Product2/ERP_SKU__c"


def products(*skus: str) -> dict[str, Any]:
    return {"records": [{"attributes": {"type": "Product2"}, "ERP_SKU__c": sku, "Name": sku} for sku in skus]}


def count(caller: Any) -> int:
    return int(caller.query("SELECT COUNT() FROM Product2")["totalSize"])


def test_row_lock_strikes_writes_only(caller: Any) -> None:
    caller.control("POST", "/faults", {"kind": "lock_row"})
    assert caller.call("GET", "/sobjects/Account/describe").status_code == 200
    status, code, message = caller.refusal("POST", "/sobjects/Product2", {"Name": "x"})
    assert (status, code) == (400, "UNABLE_TO_LOCK_ROW")
    assert message.startswith("unable to obtain exclusive access to this record or 1 records: ")
    assert caller.call("POST", "/sobjects/Product2", {"Name": "x"}).status_code == 201


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("request_limit", "TotalRequests Limit exceeded."),
        ("concurrent_limit", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
    ],
)
def test_request_limits(caller: Any, kind: str, message: str) -> None:
    caller.control("POST", "/faults", {"kind": kind})
    caller.log_in()
    assert caller.refusal("GET", "/limits") == (403, "REQUEST_LIMIT_EXCEEDED", message)
    assert caller.call("GET", "/limits").status_code == 200


def test_html_with_status_200(caller: Any) -> None:
    caller.control("POST", "/faults", {"kind": "html_200"})
    answer = caller.call("GET", "/limits")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_lock_of_one_item(caller: Any) -> None:
    caller.control("POST", "/faults", {"kind": "item_lock", "contains": "B"})
    results = caller.call("PATCH", UPSERT, products("A", "B", "C")).json()
    assert [result["success"] for result in results] == [True, False, True]
    assert results[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert all(result["success"] for result in caller.call("PATCH", UPSERT, products("A", "B", "C")).json())
    caller.control("POST", "/faults", {"kind": "item_lock"})
    body = {**products("A", "D"), "allOrNone": True}
    results = caller.call("PATCH", UPSERT, body).json()
    assert [result["errors"][0]["statusCode"] for result in results] == [
        "UNABLE_TO_LOCK_ROW",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    ]
    assert count(caller) == 3


def test_expired_session_stays_expired(caller: Any) -> None:
    caller.control("POST", "/faults", {"kind": "expired_token_once"})
    for _ in range(2):
        assert caller.refusal("GET", "/limits")[:2] == (401, "INVALID_SESSION_ID")
    caller.log_in()
    assert caller.call("GET", "/limits").status_code == 200


@pytest.mark.parametrize(("kind", "written"), [("commit_then_reset", 1), ("reset_before", 0)])
def test_connection_lost_after_or_before_the_write(caller: Any, kind: str, written: int) -> None:
    caller.control("POST", "/faults", {"kind": kind, "path": "/sobjects"})
    with pytest.raises(requests.exceptions.ConnectionError):
        caller.call("PATCH", UPSERT, products("A"))
    assert count(caller) == written


@pytest.mark.parametrize(("kind", "written"), [("commit_then_hang", 1), ("hang_before", 0)])
def test_no_answer_in_time(caller: Any, kind: str, written: int) -> None:
    caller.control("POST", "/faults", {"kind": kind, "path": "/sobjects", "seconds": 2})
    with pytest.raises(requests.exceptions.ReadTimeout):
        caller.call("PATCH", UPSERT, products("A"), timeout=0.5)
    assert count(caller) == written


def test_slow_answer(caller: Any) -> None:
    caller.control("POST", "/faults", {"kind": "slow", "path": "/limits", "seconds": 0.3})
    started = time.monotonic()
    assert caller.call("GET", "/limits").status_code == 200
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"status": 500}, (500, "UNKNOWN_EXCEPTION")),
        ({"status": 503}, (503, "SERVER_UNAVAILABLE")),
        ({"status": 503, "body": "html"}, (503, "<html>")),
        ({"status": 502, "body": "empty"}, (502, "")),
    ],
)
def test_statuses(caller: Any, rule: dict[str, Any], expected: tuple[int, str]) -> None:
    caller.control("POST", "/faults", {"kind": "status", "path": "/limits", "skip": 1, **rule})
    assert caller.call("GET", "/limits").status_code == 200
    answer = caller.call("GET", "/limits")
    assert answer.status_code == expected[0]
    assert expected[1] in answer.text


def test_journal_shows_headers_and_rows_but_no_secret(caller: Any) -> None:
    caller.control("PATCH", "/settings", {"journal_bodies": True})
    caller.call("PATCH", UPSERT, products("A", "B"), headers={"Sforce-Mru": "updateMru=false"})
    caller.control("POST", "/faults", {"kind": "lock_row"})
    caller.call("PATCH", UPSERT, products("A"))
    journal = caller.control("GET", "/journal?after=1")["requests"]
    written, locked = journal
    assert (written["method"], written["status"], written["rows"], written["failed_rows"]) == ("PATCH", 200, 2, 0)
    assert written["path"].endswith(UPSERT)
    assert written["headers"]["sforce-mru"] == "updateMru=false"
    assert '"ERP_SKU__c": "A"' in written["body"]
    assert (locked["status"], locked["fault"]) == (400, "lock_row")
    everything = str(caller.control("GET", "/journal"))
    assert "Bearer" not in everything
    assert "twin-consumer-secret" not in everything


def test_a_failing_trigger_takes_its_whole_transaction_down(caller: Any) -> None:
    caller.control("POST", "/faults", {"kind": "trigger_failure", "contains": "POISON", "times": 0})
    results = caller.call("PATCH", UPSERT, products("A", "POISON", "B")).json()
    assert [result["errors"][0]["statusCode"] for result in results] == ["CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"] * 3
    assert count(caller) == 0
    assert all(result["success"] for result in caller.call("PATCH", UPSERT, products("A", "B")).json())
    status, code, _ = caller.refusal("POST", "/sobjects/Product2", {"Name": "POISON"})
    assert (status, code) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
