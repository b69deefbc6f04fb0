"""The warehouse over real HTTP: its clock, its truth, every case by force, life in real time."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.twins.erp.conftest import Serve
from tests.twins.erp.reading import read
from tests.twins.erp.reading_text import read_ordack
from tests.twins.erp.test_process import PATIENCE, free_ports, ready_lines, started
from tests.twins.erp.town import order_file
from twins.erp.world import Order, make_world

NOON = "2026-11-16T12:00:00Z"
ITEM, OTHER = "HCS-0100/Z", "SGG-0142"
QUIET = {"inv410r_minutes": 0, "masters_minutes": 0, "ordack_minutes": 0, "shpcnf_minutes": 0}


def order(number: str) -> Order:
    """An order of a made world for ten pieces of one item."""
    made = next(one for one in make_world(7, orders=40).orders)
    line = replace(made.lines[0], line=1, sku=ITEM, uom="EA", quantity=made.lines[0].quantity * 0 + 10)
    return replace(made, order_no=number, warehouse="ATL", lines=(line,))


async def opened(client: httpx.AsyncClient, tmp_path: Path, **settings: Any) -> None:
    """A warehouse that stands still on Monday noon, with enough of two items."""
    await client.patch("/clock", json={"now": NOON, "frozen": True})
    await client.post("/world", json={"seed": 7, "orders": 10})
    folders = {"import_folder": str(tmp_path / "out"), "drop_folder": str(tmp_path / "in")}
    assert (await client.patch("/settings", json={**QUIET, **folders, **settings})).status_code == 200
    assert (await client.post("/warehouse/open")).status_code == 200
    for sku in (ITEM, OTHER):
        body = {"sku": sku, "warehouse": "ATL", "quantity": 1000}
        assert (await client.post("/warehouse/replenish", json=body)).status_code == 200


async def told(client: httpx.AsyncClient, number: str) -> dict[str, Any]:
    truth = (await client.get("/warehouse")).json()
    return next(one for one in truth["orders"] if one["order_no"] == number)


async def force(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/warehouse/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_clock_moves_the_warehouse(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    async with serve() as client:
        await opened(client, tmp_path, shpcnf_minutes=15)
        (tmp_path / "out" / "ORDIMP.S000001").write_bytes(order_file(1, [("A", order("SO1"))]))
        assert (await force(client, "look"))["taken"] == ["ORDIMP.S000001"]
        (tmp_path / "out" / "ORDIMP.S000002").write_bytes(order_file(2, [("A", order("SO2"))]))
        assert (await force(client, "run", advance_seconds=60))["taken"] == ["ORDIMP.S000002"]
        await client.patch("/clock", json={"advance_seconds": 3600 * 4})
        assert (await told(client, "SO1"))["lines"][0]["shipped"] == "10"
        first = next(iter(sorted((tmp_path / "in").glob("SHPCNF.S*"))))
        assert {s.order for s in read(first.read_bytes())} <= {"SO1", "SO2"}
        ran = await force(client, "run", advance_seconds=3600)
        assert (ran["until"], ran["written"]) == ("2026-11-16T17:01:00+00:00", [])
        ran = await force(client, "run", until="2026-11-16T18:00:00Z")
        assert ran["until"] == "2026-11-16T18:00:00+00:00"
        schedule = (await client.get("/warehouse/schedule")).json()
        assert (schedule["last_order_file"], schedule["problems"]) == (2, [])
        assert [row["subject"] for row in schedule["due"] if row["kind"] == "export"] == ["SHPCNF", "RTNRCV"]
        moves = (await client.get("/warehouse/moves")).json()["moves"]
        assert moves[-1].items() >= {"kind": "shipped", "sku": ITEM, "quantity": "-10"}.items()


async def test_every_case_can_be_forced(serve: Serve, tmp_path: Path) -> None:
    async with serve() as client:
        await opened(client, tmp_path)
        await force(client, "plan", order_no="SO3", ways=["short"])
        records = [("A", order(number)) for number in ("SO1", "SO2", "SO3", "SO4")]
        taken = await client.post("/imports", content=order_file(1, records))
        assert taken.json()["add"] == ["SO1", "SO2", "SO3", "SO4"]
        assert (await force(client, "acknowledge", order_no="SO1"))["status"] == "A"
        assert (await force(client, "hold", order_no="SO1", reason="PAST DUE"))["reason"] == "PAST DUE"
        assert (await force(client, "release", order_no="SO1"))["status"] == "A"
        assert (await force(client, "pick", order_no="SO1"))["status"] == "K"
        assert (await force(client, "cancel", order_no="SO1"))["reason"] == "CANCEL TOO LATE"
        assert (await force(client, "ship", order_no="SO1"))["lines"][0]["shipped"] == "10"
        assert (await force(client, "reject", order_no="SO2"))["status"] == "R"
        assert (await force(client, "ship", order_no="SO3"))["lines"][0]["cancelled"] == "5"
        assert (await force(client, "cancel", order_no="SO4", reason="BY PHONE"))["status"] == "C"
        written = await force(client, "export", name="SHPCNF")
        first, second = read((tmp_path / "in" / written["filename"]).read_bytes())
        back = await force(client, "return", shipment_no=first.number, line=1, quantity=2, condition="DAMAGED")
        assert back == {"rma": "RM9001", "condition": "DAMAGED", "quantity": "2"}
        await force(client, "correct", shipment_no=first.number, quantities={"1": 9})
        await force(client, "reverse", shipment_no=second.number, reopen=True)
        again = read((await client.post("/exports/SHPCNF")).content)
        assert [(s.number, s.lines[0][3]) for s in again] == [(first.number, 9), (second.number, 0)]
        answer = await client.post("/exports/ORDACK")
        assert {number: ack[:2] for number, ack in read_ordack(answer.content)[2].items()} == {
            "SO1": ("A", "CANCEL TOO LATE"),
            "SO2": ("R", "ITEM DISCONTINUED"),
            "SO3": ("A", ""),
            "SO4": ("C", "BY PHONE"),
        }
        assert (await client.get(f"/truth/{answer.headers['X-Filename']}")).json()["orders"][3]["reason"] == "BY PHONE"


async def test_what_cannot_be_done_is_refused(serve: Serve, tmp_path: Path) -> None:
    async with serve() as client:
        closed = await client.post("/warehouse/hold", json={"order_no": "SO1"})
        assert (closed.status_code, closed.json()["detail"]) == (409, "the warehouse is closed: open it first")
        assert (await client.post("/warehouse/open")).status_code == 409  # no world
        assert (await client.get("/warehouse")).json()["orders"] == []
        await opened(client, tmp_path)
        for path, body in (
            ("hold", {"order_no": "SO404"}),
            ("ship", {"order_no": "SO404"}),
            ("reverse", {"shipment_no": "SH404"}),
            ("return", {"shipment_no": "SH404", "line": 1}),
            ("export", {"name": "SHPCNF"}),
        ):
            assert (await client.post(f"/warehouse/{path}", json=body)).status_code == 409, path
        assert (await client.post("/warehouse/plan", json={"order_no": "SO1", "ways": ["vanish"]})).status_code == 422
        assert (await client.patch("/settings", json={"percent_hold": "many"})).status_code == 422


async def test_shipments_can_still_be_made_up_and_their_orders_do_not_ship_again(serve: Serve, tmp_path: Path) -> None:
    async with serve() as client:
        await opened(client, tmp_path)
        asked = {"shipments": 3, "troubles": {"unknown_item": 1}}
        made_up = read((await client.post("/exports/SHPCNF", json=asked)).content)
        assert len(made_up) == 3
        gone = order(made_up[1].order)
        await client.post("/imports", content=order_file(1, [("A", gone), ("A", order("SO1"))]))
        assert (await told(client, gone.order_no))["reason"] == "SHIPPED BEFORE"
        await force(client, "run", advance_seconds=4 * 3600)
        assert (await told(client, gone.order_no))["lines"][0]["shipped"] == "0"
        true = read((await client.post("/exports/SHPCNF")).content)
        assert [s.order for s in true] == ["SO1"]
        assert not {s.number for s in true} & {s.number for s in made_up}
        refused = await client.post("/exports/SHPCNF", json={"shipments": 1, "troubles": {"correction": 1}})
        assert refused.status_code == 409


async def test_a_new_world_closes_the_warehouse(serve: Serve, tmp_path: Path) -> None:
    async with serve() as client:
        await opened(client, tmp_path)
        await client.post("/imports", content=order_file(1, [("A", order("SO1"))]))
        await client.post("/world", json={"seed": 8})
        truth = (await client.get("/warehouse")).json()
        assert (truth["opened_at"], truth["orders"], truth["stock"]) == (None, [], [])
        assert (await client.get("/warehouse/schedule")).json()["due"] == []


async def test_the_stock_goes_on_from_the_last_report(serve: Serve) -> None:
    async with serve() as client:
        await client.post("/world", json={"seed": 7})
        await client.post("/exports/INV410R")
        before = next(iter((await client.get("/exports")).json()["exports"]))["filename"]
        rows = (await client.get(f"/truth/{before}")).json()["rows"]
        await client.post("/warehouse/open")
        stock = (await client.get("/warehouse")).json()["stock"]
        assert [(row["sku"], row["on_hand"]) for row in stock] == [(row["sku"], row["on_hand"]) for row in rows]
        assert {row["allocated"] for row in stock} == {"0"}


async def test_a_living_warehouse_needs_nobody(serve: Serve, tmp_path: Path) -> None:
    """In real time: it opens when there is a world, and looks into its folder."""
    (tmp_path / "out").mkdir()
    async with serve() as client:
        folders = {"import_folder": str(tmp_path / "out"), "drop_folder": str(tmp_path / "in")}
        await client.patch("/settings", json={**folders, "look_seconds": 1, "alive": True})
        await client.post("/world", json={"seed": 7})
        (tmp_path / "out" / "ORDIMP.S000001").write_bytes(order_file(1, [("A", order("SO1"))]))
        async with asyncio.timeout(30):
            while not (tmp_path / "in" / "ORDACK.S000101").exists():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.1)
        assert (await client.get("/warehouse")).json()["orders"]
        assert not (tmp_path / "out" / "ORDIMP.S000001").exists()


@pytest.mark.parametrize("way", ["options", "environment"])
def test_the_process_starts_a_living_warehouse_when_it_is_told(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = free_ports()
    names = {"FOLDER": str(tmp_path / "in"), "IMPORT_FOLDER": str(tmp_path / "out"), "ALIVE": "on"}
    flags = ["--erp-folder", names["FOLDER"], "--erp-import-folder", names["IMPORT_FOLDER"], "--erp-alive"]
    if way == "environment":
        for name, value in names.items():
            monkeypatch.setenv(f"TWINS_ERP_{name}", value)
    process = started(tmp_path / "data", ports, *(flags if way == "options" else ()))
    try:
        ready_lines(process)
        with closing(httpx.Client(base_url=f"http://127.0.0.1:{ports[2]}/__twin__", timeout=30)) as client:
            found = client.get("/settings").json()
            assert found["alive"] is True
            assert (found["drop_folder"], found["import_folder"]) == (names["FOLDER"], names["IMPORT_FOLDER"])
            client.post("/world", json={"seed": 7})
            deadline = time.monotonic() + 3 * PATIENCE
            while not list((tmp_path / "in").glob("INV410R.*")):
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
