"""`threeway drop` and `threeway amend` against a scripted API: what is sent, what is waited for, what is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.console.conftest import Run, StubApi

STATUS = "/erp/files/f-1"


def _accept_file(api: StubApi, *states: dict[str, object], rejects: list[dict[str, object]] | None = None) -> None:
    accepted = {"file_id": "f-1", "workflow_id": "erp-file/abc", "status_url": STATUS, "duplicate": False}
    api.on("POST", "/erp/files", accepted, status=202)
    api.on("GET", STATUS, *states)
    api.on("GET", f"{STATUS}/rejects", {"items": rejects or [], "next": None})


def test_drop_streams_the_file_with_its_name(api: StubApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "SHPCNF.S1").write_bytes(b"HDR\x00\xff")
    _accept_file(api)
    shown = run("drop", "SHPCNF.S1", "--layout", "shpcnf", "--json")
    sent = api.requests[0]
    assert shown.returncode == 0
    assert (sent.headers["x-filename"], sent.query, sent.body) == ("SHPCNF.S1", {"layout": "shpcnf"}, b"HDR\x00\xff")
    assert json.loads(shown.stdout)["items"][0]["file_id"] == "f-1"


def test_drop_waits_until_the_file_is_applied(api: StubApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "F").write_text("x")
    _accept_file(api, {"state": "read"}, {"state": "applied", "group_count": 2, "shipments": {"invoiced": 2}})
    shown = run("drop", "F", "--wait")
    assert shown.returncode == 0
    assert "F: applied" in shown.stdout
    assert "invoiced 2" in shown.stdout


def test_drop_shows_what_was_refused_and_fails(api: StubApi, run: Run, tmp_path: Path) -> None:
    reject = {
        "line": 3, "column_from": 22, "column_to": 30, "field": "quantity", "code": "E_NUM",
        "message": "is not a number", "remedy": "Correct [it] and send again.",
    }  # fmt: skip
    (tmp_path / "F").write_text("x")
    _accept_file(api, {"state": "refused"}, rejects=[reject])
    shown = run("drop", "F", "--wait")
    assert shown.returncode == 1
    for text in ("22-30", "quantity", "E_NUM", "is not a number", "Correct [it] and send again."):
        assert text in shown.stdout


def test_drop_gives_up_waiting_without_giving_up_the_work(api: StubApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "F").write_text("x")
    _accept_file(api, {"state": "read"})
    shown = run("drop", "F", "--wait", "--timeout", "1")
    assert shown.returncode == 1
    assert "the work goes on" in shown.stderr


def test_amend_sends_the_lines_and_why(api: StubApi, run: Run) -> None:
    accepted = {"file_id": "f-2", "workflow_id": "erp-file/y", "status_url": "/erp/files/f-2", "duplicate": False}
    api.on("POST", "/erp/files/f-1/amendments", accepted)
    api.on("GET", "/erp/files/f-2", {"file_id": "f-2", "state": "applied"})
    api.on("GET", "/erp/files/f-2/rejects", {"items": [], "next": None})
    shown = run("amend", "f-1", "--line", "4=S2 A=B ", "--line", "7=", "--reason", "by telephone", "--wait")
    assert shown.returncode == 0, shown.stderr
    lines = [{"line": 4, "text": "S2 A=B "}, {"line": 7, "text": ""}]
    assert json.loads(api.requests[0].body) == {"lines": lines, "reason": "by telephone"}
    assert "The copy: applied" in shown.stdout


@pytest.mark.parametrize("line", ["S2 without a number", "x=y", "=y"])
def test_a_line_without_its_number_is_no_line(run: Run, line: str) -> None:
    shown = run("amend", "f-1", "--line", line, "--reason", "why")
    assert shown.returncode == 2
    assert "is no line" in shown.stderr
