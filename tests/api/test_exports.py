"""Lists as CSV: all that the pages have and nothing else, safe to open, for whoever may read the list."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.requests import ClientDisconnect

from api import exports
from api.auth import INCLUDES
from api.dashboard.pages import key_of
from api.routes.orders import list_orders
from domain.errors import Unavailable
from store import people
from store.tables.people import Role
from tests import build
from tests.api import filling
from tests.api.served import Served, assert_problem, serving
from tests.api.stock_room import StockRoom
from tests.api.test_dashboard import PASSWORD, signed_in
from tests.api.test_uniformity import LISTS, OPERATIONS, WHOLE
from tests.database import cloned

EVIL = '=HYPERLINK("http://evil.test";"click")'
PATHS = {
    "exceptions": "/exceptions",
    "orders": "/orders",
    "shipments": "/shipments",
    "invoices": "/invoices",
    "files": "/erp/files",
    "stock": "/stock",
    "customers": "/customers",
    "items": "/items",
    "links": "/links",
}
NO_CSV = {"get /audit": "has an export of its own, for admins: GET /audit/export"}


@pytest.fixture(scope="module")
async def room(postgres_url: str, nowhere: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One of everything and some more, and a person of each role."""
    with cloned(postgres_url) as url:
        async with serving(url, nowhere, tmp_path_factory.mktemp("exports")) as running:
            with running.write() as session:
                filling.one_of_everything(session)
                filling.ordered(session, "SO3", customer_number="00000041", purchase_order=EVIL)
                filling.confirmed(session, *(build.shipment(number=f"SH{n}", order_number="SO2") for n in range(5, 9)))
                filling.billed(session, "SH5", quickbooks_id="146")
                filling.exception(session, EVIL, stake="-3.50")
                for role in Role:
                    people.create(session, f"the-{role}", "", role, SecretStr(PASSWORD))
            StockRoom.of(running).stock({("BOLT", "ATL"): (2, 5), ("BOLT", "RNO"): (3, 0), ("WASHER", "ATL"): (1, 0)})
            yield running


def rows(answer: httpx.Response, name: str) -> list[dict[str, str]]:
    """The rows of a file that was answered."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def all_pages(served: Served, path: str, **params: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await served.client.get(path, params={**params, "limit": "1", "cursor": cursor})).json()
        found += page["items"]
        cursor = page["next"]
    return found


def test_every_paged_list_has_a_file() -> None:
    paged = LISTS.keys() - WHOLE.keys()
    assert paged - {name for name in paged if _has_file(name)} == NO_CSV.keys()
    assert {name for name in OPERATIONS if _has_file(name)} <= paged


def _has_file(name: str) -> bool:
    operation = OPERATIONS[name]
    takes = any(one["name"] == "format" for one in operation.get("parameters", ()))
    return takes and "text/csv" in operation["responses"].get("200", {}).get("content", {})


@pytest.mark.parametrize("name", PATHS)
async def test_the_file_has_the_rows_of_all_pages(room: Served, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BLOCK", 2)
    listed = await all_pages(room, PATHS[name])
    found = rows(await room.client.get(PATHS[name], params={"format": "csv"}), name)
    assert len(found) == len(listed) > 1, name
    for row, one in zip(found, listed, strict=True):
        assert row.keys() == one.keys()
        for field, value in one.items():
            if isinstance(value, str) and not field.endswith("seconds"):
                assert row[field] in {value, f"'{value}"}, field


async def test_filters_hold_in_the_file(room: Served) -> None:
    for path, name, given in (
        ("/orders", "orders", {"customer_number": "00000041"}),
        ("/shipments", "shipments", {"order_number": "SO1"}),
        ("/exceptions", "exceptions", {"record_key": "SH2"}),
        ("/stock", "stock", {"warehouse": "ATL"}),
    ):
        listed = await all_pages(room, path, **given)
        every = await all_pages(room, path)
        found = rows(await room.client.get(path, params={**given, "format": "csv"}), name)
        assert len(found) == len(listed) < len(every), name
    assert rows(await room.client.get("/orders?customer_number=nobody&format=csv"), "orders") == []


async def test_rejects_of_a_file(room: Served) -> None:
    file_id = next(one["file_id"] for one in await all_pages(room, "/erp/files") if one["reject_count"])
    found = rows(await room.client.get(f"/erp/files/{file_id}/rejects?format=csv"), "rejects")
    assert [one["line"] for one in found] == ["1", "2", "3", "4", "5"]
    assert_problem(
        await room.client.get("/erp/files/00000000-0000-4000-8000-000000000000/rejects?format=csv"), 404, "missing"
    )


async def test_no_cell_is_computed_and_numbers_stay_numbers(room: Served) -> None:
    orders = rows(await room.client.get("/orders?format=csv"), "orders")
    assert next(one["purchase_order"] for one in orders if one["number"] == "SO3") == f"'{EVIL}"
    assert {one["active"] for one in orders} == {"true"}
    (item,) = rows(await room.client.get("/exceptions", params={"record_key": EVIL, "format": "csv"}), "exceptions")
    assert (item["record_key"], item["money_at_stake"]) == (f"'{EVIL}", "-3.50")
    short = rows(await room.client.get("/stock?format=csv&sku=BOLT&warehouse=ATL"), "stock")
    assert [one["value"] for one in short] == ["-3"]


async def test_a_file_goes_on_from_a_cursor(room: Served) -> None:
    first = (await room.client.get("/orders?limit=1")).json()
    found = rows(await room.client.get("/orders", params={"format": "csv", "cursor": first["next"]}), "orders")
    assert [one["number"] for one in found] == ["SO2", "SO3"]
    answer = await room.client.get("/orders?format=csv&cursor=none-of-this-list")
    assert assert_problem(answer, 422, "malformed")["reason"] == "cursor"
    assert_problem(await room.client.get("/orders?format=xlsx"), 422, "invalid_request")


async def test_who_reads_the_list_reads_the_file(room: Served) -> None:
    for path in PATHS.values():
        for scope, includes in INCLUDES.items():
            answer = await room.client.get(path, params={"format": "csv"}, headers=room.as_scope(scope))
            assert answer.status_code == (200 if "viewer" in includes else 403)
        answer = await room.client.get(path, params={"format": "csv"}, headers={"X-API-Key": ""})
        assert_problem(answer, 401, "key_missing")


async def test_a_file_is_of_one_instant(room: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes while it is read is not in it, so that its rows belong together."""
    monkeypatch.setattr(exports, "BLOCK", 1)
    with room.write() as session:
        key = key_of(people.need(session, "the-viewer"))
    answer: Any = exports.csv_of(list_orders, room.services, key=key)
    with room.write() as session:
        filling.ordered(session, "SO4")
    text = "".join([piece async for piece in answer.body_iterator])
    assert [one["number"] for one in csv.DictReader(io.StringIO(text))] == ["SO1", "SO2", "SO3"]
    with room.write() as session:
        session.connection().exec_driver_sql("DELETE FROM order_lines WHERE order_number = 'SO4'")
        session.connection().exec_driver_sql("DELETE FROM orders WHERE number = 'SO4'")


async def test_only_so_many_are_written_at_once(room: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds a connection of the store: slow readers shall not take them all."""
    with room.write() as session:
        key = key_of(people.need(session, "the-viewer"))
    begun: list[Any] = [exports.csv_of(list_orders, room.services, key=key) for _ in range(exports.AT_ONCE)]
    answer = await room.client.get("/orders?format=csv")
    assert assert_problem(answer, 503, "unavailable")["reason"] == "exports_busy"
    assert answer.headers["retry-after"] == "5"
    for one in begun:
        async for _ in one.body_iterator:
            pass
    assert rows(await room.client.get("/orders?format=csv"), "orders")


async def test_whoever_reads_no_more_keeps_nobody_out(room: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection stays open: after a while others get its place, and the store ends its snapshot."""
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 1)
    monkeypatch.setattr(exports, "BLOCK", 1)
    with room.write() as session:
        key = key_of(people.need(session, "the-viewer"))
    begun: list[Any] = [exports.csv_of(list_orders, room.services, key=key) for _ in range(exports.AT_ONCE)]
    for one in begun:
        await anext(one.body_iterator)
    assert_problem(await room.client.get("/orders?format=csv"), 503, "unavailable")
    await asyncio.sleep(1.5)
    assert rows(await room.client.get("/orders?format=csv"), "orders")
    for one in begun:
        with pytest.raises(Unavailable):
            await anext(one.body_iterator)


async def test_whoever_stops_reading_holds_nothing(room: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BLOCK", 1)
    with room.write() as session:
        key = key_of(people.need(session, "the-viewer"))

    async def gone(*_: object) -> None:
        raise OSError

    kept: list[Any] = []  # so that nothing ends because nobody knows it any more
    for _ in range(exports.AT_ONCE + 1):
        kept.append(exports.csv_of(list_orders, room.services, key=key))
        with pytest.raises(ClientDisconnect):
            await kept[-1]({"type": "http", "asgi": {"spec_version": "2.4"}}, gone, gone)
    assert room.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["exceptions", "orders", "shipments", "invoices", "files", "stock"])
async def test_each_page_leads_to_its_file_with_its_filters(room: Served, name: str) -> None:
    client = await signed_in(room, "the-viewer")
    shown = (await client.get(f"/ui/{name}?limit=1&owner=billing&customer_number=00000042")).text
    (address,) = re.findall(r'href="(/ui/csv/[^"]+)"', shown)
    assert address == f"/ui/csv/{name}?owner=billing&amp;customer_number=00000042"
    answer = await client.get(address.replace("&amp;", "&"))
    keyed = {"exceptions": "owner=billing&order=rank", "stock": "", "files": "", "shipments": ""}
    narrowed = keyed.get(name, "customer_number=00000042")
    same = await room.client.get(f"{PATHS[name]}?{narrowed}&format=csv")
    assert list(map(settled, rows(answer, name))) == list(map(settled, rows(same, name)))


def settled(row: dict[str, str]) -> dict[str, str]:
    """Without what counts from now."""
    return {name: value for name, value in row.items() if "age" not in name and "seconds" not in name}


async def test_the_file_of_a_page_wants_a_list_that_is_there_and_a_filter_that_makes_sense(room: Served) -> None:
    client = await signed_in(room, "the-viewer")
    file_id = next(one["file_id"] for one in await all_pages(room, "/erp/files") if one["reject_count"])
    assert f"/ui/csv/rejects?file_id={file_id}" in (await client.get(f"/ui/files/{file_id}")).text
    assert len(rows(await client.get(f"/ui/csv/rejects?file_id={file_id}"), "rejects")) == 5
    senseless = ("exceptions?kind=nonsense", "rejects", "rejects?file_id=x")
    for path, status in (("nothing", 404), *((one, 422) for one in senseless)):
        answer = await client.get(f"/ui/csv/{path}")
        assert (answer.status_code, answer.headers["content-type"][:9]) == (status, "text/html")
