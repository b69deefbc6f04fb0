"""`threeway policies` and `threeway decisions` against a scripted API: what they ask, print, and end with."""

from __future__ import annotations

import json
from pathlib import Path

from tests.console.conftest import Run, StubApi

CHANGE = {"field": "draft.due_on", "before": "2026-12-20", "after": "2026-12-10"}
ONE = {
    "decision": "billing",
    "record_type": "shipment",
    "record_key": "SH1",
    "decision_id": "d-1",
    "made_by": "2026-11",
    "changes": [CHANGE],
    "money_before": "25.00",
    "money_after": "20.00",
    "error": None,
}
PART = {"decision": "billing", "checked": 1, "differ": 1, "failed": 0, "money": "-5.00", "first": [ONE]}
NAMED = {"kind": "company", "version": "2027-01@5db02851", "digest": "5db0", "standing": "unapproved"}
DIFFERS = {
    "kind": "billing",
    "record_type": "shipment",
    "record_key": "SH2",
    "decision_id": "d-2",
    "policy_version": "2026-11",
    "differences": [{"field": "draft.total", "before": "24.00", "after": "25.00"}],
    "error": None,
}


def file(folder: Path, name: str = "company.new.toml") -> str:
    path = folder / name
    path.write_text("code = 'THW'\n")
    return str(path)


def test_what_if_sums_up_all_parts(api: StubApi, run: Run, tmp_path: Path) -> None:
    """Feature G-C7."""
    first = {**NAMED, "part": {**PART, "complete": False}, "next": "billing:x"}
    last = {**NAMED, "part": {**PART, "complete": True}, "next": None}
    api.on("POST", "/policies/what-if", first, last)
    shown = run("policies", "what-if", file(tmp_path), "--json")
    found = json.loads(shown.stdout)
    assert (shown.returncode, found["checked"], found["differ"], found["money"]) == (0, 2, 2, "-10.00")
    assert (len(found["parts"]), found["parts"][0]["complete"], len(found["parts"][0]["first"])) == (1, True, 2)
    assert [one.json()["after"] for one in api.requests] == [None, "billing:x"]
    assert api.requests[0].json()["kind"] == "company"
    api.on("POST", "/policies/what-if", last)
    shown = run("policies", "what-if", file(tmp_path))
    assert "need a second person" in shown.stdout
    assert "billing: 1 of 1 come out otherwise, -5.00 of money." in shown.stdout
    assert "draft.due_on" in shown.stdout


def test_a_file_that_does_not_say_its_kind_is_wrong_usage(api: StubApi, run: Run, tmp_path: Path) -> None:
    shown = run("policies", "what-if", file(tmp_path, "draft.toml"))
    assert (shown.returncode, api.requests) == (2, [])
    assert "--kind" in shown.stderr


def test_a_proposal_is_made_and_decided(api: StubApi, run: Run, tmp_path: Path) -> None:
    """Feature G-C6."""
    made = {**NAMED, "id": "p-1", "what_if": {"parts": [{**PART, "complete": False}]}, "body": "x", "state": "proposed"}
    api.on("POST", "/policies", made, status=201)
    shown = run("policies", "propose", file(tmp_path), "--reason", "agreed")
    assert "1 of 1 newest come out otherwise" in shown.stdout
    assert "threeway policies approve p-1" in shown.stdout
    assert api.requests[0].json()["reason"] == "agreed"
    for act, state in (("approve", "approved"), ("reject", "rejected"), ("withdraw", "withdrawn")):
        api.on("POST", f"/policies/p-1/{act}", {**NAMED, "state": state, "decided_by": "bo"})
        shown = run("policies", act, "p-1", "--reason", "checked")
        assert shown.stdout == f"company.toml, version 2027-01@5db02851: {state} by bo.\n"
        assert api.requests[-1].json() == {"reason": "checked"}


def test_the_file_of_a_proposal_is_printed_as_it_is(api: StubApi, run: Run) -> None:
    text = "code = 'THW'  # ä\n"
    api.on("GET", "/policies/p-1", {"body": text, "what_if": None})
    assert run("policies", "show", "p-1", "--text").stdout == text


def test_decisions_that_come_out_as_they_did_end_well(api: StubApi, run: Run) -> None:
    """Feature G-C8."""
    part = {"decision": "billing", "checked": 200, "differ": 0, "differing": [], "next": "correction"}
    last = {"decision": "correction", "checked": 3, "differ": 0, "differing": [], "next": None}
    api.on("GET", "/decisions/verify", part, last)
    shown = run("decisions", "verify")
    assert (shown.returncode, shown.stdout) == (0, "All 203 decisions come out as they did.\n")
    assert "billing: 200 made again" in shown.stderr
    assert [one.query for one in api.requests] == [{}, {"after": "correction"}]


def test_a_decision_that_comes_out_otherwise_ends_with_1(api: StubApi, run: Run) -> None:
    """Feature G-C8."""
    part = {"decision": "billing", "checked": 2, "differ": 1, "differing": [DIFFERS], "next": None}
    api.on("GET", "/decisions/verify", part)
    shown = run("decisions", "verify", "--kind", "billing")
    assert shown.returncode == 1
    assert "1 of 2 decisions come out otherwise." in shown.stdout
    assert "SH2" in shown.stdout
    assert api.requests[0].query == {"kind": "billing"}
    shown = run("decisions", "verify", "--json")
    found = json.loads(shown.stdout)
    assert (shown.returncode, found["checked"], found["by_kind"]) == (1, 2, {"billing": 2})
    assert found["differing"] == [DIFFERS]
