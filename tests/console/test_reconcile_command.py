"""`threeway reconcile` against a scripted API: what it asks, prints, writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

from tests.console.conftest import Run, StubApi

ROW = {
    "rule": "R3",
    "cause": "invoice_edited",
    "system": "quickbooks",
    "record_key": "1042",
    "field": "line 1 price",
    "expected": "11.5",
    "found": "12.5",
    "money": "10",
    "first_seen_on": "2026-11-25",
    "healed": False,
    "standing": "drift",
}
RUN = {
    "id": "2026-11-26",
    "state": "finished",
    "zero_drift": True,
    "standings": {"held": 2},
    "certificate_hash": "ab" * 32,
    "error": None,
    "findings": {"items": [], "next": None},
}
STARTED = {"workflow_id": "reconciliation/2026-11-26", "status_url": "/reconciliations/2026-11-26"}


def _drifted(**changes: object) -> dict[str, object]:
    return {
        **RUN,
        "zero_drift": False,
        "standings": {"drift": 1},
        "findings": {"items": [ROW], "next": None},
        **changes,
    }


def test_a_run_without_drift_ends_with_0(api: StubApi, run: Run) -> None:
    api.on("POST", "/reconciliations", STARTED, status=202)
    api.on("GET", "/reconciliations/2026-11-26", {**RUN, "state": "running"}, RUN)
    ended = run("reconcile")
    assert ended.returncode == 0
    assert "Zero drift." in ended.stdout
    assert api.requests[-1].query == {"standing": "drift", "limit": "200"}


def test_drift_is_shown_and_ends_with_1(api: StubApi, run: Run) -> None:
    api.on("POST", "/reconciliations", STARTED, status=202)
    api.on("GET", "/reconciliations/2026-11-26", _drifted())
    ended = run("reconcile")
    assert ended.returncode == 1
    assert "1 differences are drift." in ended.stdout
    as_json = run("reconcile", "--run", "2026-11-26", "--json")
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout)["findings"]["items"] == [ROW]


def test_a_failed_run_says_why(api: StubApi, run: Run) -> None:
    api.on("GET", "/reconciliations/2026-11-26", {**RUN, "state": "failed", "zero_drift": None, "error": "away"})
    ended = run("reconcile", "--run", "2026-11-26")
    assert ended.returncode == 1
    assert "failed: away" in ended.stdout


def test_the_last_certificate_is_verified(api: StubApi, run: Run) -> None:
    api.on("GET", "/reconciliations", {"items": [{**RUN, "id": "x", "state": "running"}, RUN], "next": None})
    good = {"run_id": RUN["id"], "verified": True, "inputs_kept": True, "chain": 3, "problems": []}
    broken = {**good, "verified": False, "problems": ["Certificate 2 is missing from the chain."]}
    api.on("GET", "/reconciliations/2026-11-26/verification", good, broken)
    held = run("reconcile", "--verify")
    assert (held.returncode, held.stdout) == (0, "The certificate of 2026-11-26 holds; 3 in the chain.\n")
    broken_one = run("reconcile", "--verify", "--run", "2026-11-26")
    assert broken_one.returncode == 1
    assert "missing from the chain" in broken_one.stdout


def test_a_pack_is_written_as_it_comes(api: StubApi, run: Run, tmp_path: Path) -> None:
    api.on("GET", "/reconciliations", {"items": [RUN], "next": None})
    api.on("GET", "/reconciliations/packs/2026-11", {"any": "bytes"})
    target = tmp_path / "pack.html"
    assert run("reconcile", "--pack", str(target)).returncode == 0
    assert api.requests[-1].query == {"kind": "html"}
    assert json.loads(target.read_text()) == {"any": "bytes"}
