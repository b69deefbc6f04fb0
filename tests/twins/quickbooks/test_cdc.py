"""Change data capture of the twin (S34): shapes, the shared cap, the window, deleted rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from .conftest import Client, invoice, read, refused


def cdc(twin: Client, entities: str, since: str | None = None) -> list[dict[str, Any]]:
    """The blocks of an answer, one an entity."""
    answer = twin.get(f"cdc?entities={quote(entities)}&changedSince={quote(since or ago(hours=1))}&minorversion=75")
    assert answer.status_code == 200, answer.text
    body = read(answer)
    assert body["time"]
    (response,) = body["CDCResponse"]
    found: list[dict[str, Any]] = response["QueryResponse"]
    return found


def ago(**distance: float) -> str:
    return (datetime.now(UTC) - timedelta(**distance)).isoformat(timespec="seconds")


def test_what_changed_comes_whole_and_what_was_deleted_last(twin: Client) -> None:
    first, second = twin.create(invoice(DocNumber="D-1")), twin.create(invoice(DocNumber="D-2"))
    twin.post("invoice?operation=delete", {"Id": first["Id"], "SyncToken": "0"})
    invoices, payments = cdc(twin, "Invoice,Payment")
    assert payments == {}
    assert (invoices["startPosition"], invoices["maxResults"], invoices["totalCount"]) == (1, 2, 2)
    living, gone = invoices["Invoice"]
    assert (living["Id"], living["DocNumber"]) == (second["Id"], "D-2")
    assert gone.pop("MetaData").keys() == {"LastUpdatedTime"}
    assert gone == {"domain": "QBO", "status": "Deleted", "Id": first["Id"]}


def test_a_payment_brings_its_invoice_and_its_customer(twin: Client) -> None:
    made = twin.create(invoice())
    twin.control("PATCH", "clock", {"advance_seconds": 60})
    link = [{"TxnId": made["Id"], "TxnType": "Invoice"}]
    line = {"Amount": 40, "LinkedTxn": link}
    twin.post("payment", {"CustomerRef": {"value": "1"}, "TotalAmt": 40, "Line": [line]})
    since = (datetime.now(UTC) + timedelta(seconds=40)).isoformat(timespec="seconds")
    invoices, payments, customers, items = cdc(twin, "Invoice,Payment,Customer,Item", since)
    assert [one["Balance"] for one in invoices["Invoice"]] == [60]
    assert payments["Payment"][0]["Line"][0]["LinkedTxn"] == link
    assert [one["Id"] for one in customers["Customer"]] == ["1"]
    assert items == {}


def test_the_cap_is_shared_by_all_entities(twin: Client) -> None:
    made = [twin.create(invoice()) for _ in range(3)]
    twin.settings(cdc_cap=2)
    invoices, customers = cdc(twin, "Invoice,Customer")
    assert [one["Id"] for one in invoices["Invoice"]] == [made[0]["Id"], made[1]["Id"]]
    assert customers == {}


def test_the_window_is_thirty_days(twin: Client) -> None:
    error = refused(twin.get(f"cdc?entities=Invoice&changedSince={quote(ago(days=31))}"), 500)
    assert "older than fixed days is not supported" in error["Detail"]
    assert cdc(twin, "Invoice", ago(days=29)) == [{}]


def test_a_time_without_an_offset_is_the_companys(twin: Client) -> None:
    twin.create(invoice())
    naive = (datetime.now(UTC) - timedelta(hours=1)).replace(tzinfo=None).isoformat(timespec="seconds")
    assert cdc(twin, "Invoice", naive) == [{}], "New York is hours behind: this instant is not reached yet"


def test_what_cannot_be_asked_is_refused(twin: Client) -> None:
    for query in ("entities=TaxRate&changedSince=" + quote(ago(hours=1)), "entities=Invoice&changedSince=soon"):
        refused(twin.get(f"cdc?{query}"), 2010)
    for query in ("changedSince=" + quote(ago(hours=1)), "entities=Invoice"):
        refused(twin.get(f"cdc?{query}"), 2020)
