"""Links by HTTP: proposed by a run, confirmed one by one or many at once, never two partners."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from domain.exceptions import Cause
from store import balances, cursors
from tests import build
from tests.api import filling
from tests.api.served import Served, assert_problem


def pair(local_key: str = "BOLT", external_id: str = "7", **more: str) -> dict[str, Any]:
    return {"kind": "item", "system": "quickbooks", "local_key": local_key, "external_id": external_id, **more}


async def confirm(served: Served, *given: dict[str, Any]) -> httpx.Response:
    if len(given) == 1:
        return await served.client.post("/links/confirm", json=given[0])
    return await served.client.post("/links/import", json=list(given))


async def listed(served: Served, **params: str) -> list[tuple[str, str]]:
    answer = await served.client.get("/links", params=params)
    assert answer.status_code == 200
    return [(one["local_key"], one["state"]) for one in answer.json()["items"]]


async def test_links_and_proposals_are_listed_with_their_score(served: Served) -> None:
    with served.write() as session:
        filling.proposals(session, "BOLT", "WASHER")
    await confirm(served, pair("NUT/3-8", "9"))
    assert await listed(served) == [("BOLT", "proposed"), ("NUT/3-8", "confirmed"), ("WASHER", "proposed")]
    assert await listed(served, state="confirmed") == [("NUT/3-8", "confirmed")]
    assert await listed(served, kind="customer") == []
    assert await listed(served, system="salesforce") == []
    first = (await served.client.get("/links", params={"limit": 1})).json()
    assert (first["items"][0]["score"], first["items"][0]["external_id"]) == ("0.95", "qb-BOLT")
    assert (await listed(served, cursor=first["next"]))[0] == ("NUT/3-8", "confirmed")


@pytest.mark.parametrize(
    ("wanted", "workflow_id"), [(False, "links-match/propose"), (True, "links-match/accept-exact")]
)
async def test_a_linking_run_is_started_once(filled: Served, wanted: bool, workflow_id: str) -> None:
    for _ in range(2):
        answer = await filled.client.post("/links/match", json={"accept_exact": wanted})
        assert answer.status_code == 202
        assert answer.json() == {"workflow_id": workflow_id, "status_url": f"/workflows/{workflow_id}"}
        assert answer.headers["location"] == f"/workflows/{workflow_id}"
    assert (await filled.client.get(f"/workflows/{workflow_id}")).json()["status"] == "running"


async def test_a_run_cannot_be_started_while_temporal_is_away(without_temporal: Served) -> None:
    for path in ("/links/match", "/orders/pull"):
        answer = await without_temporal.client.post(path, json={})
        assert_problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"]


async def test_a_pair_is_confirmed_and_its_rivals_are_dropped(served: Served) -> None:
    with served.write() as session:
        filling.proposals(session, "BOLT")
    answer = await confirm(served, pair(external_name="Bolt 3/8"))
    assert answer.status_code == 200
    assert answer.json() == pair(external_name="Bolt 3/8", role="own")
    assert await listed(served) == [("BOLT", "confirmed")]
    assert (await confirm(served, pair())).status_code == 200  # again: nothing changes


@pytest.mark.parametrize("rival", [pair("BOLT", "8"), pair("NUT", "7")])
async def test_neither_side_has_two_partners(served: Served, rival: dict[str, Any]) -> None:
    await confirm(served, pair())
    document = assert_problem(await confirm(served, rival), 409, "duplicate")
    assert document["reason"] == "link_taken"
    assert await listed(served) == [("BOLT", "confirmed")]


async def test_many_pairs_are_confirmed_all_or_none(served: Served) -> None:
    answer = await confirm(served, pair("A", "1"), pair("B", "2"), pair("A", "1"))
    assert answer.json() == {"confirmed": 2}
    assert_problem(await confirm(served, pair("C", "3"), pair("D", "1")), 409, "duplicate")
    assert_problem(await confirm(served, pair("E", "5"), pair("F", "5")), 409, "duplicate")
    assert await listed(served) == [("A", "confirmed"), ("B", "confirmed")]
    assert (await confirm(served, pair("A", "1"), pair("C", "3"))).json() == {"confirmed": 1}


def branch(local_key: str, **more: str) -> dict[str, Any]:
    """A branch whose invoices are booked under customer 58 of QuickBooks."""
    return pair(local_key, "58", kind="customer", role="billed_to") | more


async def test_branches_are_billed_to_the_record_of_their_head_office(served: Served) -> None:
    """Case M6: by one call or by many, listed by role, and a record is one customer's own as ever."""
    assert (await confirm(served, branch("EAST"))).json()["role"] == "billed_to"
    assert (await confirm(served, branch("WEST"), branch("HEAD", role="own"))).json() == {"confirmed": 2}
    assert await listed(served, role="billed_to") == [("EAST", "confirmed"), ("WEST", "confirmed")]
    assert await listed(served, role="own") == [("HEAD", "confirmed")]
    assert await listed(served, role="own", as_of=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}") == [
        ("HEAD", "confirmed")
    ]
    document = assert_problem(await confirm(served, branch("OTHER", role="own")), 409, "duplicate")
    assert document["reason"] == "link_taken"


async def test_a_role_is_changed_by_retiring_the_link_and_confirming_it_again(served: Served) -> None:
    """Case M6: a link that stands is not turned into something else by the way."""
    await confirm(served, branch("EAST"))
    document = assert_problem(await confirm(served, branch("EAST", role="own")), 409, "duplicate")
    assert (document["reason"], "retire it first" in document["detail"]) == ("link_role", True)
    old = {name: value for name, value in branch("EAST").items() if name != "role"}
    assert (await served.client.post("/links/retire", json=old | {"reason": "it is its own"})).status_code == 204
    assert (await confirm(served, branch("EAST", role="own"))).json()["role"] == "own"
    assert await listed(served, role="own") == [("EAST", "confirmed")]


@pytest.mark.parametrize("changes", [{"kind": "item"}, {"kind": "terms"}, {"system": "salesforce"}])
async def test_nothing_but_a_customer_of_quickbooks_has_branches(served: Served, changes: dict[str, str]) -> None:
    document = assert_problem(await confirm(served, branch("EAST", **changes)), 422, "malformed")
    assert document["reason"] == "link_role"
    assert await listed(served) == []


async def test_a_branch_owes_nothing_by_the_word_of_quickbooks(served: Served) -> None:
    """Case M6, O17: the balance is the head office's; what a record of the branch's own had is no news of it."""
    with served.write() as session:
        balances.keep(session, {number: (Decimal("5.00"), datetime.now(UTC)) for number in ("EAST", "HEAD")})
    await confirm(served, branch("EAST"), branch("HEAD", role="own"))
    with served.write() as session:
        assert list(balances.get_many(session, ["EAST", "HEAD"])) == ["HEAD"]
        assert cursors.noted(session, cursors.CUSTOMERS_TO_LOOK) == ["EAST"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"system": "erp"}, "body.system"),
        ({"role": "ship_to"}, "body.role"),
        ({"kind": "order"}, "body.kind"),
        ({"local_key": ""}, "body.local_key"),
        ({"external_id": "x" * 101}, "body.external_id"),
    ],
)
async def test_a_pair_that_cannot_be_one(filled: Served, changes: dict[str, str], where: str) -> None:
    document = assert_problem(await confirm(filled, pair() | changes), 422, "invalid_request")
    assert document["errors"][0]["where"] == where


async def test_the_row_of_an_import_that_is_wrong_is_named(filled: Served) -> None:
    answer = await confirm(filled, pair("A", "1"), pair("B", ""))
    assert assert_problem(answer, 422, "invalid_request")["errors"][0]["where"] == "body.1.external_id"


async def test_shipments_that_waited_for_a_link_look_again(served: Served) -> None:
    with served.write() as session:
        filling.confirmed(session, build.shipment(number="SH-LINKED"))
        filling.exception(session, "SH-LINKED", cause=Cause.ITEM_NOT_LINKED)
    await confirm(served, pair())
    described = await served.services.client.get_workflow_handle("shipment/SH-LINKED").describe()
    assert described.workflow_type == "ShipmentInvoicing"


async def test_a_link_stands_while_temporal_is_away(without_temporal: Served) -> None:
    with without_temporal.write() as session:
        filling.confirmed(session, build.shipment())
        filling.exception(session, "SH1", cause=Cause.ITEM_NOT_LINKED)
    assert (await confirm(without_temporal, pair())).status_code == 200
    assert await listed(without_temporal) == [("BOLT", "confirmed")]


async def retire(served: Served, **changes: str) -> httpx.Response:
    return await served.client.post("/links/retire", json=pair(reason="it is another bolt") | changes)


async def test_a_wrong_link_is_retired_and_frees_both_sides(served: Served) -> None:
    await confirm(served, pair())
    answer = await retire(served)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await listed(served) == [("BOLT", "retired")]
    assert (await confirm(served, pair("BOLT", "8"))).status_code == 200
    assert (await confirm(served, pair("NUT", "7"))).status_code == 200
    assert await listed(served, state="confirmed") == [("BOLT", "confirmed"), ("NUT", "confirmed")]


async def test_a_retired_link_may_be_confirmed_again(served: Served) -> None:
    await confirm(served, pair())
    await retire(served)
    assert (await confirm(served, pair())).status_code == 200
    assert await listed(served) == [("BOLT", "confirmed")]


async def test_only_a_link_in_use_is_retired(served: Served) -> None:
    with served.write() as session:
        filling.proposals(session, "WASHER")
    await confirm(served, pair())
    for changes in (
        {"external_id": "8"},
        {"system": "salesforce"},
        {"local_key": "WASHER", "external_id": "qb-WASHER"},  # proposed, never confirmed
    ):
        assert assert_problem(await retire(served, **changes), 404, "missing")["reason"] == "link"
    assert (await retire(served)).status_code == 204
    assert_problem(await retire(served), 404, "missing")


@pytest.mark.parametrize("reason", ["", "no", "   "])
async def test_retiring_needs_a_reason(filled: Served, reason: str) -> None:
    document = assert_problem(await retire(filled, reason=reason), 422, "invalid_request")
    assert document["errors"][0]["where"] == "body.reason"
