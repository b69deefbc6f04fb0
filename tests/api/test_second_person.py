"""Decisions over much money by HTTP: proposed by one person, confirmed by another, never moved alone (feature G-C6)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from activities.housekeeping import write_company
from domain.company import Company
from domain.exceptions import Cause, Choice
from tests import build
from tests.api import filling
from tests.api.served import ROOT, Served, assert_problem, serving

LIMITED = "\n[approvals]\nmoney_limit = 1000\n"
DEAR = "1000.01"


def company_file(folder: Path, more: str = LIMITED) -> Path:
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    file = config / "company.toml"
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
    return config


@pytest.fixture
async def limited(database_url: str, temporal: str, tmp_path: Path) -> AsyncIterator[Served]:
    """An app by whose rules more than 1000.00 needs two people."""
    async with serving(database_url, temporal, tmp_path, config_dir=company_file(tmp_path)) as served:
        await asyncio.to_thread(write_company, served.engine, served.services.company)
        yield served


async def person(served: Served, name: str) -> dict[str, str]:
    answer = await served.client.post("/keys", json={"name": name, "scopes": ["operator"]})
    return {"X-API-Key": answer.json()["key"]}


async def decide(served: Served, exception_id: str, who: dict[str, str], choice: str, **more: Any) -> httpx.Response:
    body = {"choice": choice, "reason": "agreed with the customer", **more}
    return await served.client.post(f"/exceptions/{exception_id}/resolve", json=body, headers=who)


def opened(served: Served, key: str = "SH1", **given: Any) -> str:
    with served.write() as session:
        return filling.exception(session, key, **{"stake": DEAR, **given})


async def acts(served: Served) -> list[tuple[str, str]]:
    items = (await served.client.get("/audit", params={"record_type": "exception"})).json()["items"]
    return [(one["action"], one["actor"]) for one in reversed(items)]


async def test_one_person_proposes_and_another_one_confirms(limited: Served) -> None:
    """G-C6: visible to all meanwhile, and each step is in the audit trail."""
    exception_id = opened(limited)
    ana, bo = await person(limited, "ana"), await person(limited, "bo")
    first = (await decide(limited, exception_id, ana, "do_not_bill")).json()
    assert (first["state"], first["resolution"]) == ("open", None)
    opened(limited, "SH2")
    waiting = (await limited.client.get("/exceptions", params={"proposed": True})).json()["items"]
    assert [one["id"] for one in waiting] == [exception_id]
    untouched = (await limited.client.get("/exceptions", params={"proposed": False})).json()["items"]
    assert [one["record_key"] for one in untouched] == ["SH2"]
    shown = (await limited.client.get(f"/exceptions/{exception_id}")).json()
    assert shown["proposal"]["proposed_by"] == "ana"
    assert (shown["proposal"]["choice"], shown["proposal"]["money_at_stake"]) == ("do_not_bill", DEAR)
    again = (await decide(limited, exception_id, ana, "do_not_bill")).json()
    assert again["state"] == "open"
    second = (await decide(limited, exception_id, bo, "do_not_bill")).json()
    assert (second["state"], second["resolution"]["decided_by"]) == ("resolved", "bo")
    assert second["proposal"]["proposed_by"] == "ana"
    assert await acts(limited) == [("exception_proposed", "ana"), ("exception_resolved", "bo")]
    assert (await decide(limited, exception_id, bo, "do_not_bill")).status_code == 200, "said again, for a lost answer"


async def test_a_second_key_of_the_same_name_is_no_second_person(limited: Served) -> None:
    exception_id = opened(limited)
    for name in ("Ana", "ana", " A N A "):
        answer = await decide(limited, exception_id, await person(limited, name), "do_not_bill")
        assert answer.json()["state"] == "open"


async def test_another_choice_overrules_and_starts_anew(limited: Served) -> None:
    exception_id = opened(limited)
    ana, bo = await person(limited, "ana"), await person(limited, "bo")
    await decide(limited, exception_id, ana, "do_not_bill")
    overruled = (await decide(limited, exception_id, bo, "use_item", value="BOLT")).json()
    assert (overruled["state"], overruled["proposal"]["proposed_by"]) == ("open", "bo")
    assert (await decide(limited, exception_id, bo, "use_item", value="BOLT")).json()["state"] == "open"
    done = (await decide(limited, exception_id, ana, "use_item", value="BOLT")).json()
    assert (done["state"], done["resolution"]["value"]) == ("resolved", "BOLT")


async def test_who_proposed_takes_it_back_and_nobody_else(limited: Served) -> None:
    exception_id = opened(limited)
    ana, bo = await person(limited, "ana"), await person(limited, "bo")
    await decide(limited, exception_id, ana, "do_not_bill")
    path, body = f"/exceptions/{exception_id}/withdraw", {"reason": "a slip"}
    refused = await limited.client.post(path, json=body, headers=bo)
    assert assert_problem(refused, 422, "malformed")["reason"] == "not_yours"
    for _ in range(2):
        assert (await limited.client.post(path, json=body, headers=ana)).json()["proposal"] is None
    assert (await decide(limited, exception_id, bo, "do_not_bill")).json()["proposal"]["proposed_by"] == "bo"
    assert [act for act, _ in await acts(limited)] == ["exception_proposed"] * 3


async def test_what_moved_on_is_proposed_anew(limited: Served) -> None:
    """What the second person reads is what the first one read."""
    exception_id = opened(limited)
    ana, bo = await person(limited, "ana"), await person(limited, "bo")
    await decide(limited, exception_id, ana, "do_not_bill")
    assert opened(limited, stake="5000.00") == exception_id
    assert (await decide(limited, exception_id, bo, "do_not_bill")).json()["proposal"]["proposed_by"] == "bo"
    assert opened(limited, stake="10.00") == exception_id
    assert (await decide(limited, exception_id, bo, "do_not_bill")).json()["state"] == "resolved"
    stale = await decide(limited, opened(limited, "SH2"), ana, "do_not_bill", sentence="Something else.")
    assert assert_problem(stale, 409, "duplicate")["reason"] == "moved_on"


async def test_up_to_the_limit_and_without_money_one_person_is_enough(limited: Served) -> None:
    ana = await person(limited, "ana")
    for key, stake in (("SH1", "1000.00"), ("SH2", None)):
        assert (await decide(limited, opened(limited, key, stake=stake), ana, "do_not_bill")).json()[
            "state"
        ] == "resolved"


async def test_deciding_many_proposes_what_is_too_dear(limited: Served) -> None:
    opened(limited, "SH1")
    opened(limited, "SH2", stake="10.00")
    ana, bo = await person(limited, "ana"), await person(limited, "bo")
    body = {"cause": "unknown_item", "choice": "do_not_bill", "reason": "all samples"}

    async def many(who: dict[str, str], **more: Any) -> Any:
        answer = await limited.client.post("/exceptions/resolve-many", json={**body, **more}, headers=who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    dry = await many(ana)
    assert {one["record_key"]: one["outcome"] for one in dry["results"]} == {
        "SH1": "would_propose",
        "SH2": "would_resolve",
    }
    done = await many(ana, dry_run=False, expected=2)
    assert (done["resolved"], done["proposed"]) == (1, 1)
    assert (await many(ana, dry_run=False, expected=1))["proposed"] == 1
    assert (await many(bo, dry_run=False, expected=1))["resolved"] == 1


async def test_two_who_decide_at_once_are_two_and_one_who_does_is_one(limited: Served) -> None:
    exception_id = opened(limited)
    ana, bo = await person(limited, "ana"), await person(limited, "bo")
    alone = await asyncio.gather(*(decide(limited, exception_id, ana, "do_not_bill") for _ in range(5)))
    assert {one.json()["state"] for one in alone} == {"open"}
    both = await asyncio.gather(*(decide(limited, exception_id, bo, "do_not_bill") for _ in range(5)))
    assert {one.status_code for one in both} == {200}
    assert {one.json()["state"] for one in both} == {"resolved"}
    assert [act for act, _ in await acts(limited)].count("exception_resolved") == 1


async def test_billing_after_all_is_a_decision_over_money_too(limited: Served) -> None:
    ana, bo = await person(limited, "ana"), await person(limited, "bo")
    with limited.write() as session:
        filling.confirmed(session, build.shipment(number="SH1"))
        session.execute(text("UPDATE shipments SET state = 'not_billed' WHERE number = 'SH1'"))
    exception_id = opened(limited)
    for who in (ana, bo):
        await decide(limited, exception_id, who, "do_not_bill")
    for who in (bo, bo, ana):
        states = (await limited.client.get("/exceptions", params={"cause": "not_billed", "state": "all"})).json()
        assert all(one["state"] == "open" for one in states["items"]), "not by one person alone"
        answer = await limited.client.post("/shipments/SH1/reconsider", json={"reason": "a slip"}, headers=who)
        assert answer.status_code == 202, answer.text
    (one,) = (await limited.client.get("/exceptions", params={"cause": "not_billed", "state": "all"})).json()["items"]
    assert (one["state"], one["money_at_stake"], one["resolution"]["decided_by"]) == ("resolved", DEAR, "ana")


async def test_an_act_on_an_order_is_no_way_around(limited: Served) -> None:
    with limited.write() as session:
        filling.masters(session)
        filling.ordered(session, "SO-1")
    opened(limited, "SO-1", record_type="order", cause=Cause.ORDER_NEEDS_DECISION, choices=[Choice.RELEASE_ORDER])
    ana = await person(limited, "ana")
    body = {"act": "release", "reason": "they paid"}
    answer = await limited.client.post("/orders/SO-1/acts", json=body, headers=ana)
    assert assert_problem(answer, 422, "malformed")["reason"] == "second_person"


async def test_an_api_with_looser_rules_than_the_worker_is_held_to_the_workers(
    database_url: str, temporal: str, tmp_path: Path
) -> None:
    """Whoever changes a file beside one process moves nothing: the rules that a worker took were approved."""
    async with serving(database_url, temporal, tmp_path) as served:
        strict = Company.parse((ROOT / "config" / "company.toml").read_text(encoding="utf-8") + LIMITED)
        await asyncio.to_thread(write_company, served.engine, strict)
        ana = await person(served, "ana")
        assert (await decide(served, opened(served), ana, "do_not_bill")).json()["state"] == "open"


@pytest.mark.parametrize(
    "proposal",
    [
        "NULL",
        '\'{"choice": "use_item", "proposed_by": "ana", "money_at_stake": "1000.01"}\'',
        '\'{"choice": "do_not_bill", "proposed_by": "ana", "money_at_stake": "1.00"}\'',
        '\'{"choice": "do_not_bill", "proposed_by": " B o", "money_at_stake": "1000.01"}\'',
    ],
    ids=["nobody proposed", "another choice", "other money", "the same person"],
)
async def test_the_database_itself_lets_nobody_do_it_alone(limited: Served, proposal: str) -> None:
    exception_id = opened(limited)
    forced = text(
        "UPDATE exceptions SET state = 'resolved', closed_at = now(), "
        f"proposal = CAST({proposal} AS jsonb), "
        'resolution = \'{"choice": "do_not_bill", "decided_by": "bo"}\' WHERE id = :id'
    )
    with limited.engine.begin() as connection, pytest.raises(IntegrityError, match="two_people"):
        connection.execute(forced, {"id": exception_id})
