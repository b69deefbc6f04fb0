"""The ERP's twin over real HTTP: worlds, exports, truth, the dropped files, a restart."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.twins.erp.conftest import Serve
from tests.twins.erp.reading import read


async def test_a_world_is_made_kept_and_forgotten(serve: Serve) -> None:
    async with serve() as client:
        assert (await client.get("/health")).json() == {"ok": True}
        assert (await client.get("/world")).status_code == 404
        assert (await client.post("/exports/SHPCNF")).status_code == 409
        made = await client.post("/world", json={"seed": 5, "customers": 30, "items": 40, "orders": 20})
        assert len(made.json()["orders"]) == 20
        assert (await client.get("/world")).json() == made.json()
        await client.post("/reset")
        assert (await client.get("/world")).status_code == 404


async def test_an_export_answers_its_bytes_and_remembers_its_truth(serve: Serve) -> None:
    async with serve() as client:
        await client.post("/world", json={"seed": 5, "shipments": 9, "troubles": {"unknown_item": 1}})
        answer = await client.post("/exports/SHPCNF")
        assert answer.headers["X-Filename"] == "SHPCNF.S000101"
        truth = (await client.get("/truth/SHPCNF.S000101")).json()
        assert len(read(answer.content)) == truth["totals"]["shipments"] == 9
        assert truth["shipments"][0]["trouble"] == "unknown_item"
        for name in ("CUSMST", "ITMMST", "INV410R", "ORDACK", "RTNRCV"):
            assert (await client.post(f"/exports/{name}", json={})).status_code == 200
        listed = (await client.get("/exports")).json()["exports"]
        assert [export["name"] for export in listed] == ["SHPCNF", "CUSMST", "ITMMST", "INV410R", "ORDACK", "RTNRCV"]


async def test_the_sequence_goes_on_unless_another_is_asked_for(serve: Serve) -> None:
    async with serve() as client:
        await client.post("/world", json={"seed": 5, "orders": 60})
        bodies = ({"shipments": 3}, {"shipments": 3}, {"shipments": 3, "sequence": 300}, {"shipments": 3})
        answers = [await client.post("/exports/SHPCNF", json=body) for body in bodies]
        names = [answer.headers["X-Filename"] for answer in answers]
        assert names == [f"SHPCNF.S{number:06d}" for number in (101, 102, 300, 301)]


async def test_a_restart_forgets_nothing(serve: Serve, tmp_path: Path) -> None:
    database = str(tmp_path / "erp.db")
    async with serve(database) as client:
        before = (await client.post("/world", json={"seed": 9, "orders": 30})).json()
        first = (await client.post("/exports/SHPCNF", json={"shipments": 4})).content
        truth = (await client.get("/truth/SHPCNF.S000101")).json()
    async with serve(database) as client:
        assert (await client.get("/world")).json() == before
        assert (await client.get("/truth/SHPCNF.S000101")).json() == truth
        assert (await client.get("/exports/SHPCNF.S000101")).content == first
        second = await client.post("/exports/SHPCNF", json={"shipments": 4})
        assert second.headers["X-Filename"] == "SHPCNF.S000102"
        assert not {s.number for s in read(second.content)} & {s.number for s in read(first)}


async def test_a_seeded_world_is_taken_twice_as_once(serve: Serve, samples: Path) -> None:
    world = json.loads((samples / "world.json").read_text("utf-8"))
    async with serve() as client:
        for _ in range(2):
            answer = await client.post("/seed", json=world)
            assert answer.json() == {
                "ok": True, "items": 60, "customers": 25, "terms": 4, "warehouses": 3, "orders": 22,
            }  # fmt: skip
        assert (await client.get("/world")).json() == world
        answer = await client.post("/exports/ORDACK")
        told = {
            order["order_no"]: order["status"] for order in (await client.get("/truth/ORDACK.S000101")).json()["orders"]
        }
        assert {told["SO700364"], told["SO700367"]} == {"H", "R"}
        assert len(told) == 20
        assert answer.content.startswith(b"HDR|ORDACK|000101|")


async def test_impossible_and_unknown_wishes_are_refused(serve: Serve) -> None:
    async with serve() as client:
        await client.post("/world", json={})
        assert (await client.post("/exports/SHPCNF", json={"troubles": {"bad_luck": 1}})).status_code == 422
        assert (await client.post("/exports/SHPCNF", json={"shipment": 1})).status_code == 422
        assert (await client.post("/exports/NOTHING")).status_code == 422
        assert (await client.post("/exports/RTNRCV")).status_code == 409
        assert (await client.post("/exports/CUSMST", json={"drop": True})).status_code == 409
        assert (await client.get("/truth/SHPCNF.S000101")).status_code == 404


async def test_the_clock_dates_the_exports(serve: Serve) -> None:
    async with serve() as client:
        await client.patch("/clock", json={"now": "2026-12-24T17:30:00Z"})
        await client.post("/world", json={})
        answer = await client.post("/exports/INV410R")
        assert answer.headers["X-Filename"] == "INV410R.20261224.1230"
        assert b"AS OF 24-DEC-26 12:30:0" in answer.content


async def test_a_dropped_file_is_there_whole(serve: Serve, tmp_path: Path) -> None:
    async with serve(folder=tmp_path / "inbox") as client:
        await client.post("/world", json={})
        answer = await client.post("/exports/SHPCNF", json={"drop": True})
        assert (tmp_path / "inbox" / "SHPCNF.S000101").read_bytes() == answer.content
        assert [path.name for path in (tmp_path / "inbox").iterdir()] == ["SHPCNF.S000101"]


async def test_a_half_written_file_grows_until_it_is_whole(serve: Serve, tmp_path: Path) -> None:
    """Case F1: the file lies under its final name long before it is complete."""
    async with serve() as client:
        changed = {"drop_folder": str(tmp_path), "half_written": True, "grow_seconds": 1}
        assert (await client.patch("/settings", json=changed)).json().items() >= changed.items()
        await client.post("/world", json={})
        answer = await client.post("/exports/SHPCNF", json={"drop": True})
        path = tmp_path / "SHPCNF.S000101"
        assert len(path.read_bytes()) < len(answer.content)
        async with asyncio.timeout(10):
            while path.read_bytes() != answer.content:  # noqa: ASYNC110 - a file is watched, as the product does
                await asyncio.sleep(0.05)
