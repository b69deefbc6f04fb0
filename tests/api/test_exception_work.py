"""Exceptions as work by HTTP: due times, rank, who took what, putting off, deciding many alike (G-I1, G-I2)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from activities.housekeeping import write_company
from domain.exception_work import CauseRule, ExceptionRules
from domain.exceptions import Cause, Choice
from store import exceptions
from tests.api import filling
from tests.api.served import Served, assert_problem

REASON = "agreed with the customer"


async def listed(served: Served, **params: object) -> list[str]:
    answer = await served.client.get("/exceptions", params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    return [one["record_key"] for one in answer.json()["items"]]


async def read(served: Served, exception_id: str, **params: str) -> dict[str, Any]:
    answer = await served.client.get(f"/exceptions/{exception_id}", params=params)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def post(served: Served, path: str, **body: Any) -> Any:
    return await served.client.post(f"/exceptions/{path}", json=body)


def opened(served: Served, key: str, **more: Any) -> str:
    with served.write() as session:
        return filling.exception(session, key, **more)


def aged(served: Served, exception_id: str, days: int) -> None:
    """It was opened so long ago."""
    with served.write() as session:
        statement = "UPDATE exceptions SET opened_at = opened_at - :days * interval '1 day', due_at = due_at - :days * interval '1 day' WHERE id = CAST(:id AS uuid)"  # noqa: E501
        session.execute(text(statement), {"days": days, "id": exception_id})


async def test_work_is_due_and_owned_by_the_rules_of_its_cause(served: Served) -> None:
    """G-I1: the default, a cause of its own, and open work when the rules change."""
    company = served.services.company
    rules = ExceptionRules(
        due_hours=Decimal(10), causes={Cause.PRICE_DIFFERS: CauseRule(owner="pricing", due_hours=Decimal(2))}
    )
    write_company(served.engine, company.model_copy(update={"exceptions": rules}))
    common, own = opened(served, "SH1"), opened(served, "SH2", cause=Cause.PRICE_DIFFERS)

    for item_id, owner, hours in ((common, "billing", 10), (own, "pricing", 2)):
        item = await read(served, item_id)
        due = datetime.fromisoformat(item["due_at"]) - datetime.fromisoformat(item["opened_at"])
        assert (item["owner"], due) == (owner, timedelta(hours=hours))

    write_company(served.engine, company.model_copy(update={"exceptions": ExceptionRules(due_hours=Decimal(1))}))
    item = await read(served, own)
    assert datetime.fromisoformat(item["due_at"]) - datetime.fromisoformat(item["opened_at"]) == timedelta(hours=1)


async def test_what_is_late_is_found(served: Served) -> None:
    """G-I1."""
    write_company(served.engine, served.services.company)
    late = opened(served, "LATE")
    opened(served, "FRESH")
    aged(served, late, 3)
    assert await listed(served, overdue=True) == ["LATE"]
    await post(served, f"{late}/resolve", choice="do_not_bill", reason=REASON)
    assert await listed(served, overdue=True, state="all") == []


async def test_rank_weighs_money_and_age(served: Served) -> None:
    """G-I1: ten times the money ranks like two days; page by page the same order."""
    cheap_old, dear_new = opened(served, "A", stake="9"), opened(served, "B", stake="99")
    opened(served, "C", stake="9")
    aged(served, cheap_old, 3)
    assert await listed(served, order="rank") == ["A", "B", "C"]
    aged(served, dear_new, 2)
    assert await listed(served, order="rank") == ["B", "A", "C"]
    found, cursor = [], None
    while cursor or not found:
        more = {"cursor": cursor} if cursor else {}
        page = (await served.client.get("/exceptions", params={"order": "rank", "limit": "1", **more})).json()
        found += [one["record_key"] for one in page["items"]]
        cursor = page["next"]
    assert found == ["B", "A", "C"]


async def test_work_is_taken_and_given_back(served: Served) -> None:
    """G-I1: with a note, once however often it is said; closed work is nobody's."""
    item_id = opened(served, "SH1")
    for _ in range(2):
        answer = await post(served, f"{item_id}/assign", assignee="ana", note="I ring them")
        assert answer.status_code == 200
    item = await read(served, item_id)
    assert item["assignee"] == "ana"
    assert [(one["by"], one["text"]) for one in item["notes"]] == [("admin", "I ring them")]
    assert await listed(served, assignee="ana") == ["SH1"]
    await post(served, f"{item_id}/assign", assignee=None)
    assert await listed(served, assignee="ana") == []
    await post(served, f"{item_id}/resolve", choice="do_not_bill", reason=REASON)
    assert_problem(await post(served, f"{item_id}/assign", assignee="bo"), 409, "duplicate")
    assert_problem(await post(served, "none/assign", assignee="bo"), 404, "missing")


async def test_what_is_put_off_comes_back_by_itself(served: Served) -> None:
    """G-I1: a snooze has an end, a reason, and a bound; seen again it stays out of sight."""
    item_id = opened(served, "SH1")
    until = datetime.now(UTC) + timedelta(seconds=1.5)
    answer = await post(served, f"{item_id}/snooze", until=until.isoformat(), reason="they answer on Monday")
    assert answer.json()["notes"][0]["text"] == "they answer on Monday"
    assert opened(served, "SH1") == item_id
    assert await listed(served, snoozed=False) == []
    assert await listed(served, snoozed=True) == await listed(served) == ["SH1"]
    await asyncio.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 0.05)
    assert await listed(served, snoozed=False) == ["SH1"]


@pytest.mark.parametrize("days", [-1, 91])
async def test_a_snooze_ends_ahead_and_not_too_far(served: Served, days: int) -> None:
    until = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    answer = await post(served, f"{opened(served, 'SH1')}/snooze", until=until, reason="some day")
    assert_problem(answer, 422, "malformed")


async def test_a_self_resolved_exception_says_why(served: Served) -> None:
    """G-I2: in a sentence that is stored and shown."""
    item_id = opened(served, "SH1")
    with served.write() as session:
        exceptions.close_by_itself(session, ("shipment", "SH1"), datetime.now(UTC))
    item = await read(served, item_id)
    assert (item["state"], item["closed_because"]) == ("self_resolved", "The ERP's master has it now.")


async def test_many_are_previewed_and_then_decided_alike(served: Served) -> None:
    """G-I1: a dry run says what would be, item by item; the real one wants the number it matched."""
    opened(served, "SH1")
    opened(served, "SH2", choices=(Choice.RETRY,))
    opened(served, "SH3")
    opened(served, "SH4", cause=Cause.PRICE_DIFFERS)
    body = {"cause": "unknown_item", "choice": "do_not_bill", "reason": REASON}

    dry = (await post(served, "resolve-many", **body)).json()
    assert (dry["dry_run"], dry["matched"], dry["resolved"]) == (True, 3, 0)
    assert sorted((one["record_key"], one["outcome"]) for one in dry["results"]) == [
        ("SH1", "would_resolve"),
        ("SH2", "refused"),
        ("SH3", "would_resolve"),
    ]
    assert len(await listed(served)) == 4

    assert_problem(await post(served, "resolve-many", **body, dry_run=False), 409, "duplicate")
    real = (await post(served, "resolve-many", **body, dry_run=False, expected=3)).json()
    assert (real["matched"], real["resolved"]) == (3, 2)
    refused = next(one for one in real["results"] if one["outcome"] == "refused")
    assert (refused["record_key"], "retry" in refused["detail"]) == ("SH2", True)
    assert sorted(await listed(served)) == ["SH2", "SH4"]
    assert sorted(await listed(served, state="resolved")) == ["SH1", "SH3"]


async def test_simply_everything_is_never_decided(served: Served) -> None:
    answer = await post(served, "resolve-many", choice="do_not_bill", reason=REASON)
    assert_problem(answer, 422, "malformed")


async def test_exceptions_are_read_as_of_a_time(served: Served) -> None:
    """G-B5: open then, resolved now, and not there before."""
    before = datetime.now(UTC).isoformat()
    item_id = opened(served, "SH1")
    then = datetime.now(UTC).isoformat()
    await post(served, f"{item_id}/resolve", choice="do_not_bill", reason=REASON)
    assert await listed(served, as_of=then) == ["SH1"]
    assert await listed(served, as_of=then, state="resolved") == []
    assert await listed(served, as_of=before) == []
    assert (await read(served, item_id, as_of=then))["state"] == "open"
    assert (await read(served, item_id))["state"] == "resolved"
    assert_problem(await served.client.get(f"/exceptions/{item_id}", params={"as_of": before}), 404, "missing")
    late = await served.client.get("/exceptions", params={"as_of": then, "overdue": "true"})
    assert_problem(late, 422, "malformed")
