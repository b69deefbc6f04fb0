"""`threeway stock` against a scripted API: what it asks and prints, exit codes, times in the company's zone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer

from console.clock import Clock
from tests.console.conftest import PROJECT, Run, StubApi

SENTENCE = (
    "14 = 40 on hand at 05:10 - 18 allocated - 6 in two orders not yet in the ERP - 2 buffer. Sources: on hand: "
    "INV410R.20261125.0510 line 17; allocated: INV410R.20261125.0510 line 17; unseen: SO1 line 1 (4), SO2 line 3 (2); "
    "buffer: policy 2026-11@1f2e3d4c."
)
ROW = {
    "sku": "BOLT",
    "warehouse": None,
    "value": "14",
    "published": "14",
    "confidence": "aging",
    "on_hand": "40",
    "allocated": "18",
    "as_of_at": "2026-11-25T10:10:00Z",
    "confirmed_at": "2026-11-25T10:10:00Z",
    "held": None,
    "salesforce": {"available": "14", "said_at": "2026-11-25T10:11:00Z", "refused": None},
    "salesforce_explanation": SENTENCE,
    "explanation": SENTENCE,
    "components": [{"part": "on_hand", "quantity": "40", "warehouse": "ATL", "sources": ["INV410R.1 line 17"]}],
}
ITEM = {"sku": "BOLT", "at": "2026-11-25T10:30:00Z", "rows": [ROW], "history": []}
NEW_YORK = {"THREEWAY_CONFIG_DIR": str(PROJECT / "config")}


def test_why_prints_one_sentence_with_its_sources(api: StubApi, run: Run) -> None:
    """Feature G-F4."""
    api.on("GET", "/stock/BOLT", ITEM)
    shown = run("stock", "why", "BOLT")
    assert (shown.returncode, shown.stdout) == (0, f"{SENTENCE}\n")
    assert api.requests[0].query == {}
    assert run("stock", "why", "BOLT", "--warehouse", "ATL").returncode == 0
    assert api.requests[1].query == {"warehouse": "ATL"}
    assert json.loads(run("stock", "why", "BOLT", "--json").stdout) == ROW


@pytest.mark.parametrize(
    ("words", "instant"),
    [
        ("2026-11-25 10:04", "2026-11-25T10:04:00-05:00"),
        ("2026-11-25T15:04:00Z", "2026-11-25T15:04:00+00:00"),
        ("2026-07-01T10:04", "2026-07-01T10:04:00-04:00"),
    ],
)
def test_a_time_is_the_companys_unless_it_names_its_zone(api: StubApi, run: Run, words: str, instant: str) -> None:
    api.on("GET", "/stock/BOLT", ITEM)
    assert run("stock", "why", "BOLT", "--at", words, **NEW_YORK).returncode == 0
    assert api.requests[0].query["as_of"] == instant


def test_why_at_a_time_tells_what_was_shown_then(api: StubApi, run: Run) -> None:
    shown = {"available": "22", "said_at": "2026-11-25T10:00:00Z", "refused": None}
    row = {**ROW, "salesforce": shown, "salesforce_explanation": "22 = 40 on hand at 04:10 - 18 allocated."}
    api.on("GET", "/stock/BOLT", {**ITEM, "rows": [row]})
    lines = run("stock", "why", "BOLT", "--at", "2026-11-25 10:04", **NEW_YORK).stdout.splitlines()
    assert lines[0] == SENTENCE
    assert lines[1].startswith("Salesforce showed another number, since 2026-11-25 05:00 EST: 22 = 40 on hand")


def test_a_time_of_today_is_a_time_of_the_companys_day() -> None:
    clock = Clock(ZoneInfo("America/New_York"))
    now = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)  # still the 25th in New York
    assert clock.read("10:04", now).isoformat() == "2026-11-25T10:04:00-05:00"
    assert clock.say("2026-11-26T03:00:00Z") == "2026-11-25 22:00 EST"
    with pytest.raises(typer.Exit) as leaving:
        Clock(None).read("10:04", now)
    assert leaving.value.exit_code == 2


def test_times_are_in_utc_where_the_company_is_not_known(
    api: StubApi, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    api.on("GET", "/stock", {"items": [ROW], "next": None})
    assert "UTC" in run("stock", "list", THREEWAY_CONFIG_DIR=str(tmp_path / "empty")).stdout


@pytest.mark.parametrize(
    "words",
    [
        ("why",),
        ("why", "BOLT", "--at", "yesterday"),
        ("reserve", "Q-1", "BOLT"),
        ("reserve", "Q-1", "BOLT=many"),
        ("convert", "Q-1"),
        ("nonsense",),
    ],
)
def test_wrong_usage_ends_with_2(run: Run, words: tuple[str, ...]) -> None:
    assert run("stock", *words, **NEW_YORK).returncode == 2


def test_an_unknown_item_is_a_failure(api: StubApi, run: Run) -> None:
    api.on("GET", "/stock/NOPE", {"title": "Not Found", "detail": "Nothing is known of stock of NOPE."}, status=404)
    shown = run("stock", "why", "NOPE")
    assert shown.returncode == 1
    assert "Nothing is known of stock of NOPE" in shown.stderr
    assert json.loads(run("stock", "why", "NOPE", "--json").stdout)["error"]["status"] == 404


def test_a_sku_with_a_slash_is_one_part_of_the_address(api: StubApi, run: Run) -> None:
    run("stock", "show", "HCS-0100/Z")
    assert api.requests[0].path == "/stock/HCS-0100%2FZ"


def test_list_sends_its_filters(api: StubApi, run: Run) -> None:
    refused = {**ROW, "published": None, "salesforce": {"available": None, "said_at": None, "refused": "no such field"}}
    api.on("GET", "/stock", {"items": [ROW, refused], "next": None})
    shown = run("stock", "list", "--warehouse", "total", "--confidence", "aging", "--below", "20", **NEW_YORK)
    assert shown.returncode == 0
    assert api.requests[0].query == {"confidence": "aging", "below": "20", "limit": "50"}
    for text in ("BOLT", "total", "14", "aging", "2026-11-25 05:10", "unknown", "no such field"):
        assert text in shown.stdout


def test_show_lists_the_components(api: StubApi, run: Run) -> None:
    api.on("GET", "/stock/BOLT", ITEM)
    shown = run("stock", "show", "BOLT", **NEW_YORK)
    for text in ("BOLT at 2026-11-25 05:30 EST", "total: 14", "on_hand", "INV410R.1 line 17"):
        assert text in shown.stdout


def test_feeds_and_exports(api: StubApi, run: Run) -> None:
    feed = {
        "warehouse": "ATL", "filename": "INV410R.1", "effective_at": "2026-11-25T10:10:00Z", "age_seconds": 1200.5,
        "confidence": "fresh", "missed_exports": 0, "next_due_at": "2026-11-25T11:10:00Z",
    }  # fmt: skip
    export = {
        "filename": "INV410R.1", "effective_at": "2026-11-25T10:10:00Z", "visible_at": "2026-11-25T10:12:00Z",
        "rows": 512, "p50_seconds": 2.5, "p99_seconds": 4.125,
    }  # fmt: skip
    api.on("GET", "/stock/feeds", {"items": [feed], "next": None})
    api.on("GET", "/stock/exports", {"items": [export], "next": None})
    shown = run("stock", "feeds", **NEW_YORK).stdout
    assert "20 min" in shown
    assert "2026-11-25 06:10" in shown
    assert "4.125" in run("stock", "exports", **NEW_YORK).stdout
    assert json.loads(run("stock", "feeds", "--json").stdout) == {"items": [feed]}


def test_reserve_sends_the_lines(api: StubApi, run: Run) -> None:
    line = {"line_no": 1, "sku": "BOLT", "warehouse": "ATL", "quantity": "1200", "promised": "1200", "short": "0"}
    kept = {"reference": "Q-1", "lines": [{**line, "limited_by": None}], "expires_at": "2026-11-25T15:00:00Z"}
    api.on("POST", "/reservations", kept, status=201)
    shown = run("stock", "reserve", "Q-1", "BOLT=12BX@ATL", "NUT/3-8=2.5", "--minutes", "60", **NEW_YORK)
    assert shown.returncode == 0
    assert "Kept for Q-1 until 2026-11-25 10:00 EST." in shown.stdout
    assert api.requests[0].json() == {
        "reference": "Q-1",
        "lines": [
            {"line_no": 1, "sku": "BOLT", "quantity": "12", "uom": "BX", "warehouse": "ATL"},
            {"line_no": 2, "sku": "NUT/3-8", "quantity": "2.5"},
        ],
        "minutes": 60,
        "all_or_nothing": True,
    }


def test_what_is_short_is_a_failure(api: StubApi, run: Run) -> None:
    api.on("POST", "/reservations", {"title": "Conflict", "detail": "Nothing was kept: line 1: 1 of 23."}, status=409)
    shown = run("stock", "reserve", "Q-1", "BOLT=23", "--partly")
    assert (shown.returncode, api.requests[0].json()["all_or_nothing"]) == (1, False)
    assert "line 1: 1 of 23" in shown.stderr


def test_a_reservation_ends(api: StubApi, run: Run) -> None:
    ended = {"reference": "2026/Q-1", "state": "converted", "order_number": "SO1"}
    api.on("POST", "/reservations/2026%2FQ-1/convert", ended)
    api.on("POST", "/reservations/2026%2FQ-1/release", {**ended, "state": "released", "order_number": None})
    shown = run("stock", "convert", "2026/Q-1", "SO1")
    assert (shown.returncode, api.requests[0].json()) == (0, {"order_number": "SO1"})
    assert "converted" in shown.stdout
    assert "released" in run("stock", "release", "2026/Q-1").stdout


def test_what_is_kept_is_listed(api: StubApi, run: Run) -> None:
    part = {"id": "Q-1/1/BOLT", "warehouse": None, "quantity": "5", "expires_at": "2026-11-25T15:00:00Z"}
    api.on("GET", "/reservations", {"items": [part], "next": None})
    shown = run("stock", "reserved", **NEW_YORK)
    assert "Q-1/1/BOLT" in shown.stdout
    assert "10:00 EST" in shown.stdout
