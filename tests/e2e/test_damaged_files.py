"""Files that were damaged on their way: refused whole, with the place and the reason, and nothing else changes."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.e2e.sample_world import Billed, SampleWorld
from tests.e2e.waiting import wait_until

CANONICAL = (
    *("customers", "items", "orders", "order_lines", "shipments", "shipment_lines", "shipment_revisions"),
    *("invoice_intents", "invoices", "invoice_lines", "links"),
)


@pytest.mark.parametrize(
    ("name", "found"),
    [  # code, line, columns, field
        ("truncated_SHPCNF.S000419", ("E_SHORT", 41, (95, 140), "rest")),  # F2
        ("wrong_count_SHPCNF.S000420", ("E_TOTAL", 61, (10, 16), "shipments")),  # F3
        ("bad_number_SHPCNF.S000421", ("E_NUM", 3, (22, 30), "quantity_ordered")),  # F10
        ("unknown_record_SHPCNF.S000422", ("E_UNKNOWN", 4, (1, 140), None)),  # F11
    ],
)
def test_a_damaged_file_is_refused_whole_with_the_place_and_the_reason(
    sampled: SampleWorld, clean: Billed, name: str, found: tuple[str, int, tuple[int, int], str | None]
) -> None:
    gateway = sampled.gateway
    _wait_until_quiet(sampled)
    before = (_canonical(gateway.stack.database_url), gateway.quickbooks.ledger())
    file = gateway.hand_in_and_wait(name, (sampled.folder / "damaged" / name).read_bytes())
    assert (file["state"], file["applied_at"]) == ("refused", None)
    first, *_ = gateway.items(f"/erp/files/{file['file_id']}/rejects")
    place = (first["code"], first["line"], (first["column_from"], first["column_to"]), first["field"])
    assert place == found
    assert first["severity"] == "file"
    assert str(first["line"]) in first["message"]
    assert first["remedy"]
    item = gateway.exception_of(file["file_id"])
    assert (item["kind"], item["cause"]) == ("dead_letter", "file_refused")
    assert name in item["sentence"]
    assert (_canonical(gateway.stack.database_url), gateway.quickbooks.ledger()) == before


def test_a_refused_file_that_is_put_right_is_applied(sampled: SampleWorld, clean: Billed) -> None:
    """Cases F10, F8: with the line as the warehouse wrote it the file is an exact repeat, and bills nothing twice."""
    gateway, name = sampled.gateway, "bad_number_SHPCNF.S000421"
    content = (sampled.folder / "damaged" / name).read_bytes()
    file = gateway.file_named(name) or gateway.hand_in_and_wait(name, content)
    line = content.split(b"\r\n")[2].decode("cp1252")
    wanted = {"line": 3, "text": line.replace("00A0!0400", "000000400")}
    before = gateway.quickbooks.ledger()

    accepted = gateway.post(
        f"/erp/files/{file['file_id']}/amendments", {"lines": [wanted], "reason": "four, by telephone"}
    )

    copy = wait_until(
        "the copy is applied",
        lambda: gateway.get(accepted["status_url"]),
        lambda one: one["state"] not in {"received", "read"},
    )
    assert (copy["state"], copy["shipments"]) == ("applied", {})
    assert copy["amendment"]["lines"] == [{**wanted, "before": line}]
    assert gateway.quickbooks.ledger() == before
    (item,) = [one for one in gateway.items("/exceptions", state="resolved") if one["record_key"] == file["file_id"]]
    assert item["cause"] == "file_refused"


def _wait_until_quiet(sampled: SampleWorld) -> None:
    """Whatever earlier tests set going has ended: nothing is left that could change a canonical row by itself."""
    wait_until(
        "every invoiced shipment was published",
        lambda: [
            one["number"]
            for one in sampled.gateway.items("/shipments", state="invoiced")
            if one["published_at"] is None
        ],
        lambda waiting: not waiting,
    )
    sampled.gateway.pull_orders()
    sampled.gateway.pull_masters()  # first contact is agreed on by now


def _canonical(database_url: str) -> dict[str, Any]:
    """A digest of each canonical table; when Salesforce was told, and how often it was read, is no business fact."""
    found = {}
    with psycopg.connect(database_url) as connection:
        for table in CANONICAL:
            row = "to_jsonb(t) - 'published_at' - 'version_at' - 'updated_at'"
            digest = f"md5(coalesce(string_agg(({row})::text, '|' ORDER BY ({row})::text), ''))"
            found[table] = connection.execute(f"SELECT count(*), {digest} FROM {table} t").fetchone()
    return found
