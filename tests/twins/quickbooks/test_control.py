"""Seed, ledger, journal, clock and settings of the control plane."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from .conftest import WORLD, Client, invoice, line


def test_seed_is_idempotent_and_ids_follow_its_order(twin: Client) -> None:
    counts = twin.control("POST", "seed", WORLD)["created"]
    assert counts == {"terms": 0, "customers": 0, "items": 0}
    names = [(entry["Id"], entry["DisplayName"]) for entry in twin.query("SELECT * FROM Customer")["Customer"]]
    assert names == [("1", "Acme Supply"), ("2", "Bob's Hardware")]
    freight = twin.query("SELECT * FROM Item WHERE Sku = 'FREIGHT'")["Item"][0]
    assert (freight["Name"], freight["Type"], freight["Taxable"]) == ("Freight", "NonInventory", False)


def test_the_sample_world(twin: Client, samples: Path) -> None:
    twin.control("POST", "reset")
    world = json.loads((samples / "world.json").read_text(encoding="utf-8"))
    counts = twin.control("POST", "seed", world)["created"]
    assert counts == {
        "terms": len(world["terms"]),
        "customers": len(world["customers"]),
        "items": len(world["items"]) + 1,
    }
    twin.grant()
    first = world["items"][0]
    item = twin.query("SELECT * FROM Item WHERE Id = '1'")["Item"][0]
    assert (item["Sku"], Decimal(item["UnitPrice"])) == (first["sku"], Decimal(first["list_price"]))


def test_ledger_is_the_oracle(twin: Client) -> None:
    twin.create(invoice(line("38.25", "3", "12.75"), DocNumber="D-1", PrivateNote="key", TxnDate="2026-11-20"))
    gone = twin.create(invoice())
    twin.post("invoice?operation=delete", {"Id": gone["Id"], "SyncToken": "0"})
    ledger = twin.control("GET", "ledger")
    assert (ledger["count"], ledger["total"], len(ledger["invoices"])) == (1, "38.25", 2)
    first = ledger["invoices"][0]
    assert first.pop("created_at").endswith("+00:00")
    assert first.pop("lines") == [
        {
            "kind": "SalesItemLineDetail",
            "item_id": "1",
            "sku": "HCS-0100/Z",
            "description": None,
            "quantity": "3",
            "unit_price": "12.75",
            "amount": "38.25",
        }
    ]
    assert first == {
        "id": "1",
        "doc_number": "D-1",
        "customer_id": "1",
        "customer_name": "Acme Supply",
        "txn_date": "2026-11-20",
        "due_date": "2026-12-05",
        "total": "38.25",
        "tax": "0.00",
        "balance": "38.25",
        "private_note": "key",
        "email_status": "NotSet",
        "print_status": "NeedToPrint",
        "deleted": False,
        "voided": False,
        "sync_token": "0",
    }


def test_journal_numbers_requests_and_keeps_no_secret(twin: Client) -> None:
    twin.create(invoice(PrivateNote="private"), "&requestid=r1")
    requests = twin.control("GET", "journal")["requests"]
    last = requests[-1]
    assert (last["method"], last["status"], last["query"]) == ("POST", 200, "minorversion=75&requestid=r1")
    assert last["path"].endswith("/invoice")
    assert twin.control("GET", f"journal?after={last['n']}") == {"requests": []}
    text = json.dumps(requests)
    assert not any(secret in text for secret in ("twin-secret", "twin-refresh-token", twin.token, "private"))


def test_clock_runs_on_stands_still_and_returns(twin: Client) -> None:
    set_to = twin.control("PATCH", "clock", {"now": "2026-12-31T23:59:00Z", "frozen": True})["now"]
    assert set_to == "2026-12-31T23:59:00+00:00"
    assert twin.control("PATCH", "clock", {"advance_seconds": 90})["now"] == "2027-01-01T00:00:30+00:00"
    assert twin.control("PATCH", "clock", {"now": None})["now"] < "2100"
    answer = twin.session.patch(f"{twin.base}/__twin__/clock", json={"now": "2026-12-31T23:59:00"}, timeout=5)
    assert answer.status_code == 422


@pytest.mark.parametrize("change", [{"unheard_of": 1}, {"throttle": "yes"}, {"tax_rates": 8}])
def test_settings_are_checked(twin: Client, change: dict[str, object]) -> None:
    assert twin.session.patch(f"{twin.base}/__twin__/settings", json=change, timeout=5).status_code == 422


def test_reset_returns_to_the_defaults(twin: Client) -> None:
    twin.create(invoice())
    twin.settings(custom_txn_numbers=False)
    twin.fault("reset_before", times=0)
    twin.control("POST", "reset")
    assert twin.control("GET", "settings")["custom_txn_numbers"] is True
    assert (twin.count(), twin.control("GET", "journal"), twin.control("GET", "faults")) == (
        0,
        {"requests": []},
        {"faults": []},
    )
    assert twin.get("preferences").status_code == 401
    assert twin.grant().status_code == 200
