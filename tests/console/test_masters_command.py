"""`threeway masters`: what changed is pulled now, and what the masters state is listed."""

from __future__ import annotations

from tests.console.conftest import Run, StubApi


def test_masters_are_pulled_and_listed(api: StubApi, run: Run) -> None:
    api.on("POST", "/masters/pull", {"workflow_id": "w", "status_url": "/workflows/w"}, status=202)
    pulled = {"read": 7, "adopted": 2, "changed": 1}
    api.on("GET", "/workflows/w", {"workflow_id": "w", "status": "completed", "result": pulled})
    shown = run("masters", "pull")
    assert shown.returncode == 0
    assert "2" in next(line for line in shown.stdout.splitlines() if "dopted" in line)
    item = {"sku": "VALVE", "description": "Valve, brass", "base_uom": "EA", "list_price": "12.50", "taxable": True}
    api.on("GET", "/items", {"items": [item], "next_cursor": None})
    listed = run("masters", "items", "--as-of", "2026-11-25T10:04:00Z")
    assert api.requests[-1].query["as_of"] == "2026-11-25T10:04:00Z"
    assert "Valve, brass" in listed.stdout
