"""Files by HTTP: committed before the answer, once per content, in constant memory, whatever their name says."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from api.uploads import AT_ONCE, Uploads, shown_name
from domain.errors import Unavailable
from store.session import reading
from tests.api import filling
from tests.api.served import Served, assert_problem, over_a_socket, until

CONTENT = b"H1THWSHPCNF000417" + b" " * 123 + b"\r\n"  # enough for the layout to be known by it


async def send(served: Served, content: bytes = CONTENT, name: str = "unnamed") -> httpx.Response:
    return await served.client.post("/erp/files", content=content, headers=named(name))


def named(name: str, **more: str) -> httpx.Headers:
    """The headers of a file with this name, in UTF-8."""
    return httpx.Headers({"X-Filename": name, **more}, encoding="utf-8")


def inbox(served: Served) -> list[Any]:
    with reading(served.engine) as session:
        return list(session.execute(text("SELECT * FROM inbox ORDER BY id")))


def count(served: Served, table: str) -> int:
    with reading(served.engine) as session:
        found: int = session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        return found


async def test_a_file_is_accepted_committed_and_started(served: Served) -> None:
    answer = await send(served, name="SHPCNF.S000417")
    assert answer.status_code == 202
    accepted = answer.json()
    digest = sha256(CONTENT).hexdigest()
    assert accepted == {
        "file_id": accepted["file_id"],
        "workflow_id": f"erp-file/{digest}",
        "status_url": f"/erp/files/{accepted['file_id']}",
        "duplicate": False,
        "layout": "shpcnf",
    }
    assert answer.headers["location"] == accepted["status_url"]
    (row,) = inbox(served)
    assert (row.workflow_id, row.workflow_type) == (accepted["workflow_id"], "ErpFile")
    assert row.started_at is not None
    described = await served.services.client.get_workflow_handle(accepted["workflow_id"]).describe()
    assert described.workflow_type == "ErpFile"
    assert [path.name for path in served.files] == [digest]


async def test_the_status_address_tells_how_far_it_is(served: Served) -> None:
    accepted = (await send(served, name="SHPCNF.S000417")).json()
    status = (await served.client.get(accepted["status_url"])).json()
    assert (status["state"], status["filename"], status["arrived_by"]) == ("received", "SHPCNF.S000417", "http")
    assert (status["byte_count"], status["sha256"]) == (len(CONTENT), sha256(CONTENT).hexdigest())
    assert status["shipments"] == {}
    assert [name["filename"] for name in status["names"]] == ["SHPCNF.S000417"]


async def test_the_same_bytes_again_do_nothing_case_f4(served: Served) -> None:
    first = await send(served, name="SHPCNF.S000417")
    second = await send(served, name="copy of SHPCNF.S000417")
    assert second.status_code == 200
    assert second.json() == first.json() | {"duplicate": True}
    assert len(inbox(served)) == 1
    detail = (await served.client.get(first.json()["status_url"])).json()
    assert [name["filename"] for name in detail["names"]] == ["SHPCNF.S000417", "copy of SHPCNF.S000417"]


async def test_the_same_bytes_twice_at_once_are_one_file_case_f4(served: Served) -> None:
    answers = await asyncio.gather(*(send(served, name=f"n{n}") for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 202]
    assert len({answer.json()["file_id"] for answer in answers}) == 1
    assert (count(served, "source_files"), count(served, "inbox"), len(served.files)) == (1, 1, 1)


async def test_a_named_layout_needs_no_recognition(served: Served) -> None:
    answer = await served.client.post("/erp/files", params={"layout": "itmmst"}, content=b"anything at all")
    assert (answer.status_code, answer.json()["layout"]) == (202, "itmmst")


async def test_an_unknown_layout_is_refused_before_the_body_is_read(served: Served) -> None:
    async def never() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    answer = await served.client.post("/erp/files", params={"layout": "nope"}, content=never())
    document = assert_problem(answer, 404, "missing")
    assert "shpcnf" in document["detail"]


async def test_what_no_layout_fits_names_those_that_there_are_and_leaves_nothing(served: Served) -> None:
    document = assert_problem(await send(served, b"who knows", name="a.txt"), 422, "malformed")
    assert document["reason"] == "layout_unknown"
    assert all(name in document["detail"] for name in ("a.txt", "cusmst", "itmmst", "shpcnf"))
    assert served.files == []
    assert count(served, "source_files") == 0


async def test_an_empty_body_is_refused_case_f13(served: Served) -> None:
    for layout in (None, "shpcnf"):
        answer = await served.client.post("/erp/files", params={"layout": layout} if layout else {}, content=b"")
        assert assert_problem(answer, 422, "malformed")["reason"] == "file_empty"
    assert served.files == []


async def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(served: Served) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        yield CONTENT
        yield b" " * 1000

    object.__setattr__(served.services.receiver, "max_bytes", 1000)  # the real bound is 8 GiB
    assert_problem(await send(served, CONTENT + b" " * 1000), 413, "too_large")
    assert_problem(await served.client.post("/erp/files", content=unannounced()), 413, "too_large")
    assert served.files == []


async def test_a_large_file_never_lies_in_memory(served: Served) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield CONTENT
        block = bytes(65536)
        for _ in range(1024):  # 64 MiB
            yield block

    tracemalloc.start()
    try:
        answer = await served.client.post("/erp/files", content=content())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == 202
    assert served.files[0].stat().st_size == (64 << 20) + len(CONTENT)
    assert peak < 8 << 20


async def test_a_sender_that_goes_away_leaves_nothing_behind(served: Served) -> None:
    async with over_a_socket(served.app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        key = served.key_for("ingest")
        head = f"POST /erp/files HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: 1000000\r\n\r\n"
        writer.write(head.encode() + CONTENT + bytes(200_000))
        await writer.drain()
        await until(lambda: served.files)
        writer.close()
        await until(lambda: not served.files)
    assert (count(served, "source_files"), count(served, "inbox")) == (0, 0)
    assert served.services.uploads.count == 0


async def test_a_file_over_a_socket_with_a_name_in_unicode(served: Served) -> None:
    headers = named("Lieferung März.txt", **served.as_scope("ingest"))
    async with over_a_socket(served.app) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.post("/erp/files", content=CONTENT, headers=headers)
    assert answer.status_code == 202
    detail = (await served.client.get(answer.json()["status_url"])).json()
    assert detail["filename"] == "Lieferung März.txt"


async def test_a_file_is_safe_while_temporal_is_away(without_temporal: Served) -> None:
    answer = await send(without_temporal)
    assert answer.status_code == 202
    (row,) = inbox(without_temporal)
    assert row.started_at is None  # the sweep starts it
    again = await send(without_temporal)
    assert (again.status_code, again.json()["duplicate"]) == (200, True)


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("SHPCNF.S000417", "SHPCNF.S000417"),
        ("../../etc/passwd", "passwd"),
        (r"C:\exports\SHPCNF.S000417", "SHPCNF.S000417"),
        ("a\tb\x07c.txt", "abc.txt"),
        ("März.txt".encode().decode("latin-1"), "März.txt"),
        ("März.txt".encode("latin-1").decode("latin-1"), "März.txt"),
        ("UTF-8''%E6%97%A5%E6%9C%AC.txt", "日本.txt"),
        ("utf-8'en'..%2F..%2Fx", "x"),
        ("UTF-8''%FF%00", "\ufffd"),
        ("100%25.txt", "100%25.txt"),
        ("evil\u202etxt.exe".encode().decode("latin-1"), "eviltxt.exe"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("folder/", "unnamed"),
        ("   ", "unnamed"),
    ],
)
def test_a_name_is_only_shown_and_harmless(header: str, shown: str) -> None:
    assert shown_name(header) == shown


def test_a_long_name_keeps_its_ending() -> None:
    name = shown_name("x" * 300 + ".S000417")
    assert len(name) == 200
    assert name.endswith(".S000417")
    assert "…" in name


async def test_files_are_listed_newest_first_by_layout_and_state(served: Served) -> None:
    with served.write() as session:
        ids = [str(filling.source_file(session, layout=layout)) for layout in ("shpcnf", "cusmst", "shpcnf")]
        filling.rejected(session, UUID(ids[0]), 1)
    assert await listed(served, "/erp/files") == set(ids)
    assert await listed(served, "/erp/files", layout="cusmst") == {ids[1]}
    assert await listed(served, "/erp/files", state="read") == {ids[0]}
    assert await listed(served, "/erp/files", state="refused") == set()


async def test_pages_of_files_follow_each_other_while_new_ones_come(served: Served) -> None:
    known: list[str] = []
    for _ in range(5):
        with served.write() as session:
            known.insert(0, str(filling.source_file(session)))
    first = (await served.client.get("/erp/files", params={"limit": 2})).json()
    with served.write() as session:
        filling.source_file(session)
    second = (await served.client.get("/erp/files", params={"limit": 2, "cursor": first["next"]})).json()
    third = (await served.client.get("/erp/files", params={"limit": 2, "cursor": second["next"]})).json()
    assert [one["file_id"] for page in (first, second, third) for one in page["items"]] == known
    assert third["next"] is None


async def test_rejects_are_told_in_file_order_page_by_page(served: Served) -> None:
    with served.write() as session:
        file_id = filling.source_file(session)
        filling.rejected(session, file_id, 5)
    found, cursor = [], None
    for _ in range(3):
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await served.client.get(f"/erp/files/{file_id}/rejects", params=params)).json()
        found += page["items"]
        cursor = page["next"]
    assert [one["line"] for one in found] == [1, 2, 3, 4, 5]
    assert cursor is None
    where = {name: found[0][name] for name in ("field", "column_from", "column_to", "code", "text")}
    assert where == {"field": "qty", "column_from": 20, "column_to": 29, "code": "E_NUM", "text": "12A"}
    assert found[0]["remedy"]


async def test_rejects_of_an_unknown_file(served: Served) -> None:
    path = "/erp/files/00000000-0000-4000-8000-000000000000"
    assert_problem(await served.client.get(path), 404, "missing")
    assert_problem(await served.client.get(f"{path}/rejects"), 404, "missing")


async def test_slow_senders_cannot_take_every_thread() -> None:
    uploads, over = Uploads(2), asyncio.Event()
    loop = asyncio.get_running_loop()

    def stay() -> None:
        asyncio.run_coroutine_threadsafe(over.wait(), loop).result()

    under_way = [asyncio.create_task(uploads.run(stay)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="2 files are being received"):
        await uploads.run(stay)
    over.set()
    await asyncio.gather(*under_way)
    assert await uploads.run(lambda: "free again") == "free again"
    uploads.close()
    assert AT_ONCE > 2


async def test_a_body_that_stops_coming_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stalls() -> AsyncIterator[bytes]:
        yield CONTENT
        await asyncio.sleep(5)
        yield b"late"

    monkeypatch.setattr("api.uploads.STALLED_SECONDS", 0.1)
    answer = await served.client.post("/erp/files", content=stalls())
    assert_problem(answer, 408, "upload_stalled")
    assert served.files == []


async def listed(served: Served, path: str, **params: str) -> set[str]:
    answer = await served.client.get(path, params=params)
    assert answer.status_code == 200
    return {one["file_id"] for one in answer.json()["items"]}
