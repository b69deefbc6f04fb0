"""`threeway people`, and what the dashboard begins with, for a terminal: against a stand-in of the API."""

from __future__ import annotations

import json

from tests.console.conftest import Run, StubApi

ANA = {"name": "ana", "full_name": "Ana Ruiz", "role": "operator", "created_at": "2026-11-26T12:00:00Z"}


def test_a_person_is_let_in_with_a_password_that_is_shown_once(api: StubApi, run: Run) -> None:
    api.on("POST", "/people", {**ANA, "password": "made-up-just-now"}, status=201)
    shown = run("people", "add", "ana", "--role", "operator", "--full-name", "Ana Ruiz").stdout
    assert "made-up-just-now" in shown
    assert api.requests[0].json() == {"name": "ana", "role": "operator", "full_name": "Ana Ruiz"}


def test_a_person_gets_a_new_password_or_is_disabled(api: StubApi, run: Run) -> None:
    api.on("POST", "/people/ana/password", {**ANA, "password": "another-one"})
    api.on("POST", "/people/ana/disable", {**ANA, "disabled_at": "2026-11-26T13:00:00Z"})
    assert "another-one" in run("people", "password", "ana").stdout
    assert "ana cannot sign in any more." in run("people", "disable", "ana").stdout


def test_people_are_listed_without_passwords(api: StubApi, run: Run) -> None:
    api.on("GET", "/people", {"items": [{**ANA, "disabled_at": None}], "next": None})
    assert json.loads(run("people", "list", "--json").stdout)["items"][0]["name"] == "ana"
    assert "Ana Ruiz" in run("people", "list").stdout


def test_the_overview_tells_each_flow_and_the_number_behind_its_word(api: StubApi, run: Run) -> None:
    flows = [{"flow": "stock", "health": "bad", "sentence": "Behind: RNO stale."}]
    work = [{"kind": "hold", "cause": "price_differs", "count": 3, "money": "34.80"}]
    api.on("GET", "/overview", {"flows": flows, "work": work})
    shown = run("overview").stdout
    assert all(word in shown for word in ("stock", "bad", "Behind: RNO stale.", "price_differs", "34.80"))


def test_the_feed_the_latency_and_the_search_are_told(api: StubApi, run: Run) -> None:
    api.on("GET", "/feed", {"events": [{"at": "2026-11-26T12:00:00Z", "flow": "files", "sentence": "It arrived."}]})
    whole = {"count": 4, "late": 1, "p50_seconds": 2.5, "p95_seconds": 95.0, "p99_seconds": 95.0}
    slow = [{"number": "SH1", "received_at": "2026-11-26T12:00:00Z", "seconds": 95.0}]
    api.on("GET", "/latency", {"whole": whole, "slowest": slow})
    api.on("GET", "/search", {"items": [{"kind": "order", "key": "SO1", "about": "PO-7", "field": "number"}]})
    assert "It arrived." in run("feed", "--limit", "5").stdout
    assert "SH1" in run("latency", "--hours", "48").stdout
    assert "SO1" in run("find", "SO1").stdout
    assert [one.query for one in api.requests] == [{"limit": "5"}, {"hours": "48"}, {"q": "SO1"}]
