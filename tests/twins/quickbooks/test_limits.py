"""Throttles on the twin's clock and failures on demand (S36, S37)."""

from __future__ import annotations

import json
import socket
import time

import pytest
import requests

from .conftest import REALM, Client, invoice, refused


def test_throttle_is_off_but_counts(twin: Client) -> None:
    for _ in range(12):
        assert twin.get("preferences").status_code == 200
    usage = twin.control("GET", "usage")
    assert (usage["requests"], usage["last_minute"], usage["throttled"]) == (12, 12, 0)


def test_ten_a_second_five_hundred_a_minute(twin: Client) -> None:
    twin.control("PATCH", "clock", {"now": "2026-11-20T10:00:00Z", "frozen": True})
    twin.grant()
    twin.settings(throttle=True)
    assert [twin.get("preferences").status_code for _ in range(11)] == [200] * 10 + [429]
    twin.control("PATCH", "clock", {"advance_seconds": 1})
    assert twin.get("preferences").status_code == 200
    for _ in range(49):
        twin.control("PATCH", "clock", {"advance_seconds": 1})
        statuses = {twin.get("preferences").status_code for _ in range(10)}
    assert statuses == {200, 429}
    assert twin.control("GET", "usage")["last_minute"] == 502
    twin.control("PATCH", "clock", {"advance_seconds": 60})
    assert twin.get("preferences").status_code == 200


def test_forty_batches_a_minute(twin: Client) -> None:
    twin.control("PATCH", "clock", {"now": "2026-11-20T10:00:00Z", "frozen": True})
    twin.grant()
    twin.settings(throttle=True)
    statuses = []
    for _ in range(41):
        twin.control("PATCH", "clock", {"advance_seconds": 1})
        statuses.append(twin.post("batch", {"BatchItemRequest": []}).status_code)
    assert statuses == [200] * 40 + [429]


def test_forms_of_the_throttle_answer(twin: Client) -> None:
    twin.fault("status", status=429, times=3, path="preferences")
    xml = twin.get("preferences")
    assert (xml.status_code, xml.headers["content-type"]) == (429, "application/xml")
    assert '<Fault type="SERVICE"><Error code="3001">' in xml.text
    twin.settings(throttle_body="json")
    assert twin.get("preferences").json()["Fault"]["Error"][0]["code"] == "3001"
    twin.settings(throttle_body="gateway")
    assert twin.get("preferences").json()["fault"]["error"][0]["code"] == "3001"


def test_commit_then_reset(twin: Client) -> None:
    twin.fault("commit_then_reset")
    with pytest.raises(requests.ConnectionError):
        twin.post("invoice?requestid=r1", invoice())
    assert twin.count() == 1
    assert twin.post("invoice?requestid=r1", invoice()).status_code == 200
    assert twin.count() == 1
    first, second = twin.control("GET", "journal")["requests"][-2:]
    assert (first["fault"], first["status"], second["status"]) == ("commit_then_reset", None, 200)


def test_reset_before_does_nothing(twin: Client) -> None:
    twin.fault("reset_before")
    with pytest.raises(requests.ConnectionError):
        twin.post("invoice", invoice())
    assert twin.count() == 0


def test_commit_then_hang(twin: Client) -> None:
    twin.fault("commit_then_hang", seconds=20)
    with pytest.raises(requests.ReadTimeout):
        twin.call("POST", "invoice", invoice(), timeout=0.5)
    assert twin.count() == 1
    twin.fault("commit_then_hang", seconds=0.2)
    started = time.monotonic()
    assert twin.post("invoice", invoice()).status_code == 200
    assert time.monotonic() - started > 0.2


def test_hang_before_and_slow(twin: Client) -> None:
    twin.fault("hang_before", seconds=0.2)
    with pytest.raises(requests.ConnectionError):
        twin.post("invoice", invoice())
    assert twin.count() == 0
    twin.fault("slow", seconds=0.2)
    assert twin.post("invoice", invoice()).status_code == 200
    assert twin.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "start"),
    [("json", 500, '{"Fault"'), ("html", 502, "<html>"), ("empty", 504, ""), ("text", 503, "upstream")],
)
def test_statuses(twin: Client, body: str, status: int, start: str) -> None:
    twin.fault("status", status=status, body=body)
    answer = twin.post("invoice", invoice())
    assert answer.status_code == status
    assert answer.text[: len(start)] == start
    assert twin.count() == 0
    twin.fault("status", status=status, body=body, commit=True)
    assert twin.post("invoice", invoice()).status_code == status
    assert twin.count() == 1


def test_vendor_kinds(twin: Client) -> None:
    twin.fault("expired_token_once")
    assert twin.post("invoice", invoice()).json()["fault"]["error"][0]["code"] == "3200"
    twin.fault("inventory_lock")
    assert "at exactly the same time" in refused(twin.post("invoice", invoice()), 6000)["Detail"]
    twin.fault("fault_in_200")
    answer = twin.post("invoice", invoice())
    assert (answer.status_code, answer.json()["Fault"]["Error"][0]["code"]) == (200, "10000")
    twin.fault("stream_timeout", commit=True)
    answer = twin.post("invoice", invoice())
    assert (answer.status_code, answer.text) == (200, "stream timeout")
    assert twin.post("invoice", invoice()).status_code == 200
    assert twin.count() == 2


def test_request_that_is_cut_short_does_nothing(twin: Client) -> None:
    host, _, port = twin.base.removeprefix("http://").partition(":")
    before = len(twin.control("GET", "journal")["requests"])
    head = f"POST /v3/company/{REALM}/invoice HTTP/1.1\r\nHost: twin\r\nContent-Length: 500\r\n\r\n"
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(head.encode() + json.dumps(invoice()).encode())
    time.sleep(0.1)
    assert (twin.count(), len(twin.control("GET", "journal")["requests"])) == (0, before)


def test_rules_skip_strike_and_end(twin: Client) -> None:
    twin.fault("status", status=503, method="post", skip=1, times=2, contains="D-1")
    bodies = [invoice(DocNumber=f"D-{n}") for n in (1, 2, 1, 1, 3)]
    query = "invoice?include=allowduplicatedocnum"
    assert [twin.post(query, body).status_code for body in bodies] == [200, 200, 503, 503, 200]
    assert twin.post(query, bodies[0]).status_code == 200
    twin.fault("status", status=503, times=0)
    assert {twin.post("invoice", invoice()).status_code for _ in range(3)} == {503}
    twin.control("DELETE", "faults")
    assert twin.post("invoice", invoice()).status_code == 200
    assert twin.session.post(f"{twin.base}/__twin__/faults", json={"kind": "magic"}, timeout=5).status_code == 422
