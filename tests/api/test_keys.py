"""API keys by HTTP: the secret is shown once, and a revoked or expired key is useless at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.served import Served, assert_problem


async def make(served: Served, **more: Any) -> httpx.Response:
    return await served.client.post("/keys", json={"name": "night job", "scopes": ["viewer"], **more})


async def works(served: Served, key: str) -> bool:
    answer = await served.client.get("/orders", headers={"X-API-Key": key})
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


async def test_a_key_is_made_listed_and_revoked(served: Served) -> None:
    answer = await make(served)
    assert answer.status_code == 201
    made = answer.json()
    assert await works(served, made["key"])
    listed = (await served.client.get("/keys")).json()
    assert [one["name"] for one in listed["items"]] == ["admin", "night job"]
    assert all("key" not in one for one in listed["items"])
    assert (await served.client.delete(f"/keys/{made['id']}")).status_code == 204
    assert not await works(served, made["key"])
    (revoked,) = (one for one in (await served.client.get("/keys")).json()["items"] if one["id"] == made["id"])
    assert revoked["revoked_at"]


async def test_a_key_may_end_by_itself(served: Served) -> None:
    made = (await make(served, expires_in_days=30)).json()
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"name": "   "}, "body.name"),
        ({"name": "x" * 81}, "body.name"),
        ({"name": "two\nlines"}, "body.name"),
        ({"scopes": []}, "body.scopes"),
        ({"scopes": ["root"]}, "body.scopes.0"),
        ({"expires_in_days": 0}, "body.expires_in_days"),
    ],
)
async def test_a_key_that_makes_no_sense(filled: Served, more: dict[str, Any], where: str) -> None:
    assert assert_problem(await make(filled, **more), 422, "invalid_request")["errors"][0]["where"] == where


async def test_nobody_revokes_the_key_in_hand(served: Served) -> None:
    (own,) = (await served.client.get("/keys")).json()["items"]
    assert_problem(await served.client.delete(f"/keys/{own['id']}"), 409, "duplicate")
    assert (await served.client.get("/keys")).status_code == 200


async def test_a_key_is_revoked_once(served: Served) -> None:
    made = (await make(served)).json()
    await served.client.delete(f"/keys/{made['id']}")
    assert_problem(await served.client.delete(f"/keys/{made['id']}"), 404, "missing")
    assert_problem(await served.client.delete("/keys/unknown"), 404, "missing")
