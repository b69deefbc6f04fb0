"""Layouts by HTTP: listed, checked, and a file looked at through one, with nothing applied or kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.erp.writer import FileWriter
from store.session import reading
from tests.api.served import ROOT, Served, assert_problem


async def test_layouts_in_use_are_listed(filled: Served) -> None:
    found = (await filled.client.get("/layouts")).json()["items"]
    names = [one["name"] for one in found]
    assert names == sorted(names)
    assert {"cusmst", "itmmst", "shpcnf"} <= set(names)
    (shipments,) = (one for one in found if one["name"] == "shpcnf")
    assert (shipments["version"], shipments["entity"]) == (1, "shipment_confirmation")
    assert shipments["digest"]
    assert {one["name"] for one in found if one["direction"] == "out"} == {"ordimp"}


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "layouts").glob("*.yaml")), ids=lambda path: path.stem)
async def test_a_layout_of_ours_is_good(filled: Served, path: Path) -> None:
    answer = await filled.client.post("/layouts/check", content=await asyncio.to_thread(path.read_bytes))
    assert answer.json() == {"ok": True, "problems": []}


@pytest.mark.parametrize(
    "content",
    [b" ", b"\x0c", b"layout: {", b"[" * 20_000, b"{a: " * 20_000, b"\xff\xfe\x00", b"layout: {id: x}", b"[" * 1000],
)
async def test_a_layout_that_is_wrong_says_why(filled: Served, content: bytes) -> None:
    answer = await filled.client.post("/layouts/check", content=content)
    assert answer.status_code == 200
    assert not answer.json()["ok"]
    assert answer.json()["problems"]


async def test_a_layout_is_bounded(filled: Served) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"#" * 65536

    for content in (b"#" * ((1 << 20) + 1), unannounced()):
        assert_problem(await filled.client.post("/layouts/check", content=content), 413, "too_large")


async def test_a_preview_shows_the_first_records_and_keeps_nothing(filled: Served, samples: Path) -> None:
    content = await asyncio.to_thread((samples / "SHPCNF.S000417").read_bytes)
    answer = await filled.client.post("/layouts/preview", params={"limit": 3}, content=content)
    assert answer.status_code == 200, answer.text
    records = answer.json()["records"]
    assert len(records) == 3
    assert filled.files == []
    with reading(filled.engine) as session:
        assert session.execute(text("SELECT count(*) FROM inbox")).scalar_one() == 0


async def test_a_preview_of_a_file_that_was_written(filled: Served) -> None:
    layout = filled.services.receiver.layouts.get("ordimp")
    content = FileWriter(layout).write([], 12, datetime(2026, 11, 20, tzinfo=UTC)).content
    records = (await filled.client.post("/layouts/preview", content=content)).json()["records"]
    assert [one["record"] for one in records] == ["head", "tail"]
    assert records[0]["values"]["sequence"] == 12


async def test_a_preview_of_what_no_layout_fits(filled: Served) -> None:
    document = assert_problem(await filled.client.post("/layouts/preview", content=b"who knows"), 422, "malformed")
    assert "shpcnf" in document["detail"]
    answer = await filled.client.post("/layouts/preview", params={"layout": "nope"}, content=b"x")
    assert_problem(answer, 404, "missing")


async def test_a_preview_is_bounded(filled: Served) -> None:
    headers = {"Content-Length": str((256 << 20) + 1)}
    assert_problem(await filled.client.post("/layouts/preview", content=b"x", headers=headers), 413, "too_large")
