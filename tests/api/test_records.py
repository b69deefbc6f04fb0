"""Reading the canonical store: filters, pages that stay right while rows come in, and the past."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from domain.customers import Address
from store import customers, items, orders
from tests import build
from tests.api import filling
from tests.api.served import Served, assert_problem, serving
from tests.database import cloned

AT = filling.AT


@pytest.fixture(scope="module")
async def books(postgres_url: str, temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """Six shipments of three orders, two of them billed; nobody changes them."""
    with cloned(postgres_url) as url:
        async with serving(url, temporal, tmp_path_factory.mktemp("api")) as running:
            with running.write() as session:
                filling.masters(session)
                filling.ordered(session, "SO1", "SO2", customer_number="00000042")
                filling.ordered(session, "SO/3", customer_number="00000041")
                for n in range(1, 7):
                    given = build.shipment(number=f"SH{n}", order_number=("SO1", "SO2", "SO/3")[n % 3])
                    filling.confirmed(session, given, seen_at=AT + timedelta(minutes=n))
                filling.billed(session, "SH1", quickbooks_id="145")
                filling.billed(session, "SH5", quickbooks_id="146", seconds=91.25)
            yield running


async def read(served: Served, path: str, **params: object) -> dict[str, Any]:
    answer = await served.client.get(path, params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def keys_of(served: Served, path: str, name: str, **params: object) -> list[str]:
    return [one[name] for one in (await read(served, path, **params))["items"]]


async def pages(served: Served, path: str, name: str, **params: object) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page = await read(served, path, **params, **({"cursor": cursor} if cursor else {}))
        found.append([one[name] for one in page["items"]])
        cursor = page["next"]
        if cursor is None:
            return found


async def test_shipments_come_latest_first_and_are_filtered(books: Served) -> None:
    assert await keys_of(books, "/shipments", "number") == ["SH6", "SH5", "SH4", "SH3", "SH2", "SH1"]
    assert await keys_of(books, "/shipments", "number", state="invoiced") == ["SH5", "SH1"]
    assert await keys_of(books, "/shipments", "number", order_number="SO2") == ["SH4", "SH1"]
    assert await keys_of(books, "/shipments", "number", order_number="none") == []
    file_id = (await read(books, "/shipments/SH3"))["source_file_id"]
    assert await keys_of(books, "/shipments", "number", file_id=file_id) == ["SH3"]


async def test_a_shipment_tells_its_invoice_and_how_long_it_took(books: Served) -> None:
    shipment = await read(books, "/shipments/SH5")
    assert (shipment["state"], shipment["seconds_to_invoice"]) == ("invoiced", 91.25)
    (invoice,) = shipment["invoices"]
    assert (invoice["doc_number"], invoice["quickbooks_id"], invoice["total"]) == ("SH5", "146", "25.00")
    waiting = await read(books, "/shipments/SH6")
    assert (waiting["state"], waiting["seconds_to_invoice"], waiting["invoices"]) == ("received", None, [])


async def test_decimals_are_text_and_times_name_their_zone(books: Served) -> None:
    shipment = await read(books, "/shipments/SH5")
    assert (shipment["lines"][0]["unit_price"], shipment["lines"][0]["quantity_shipped"]) == ("2.5000", "10")
    assert datetime.fromisoformat(shipment["shipped_at"]) == build.SHIPPED_AT
    assert (await read(books, "/items/BOLT"))["units_per_sell_uom"] == "100"


async def test_invoices_come_latest_first_and_are_filtered(books: Served) -> None:
    assert await keys_of(books, "/invoices", "doc_number") == ["SH5", "SH1"]
    assert await keys_of(books, "/invoices", "doc_number", order_number="SO2") == ["SH1"]
    assert await keys_of(books, "/invoices", "doc_number", customer_number="00000042") == ["SH5", "SH1"]
    assert await keys_of(books, "/invoices", "doc_number", status="paid") == []
    assert await keys_of(books, "/invoices", "doc_number", status="drafted", limit=1) == ["SH5"]


@pytest.mark.parametrize("key", ["SH5", "146"])
async def test_an_invoice_is_found_by_each_of_its_numbers(books: Served, key: str) -> None:
    invoice = await read(books, f"/invoices/{key}")
    assert (invoice["shipment_number"], invoice["total"], len(invoice["lines"])) == ("SH5", "25.00", 1)


async def test_orders_come_by_number_and_are_filtered(books: Served) -> None:
    assert await keys_of(books, "/orders", "number") == ["SO/3", "SO1", "SO2"]
    assert await keys_of(books, "/orders", "number", customer_number="00000042") == ["SO1", "SO2"]
    assert (await read(books, "/orders/SO1"))["lines"][0]["quantity"] == "10"


@pytest.mark.parametrize("address", [quote("NUT/3-8", safe=""), "NUT/3-8"])
async def test_a_key_may_hold_a_slash(books: Served, address: str) -> None:
    assert (await read(books, f"/items/{address}"))["sku"] == "NUT/3-8"
    assert (await read(books, "/orders/SO%2F3"))["number"] == "SO/3"


async def test_masters_come_by_their_keys(books: Served) -> None:
    assert await keys_of(books, "/customers", "number") == ["00000041", "00000042", "00000043"]
    assert (await read(books, "/customers/00000042"))["name"] == "Customer 1"
    assert await keys_of(books, "/items", "sku") == ["BOLT", "NUT/3-8", "WASHER"]


@pytest.mark.parametrize("noun", ["shipments", "invoices", "orders", "customers", "items"])
async def test_what_is_not_there_is_named(books: Served, noun: str) -> None:
    document = assert_problem(await books.client.get(f"/{noun}/nope"), 404, "missing")
    assert "nope" in document["detail"]
    assert document["reason"] == noun.removesuffix("s")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/shipments", "number"),
        ("/invoices", "doc_number"),
        ("/orders", "number"),
        ("/items", "sku"),
        ("/customers", "number"),
    ],
)
async def test_pages_add_up_to_the_whole(books: Served, path: str, name: str) -> None:
    whole = await keys_of(books, path, name)
    for limit in (1, 2, 500):
        found = await pages(books, path, name, limit=limit)
        assert [key for page in found for key in page] == whole
        assert all(len(page) <= limit for page in found)


async def test_a_filter_holds_on_every_page(books: Served) -> None:
    found = await pages(books, "/shipments", "number", limit=1, order_number="SO1")
    assert found == [["SH6"], ["SH3"]]


async def test_a_page_stays_right_while_rows_come_in(served: Served) -> None:
    with served.write() as session:
        for n in range(4):
            filling.confirmed(session, build.shipment(number=f"SH{n}"), seen_at=AT + timedelta(minutes=n))
    first = await read(served, "/shipments", limit=2)
    with served.write() as session:
        filling.confirmed(session, build.shipment(number="SH9"), seen_at=AT + timedelta(minutes=9))
        filling.confirmed(session, build.shipment(number="SH1a"), seen_at=AT + timedelta(minutes=1, seconds=1))
    second = await read(served, "/shipments", limit=3, cursor=first["next"])
    assert [one["number"] for one in first["items"]] == ["SH3", "SH2"]
    assert [one["number"] for one in second["items"]] == ["SH1a", "SH1", "SH0"]


async def test_masters_and_orders_are_shown_as_they_stood(served: Served) -> None:
    with served.write() as session:
        customers.upsert(session, [build.customer("C1", bill_to=Address(city="Albany"))])
        items.upsert(session, [build.item("BOLT", list_price=Decimal("2.50"))])
        orders.upsert(session, [build.order()])
    then = datetime.now(UTC).isoformat()
    with served.write() as session:
        customers.upsert(session, [build.customer("C1", bill_to=Address(city="Troy")), build.customer("C2")])
        items.upsert(session, [build.item("BOLT", list_price=Decimal("2.75"))])
        changed = build.order(build.order_line(quantity=Decimal(7)), version_at=build.SHIPPED_AT + timedelta(hours=1))
        orders.upsert(session, [changed])
    assert (await read(served, "/customers/C1"))["bill_to"]["city"] == "Troy"
    assert (await read(served, "/customers/C1", as_of=then))["bill_to"]["city"] == "Albany"
    assert (await read(served, "/items/BOLT", as_of=then))["list_price"] == "2.50"
    assert (await read(served, "/orders/SO1", as_of=then))["lines"][0]["quantity"] == "10"
    assert (await read(served, "/orders/SO1"))["lines"][0]["quantity"] == "7"
    assert await keys_of(served, "/customers", "number", as_of=then) == ["C1"]
    assert await keys_of(served, "/orders", "number", as_of=then) == ["SO1"]
    assert await keys_of(served, "/items", "sku", as_of="2020-01-01T00:00:00Z") == []
    answer = await served.client.get("/customers/C2", params={"as_of": then})
    assert "as of" in assert_problem(answer, 404, "missing")["detail"]


async def test_the_past_is_paged_too(served: Served) -> None:
    with served.write() as session:
        filling.masters(session)
    then = datetime.now(UTC).isoformat()
    assert await pages(served, "/customers", "number", as_of=then, limit=2) == [["00000041", "00000042"], ["00000043"]]


async def test_the_past_of_orders_is_narrowed_as_the_present_is(books: Served) -> None:
    now = datetime.now(UTC).isoformat()
    everything = (await books.client.get("/orders", params={"as_of": now})).json()["items"]
    customer = everything[0]["customer_number"]
    for given in (customer, "nobody"):
        answer = await books.client.get("/orders", params={"as_of": now, "customer_number": given})
        assert answer.json()["items"] == [one for one in everything if one["customer_number"] == given]
