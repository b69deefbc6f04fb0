"""Reconciliation of a whole gateway: by the API and the command line, while it works, and after somebody meddled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.project import ROOT
from tests.e2e.generated_world import GeneratedWorld
from tests.e2e.stacks import stacked_gateway
from tests.e2e.twin_clients import Json
from tests.e2e.waiting import wait_until

GRACE = 40


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GeneratedWorld]:
    """A gateway that counts a change as lost after forty seconds, and reads again after one."""
    config = tmp_path_factory.mktemp("settings") / "config"
    shutil.copytree(ROOT / "config", config)
    path = config / "company.toml"
    text = path.read_text("utf-8").replace("grace_seconds = 900", f"grace_seconds = {GRACE}")
    path.write_text(text.replace("second_read_seconds = 30", "second_read_seconds = 1"), "utf-8")
    polls = dict.fromkeys(("THREEWAY_INVOICES_POLL_SECONDS", "THREEWAY_ORDERS_POLL_SECONDS"), "4")
    with stacked_gateway(THREEWAY_CONFIG_DIR=str(config), **polls) as gateway:
        world = gateway.erp.make_world(seed=20261126, customers=12, items=30, orders=120, sequence=301)
        gateway.know(world, [gateway.erp.export("CUSMST"), gateway.erp.export("ITMMST")])
        gateway.hand_in_and_wait(*gateway.erp.export("INV410R"))
        yield GeneratedWorld(gateway, world)


def _reconcile(world: GeneratedWorld, **filters: str) -> Json:
    started = world.gateway.post("/reconciliations", {"reason": "a test"})
    ended = wait_until(
        f"{started['workflow_id']} has ended",
        lambda: world.gateway.get(started["status_url"]),
        lambda run: run["state"] != "running",
        seconds=120,
        explain=world.standing,
    )
    assert ended["state"] == "finished", ended["error"]
    return dict(world.gateway.get(started["status_url"], **filters))


def _drift(run: Json) -> list[tuple[Any, ...]]:
    items = run["findings"]["items"]
    names = ("cause", "record_key", "field", "expected", "found", "why")
    return [tuple(one[name] for name in names) for one in items if one["standing"] == "drift"]


def _command(world: GeneratedWorld, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    stack = world.gateway.stack
    own = {"THREEWAY_URL": stack.api_url, "THREEWAY_API_KEY": stack.admin_key}
    line = [sys.executable, str(ROOT / "cli.py"), "reconcile", *words]
    return subprocess.run(line, cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, check=False)


@pytest.mark.proof
def test_nothing_is_invented_while_the_gateway_works(working: GeneratedWorld) -> None:
    """G-H3, section 10 point 4: runs over real Temporal, with shipments on their way to their invoices."""
    exports = [working.ship(15) for _ in range(2)]
    for export in exports:
        working.gateway.hand_in(export.filename, export.content)

    runs = [_reconcile(working, limit="500") for _ in range(2)]

    assert [found for run in runs for found in _drift(run)] == []
    for export in exports:
        working.wait_until_billed(export)


@pytest.mark.proof
def test_what_somebody_does_behind_its_back_is_found_and_healed_or_told(
    working: GeneratedWorld, tmp_path: Path
) -> None:
    """G-H1, G-H6, R3, R6: an invoice with another price, an order with another status; exit 1, then told again."""
    time.sleep(GRACE + 5)  # whatever was on its way has stood still for longer than the grace
    before = _command(working, tmp_path, "--json")
    assert before.returncode == 0, before.stdout + before.stderr
    invoice = next(one for one in working.gateway.quickbooks.ledger() if one["balance"] == one["total"])
    number = working.gateway.get(f"/shipments/{invoice['doc_number']}")["order_number"]  # that order is said anew
    invoiced = (one for one in working.gateway.salesforce.records("Order") if one["Gateway_Status__c"] == "Invoiced")
    shown = next(one for one in invoiced if one["ERP_Order_Id__c"] != number)
    working.gateway.quickbooks.post(
        "edit", {"entity": "Invoice", "id": invoice["id"], "changes": {"TxnDate": "2026-01-02"}, "operation": "update"}
    )
    edit = {"match": {"Id": shown["Id"]}, "fields": {"Gateway_Status__c": "Quote"}}
    working.gateway.salesforce.post("records/Order", edit)
    time.sleep(GRACE + 5)

    ended = _command(working, tmp_path, "--json")

    assert ended.returncode == 1, ended.stdout + ended.stderr
    run = working.gateway.get(f"/reconciliations/{json.loads(ended.stdout)['id']}")
    causes = {one["cause"]: one for one in run["findings"]["items"]}
    assert causes["invoice_edited"]["record_key"] == invoice["id"]
    assert causes["order_shown_wrong"]["healed"] is True
    wait_until(
        "Salesforce shows the status again",
        lambda: working.gateway.salesforce.records("Order"),
        lambda orders: next(one for one in orders if one["Id"] == shown["Id"])["Gateway_Status__c"] == "Invoiced",
        seconds=60,
    )
    (item,) = [one for one in working.gateway.exceptions() if one["cause"] == "invoice_edited"]
    assert causes["invoice_edited"]["standing"] == "held"  # the poll has heard of it, and asks
    assert causes["invoice_edited"]["exception_id"] == item["id"]


@pytest.mark.proof
def test_certificates_are_verified_and_a_month_is_taken_along(working: GeneratedWorld, tmp_path: Path) -> None:
    """G-H4."""
    verified = _command(working, tmp_path, "--verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "holds" in verified.stdout

    for name in ("pack.csv", "pack.html"):
        assert _command(working, tmp_path, "--pack", name).returncode == 0
    assert "invoice_edited" in (tmp_path / "pack.csv").read_text("utf-8")
    assert "invoice_edited" in (tmp_path / "pack.html").read_text("utf-8")
