"""The command line's client against the real app over a socket: what one writes, the other reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.http import Api, ApiProblemError
from tests.api import filling
from tests.api.served import ADMIN_KEY, Served, over_a_socket
from tests.api.test_files import CONTENT


@pytest.fixture(scope="module")
async def api(filled: Served) -> AsyncIterator[Api]:
    """The client with the admin's key."""
    async with over_a_socket(filled.app) as port:
        with Api(f"http://127.0.0.1:{port}", ADMIN_KEY) as client:
            yield client


@pytest.mark.parametrize("name", ["SHPCNF.S000417", "Lieferung März 100%.txt", "日本.txt", "tab\there.txt"])
async def test_a_file_keeps_its_name(filled: Served, api: Api, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(CONTENT + name.encode())
    accepted = await asyncio.to_thread(api.send_file, "/erp/files", file)
    assert not accepted["duplicate"]
    status = await asyncio.to_thread(api.get, accepted["status_url"])
    assert status["filename"] == name.replace("\t", "")
    assert await asyncio.to_thread(lambda: next(iter(api.watch(accepted["status_url"], seconds=5)))) == status


async def test_every_page_is_followed(filled: Served, api: Api) -> None:
    with filled.write() as session:
        filling.rejected(session, file_id := filling.source_file(session), 401)
    found = await asyncio.to_thread(lambda: list(api.items(f"/erp/files/{file_id}/rejects")))
    assert [one["line"] for one in found] == list(range(1, 402))
    assert len(await asyncio.to_thread(lambda: list(api.items(f"/erp/files/{file_id}/rejects", 7)))) == 7


async def test_a_problem_comes_with_its_remedy(api: Api) -> None:
    with pytest.raises(ApiProblemError) as raised:
        await asyncio.to_thread(api.get, "/shipments/none")
    document = raised.value.document()
    assert (document["status"], document["code"]) == (404, "missing")
    assert "none" in str(raised.value)
    assert document["remedy"]


async def test_a_key_is_made_and_revoked(api: Api) -> None:
    made = await asyncio.to_thread(api.post, "/keys", {"name": "short", "scopes": ["viewer"]})
    assert await asyncio.to_thread(api.delete, f"/keys/{made['id']}") == {}
