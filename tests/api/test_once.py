"""The same request twice is done once: where it is named, also when it has no key of its own business."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text, update

from domain.errors import Unavailable
from store import request_keys
from store.session import reading
from store.tables.access import ApiKeyRow, RequestKeyRow
from store.tables.reconciliation import ReconciliationRow
from tests.api import filling
from tests.api.served import Served, assert_problem

NAME = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


def opened(served: Served) -> str:
    with served.write() as session:
        return filling.exception(session)


async def noted(served: Served, item: str, words: str = "rang, no answer", **headers: str) -> httpx.Response:
    return await served.client.post(f"/exceptions/{item}/notes", json={"text": words}, headers={**NAME, **headers})


async def notes_of(served: Served, item: str) -> list[str]:
    answer = await served.client.get(f"/exceptions/{item}")
    return [one["text"] for one in answer.json()["notes"]]


async def test_the_same_request_is_done_once_and_answered_the_same(served: Served) -> None:
    item = opened(served)
    first, second = await noted(served, item), await noted(served, item)
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert await notes_of(served, item) == ["rang, no answer"]


async def test_an_old_request_that_comes_late_changes_nothing(served: Served) -> None:
    """Without its name it would be a third note: only the newest is known by its words."""
    item = opened(served)
    await noted(served, item)
    await served.client.post(f"/exceptions/{item}/notes", json={"text": "rang again, got through"})
    late = await noted(served, item)
    assert [one["text"] for one in late.json()["notes"]] == ["rang, no answer"]
    assert await notes_of(served, item) == ["rang, no answer", "rang again, got through"]


async def test_many_at_once_are_one(served: Served) -> None:
    item = opened(served)
    answers = await asyncio.gather(*(noted(served, item) for _ in range(8)))
    assert {one.status_code for one in answers} == {200}
    assert len({one.text for one in answers}) == 1
    assert await notes_of(served, item) == ["rang, no answer"]


async def test_a_name_stands_for_one_request(served: Served) -> None:
    item, other = opened(served), opened(served)
    await noted(served, item)
    assert_problem(await noted(served, item, "something else"), 409, "key_reused")
    assert_problem(await noted(served, other), 409, "key_reused")
    assert await notes_of(served, other) == []


async def test_a_name_is_the_callers_own(served: Served) -> None:
    item = opened(served)
    await noted(served, item)
    assert (await noted(served, item, "mine", **served.as_scope("operator"))).status_code == 200
    assert await notes_of(served, item) == ["rang, no answer", "mine"]


async def test_what_was_refused_left_the_name_free(served: Served) -> None:
    item = opened(served)
    assert_problem(await noted(served, "00000000-0000-4000-8000-000000000000"), 404, "missing")
    assert (await noted(served, item)).status_code == 200


async def test_who_dies_in_between_leaves_nothing_behind(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever dies after the work and before the commit has neither written the note nor taken the name."""
    item = opened(served)

    def dies(*_: Any) -> None:
        raise Unavailable("The connection broke.")

    with monkeypatch.context() as patch:
        patch.setattr(request_keys, "keep", dies)
        assert_problem(await noted(served, item), 503, "unavailable")
    assert await notes_of(served, item) == []
    assert (await noted(served, item)).status_code == 200
    assert await notes_of(served, item) == ["rang, no answer"]


async def test_after_a_day_a_name_is_free_again_and_old_ones_are_dropped(served: Served) -> None:
    item = opened(served)
    await noted(served, item)
    with served.write() as session:
        session.execute(update(RequestKeyRow).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
        session.execute(
            text(
                "INSERT INTO request_keys (caller, key, digest, expires_at)"
                " SELECT 'gone', number::text, '', now() - interval '1 hour' FROM generate_series(1, 250) number"
            )
        )
    await noted(served, item, "tomorrow")
    assert await notes_of(served, item) == ["rang, no answer", "tomorrow"]
    with reading(served.engine) as session:
        left = len(session.scalars(select(RequestKeyRow.key)).all())
    assert left == 1 + 250 - (request_keys.CLEARED_AT_ONCE - 1)


async def test_a_secret_is_never_kept(served: Served) -> None:
    asked = {"name": "nightly", "scopes": ["ingest"]}
    made = await served.client.post("/keys", json=asked, headers=NAME)
    again = await served.client.post("/keys", json=asked, headers=NAME)
    assert made.headers["location"] == f"/keys/{made.json()['id']}"
    assert made.json()["id"] in assert_problem(again, 409, "duplicate")["detail"]
    with reading(served.engine) as session:
        assert made.json()["key"] not in str(session.scalars(select(RequestKeyRow.result)).all())
        assert len(session.scalars(select(ApiKeyRow).where(ApiKeyRow.name == "nightly")).all()) == 1


async def test_a_snooze_that_comes_again_writes_no_second_note(served: Served) -> None:
    item = opened(served)
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for _ in range(2):
        given = {"until": until, "reason": "The customer answers on Monday"}
        assert (await served.client.post(f"/exceptions/{item}/snooze", json=given, headers=NAME)).status_code == 200
    assert len(await notes_of(served, item)) == 1


async def test_a_reconciliation_that_was_asked_for_is_not_asked_for_again(served: Served) -> None:
    first = await served.client.post("/reconciliations", headers=NAME)
    with served.write() as session:
        session.execute(update(ReconciliationRow).values(state="failed", error="it was cut off"))
    second = await served.client.post("/reconciliations", headers=NAME)
    assert (second.status_code, second.json()) == (202, first.json())
    third = await served.client.post("/reconciliations")
    assert third.json() != first.json()


async def test_a_shipment_is_put_back_into_billing_once(served: Served) -> None:
    with served.write() as session:
        filling.one_of_everything(session)
        filling.not_billed(session, "SH2")
    why = {"reason": "the warranty claim was refused"}
    answers = [await served.client.post("/shipments/SH2/reconsider", json=why, headers=NAME) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202]
    found = (await served.client.get("/exceptions", params={"state": "all", "record_key": "SH2"})).json()["items"]
    assert sum((one["resolution"] or {}).get("choice") == "bill_again" for one in found) == 1


@pytest.mark.parametrize("name", ["", "x" * 201, "a b", "\t"])
async def test_a_name_is_plain(filled: Served, name: str) -> None:
    answer = await filled.client.post("/reconciliations", headers={"Idempotency-Key": name})
    assert_problem(answer, 422, "invalid_request")
