"""Exceptions by HTTP: found by what they are about, decided once, and the work that waits is woken."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError

from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from runtime import metrics
from store import exceptions, statements
from tests import build
from tests.api import filling
from tests.api.served import Served, assert_problem

REASON = "agreed with the customer"


async def resolve(served: Served, exception_id: str, choice: str, **more: Any) -> httpx.Response:
    body = {"choice": choice, "reason": REASON, **more}
    return await served.client.post(f"/exceptions/{exception_id}/resolve", json=body)


async def listed(served: Served, **params: object) -> list[str]:
    answer = await served.client.get("/exceptions", params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200
    return [one["record_key"] for one in answer.json()["items"]]


async def events_of(served: Served, workflow_id: str) -> list[int]:
    history = await served.services.client.get_workflow_handle(workflow_id).fetch_history()
    return [event.event_type for event in history.events]


async def test_exceptions_are_filtered_and_ordered(served: Served) -> None:
    for key, stake, more in (
        ("SH1", "10.00", {}),
        ("SH2", None, {"cause": Cause.PRICE_DIFFERS}),
        ("SH3", "900.00", {"cause": Cause.INVOICE_UNCERTAIN, "kind": ExceptionKind.UNCERTAIN}),
    ):
        with served.write() as session:
            last = filling.exception(session, key, stake=stake, **more)
    assert await listed(served) == ["SH3", "SH2", "SH1"]
    assert await listed(served, by_money=True) == ["SH3", "SH1", "SH2"]
    assert await listed(served, kind="hold") == ["SH2", "SH1"]
    assert await listed(served, cause="price_differs") == ["SH2"]
    assert await listed(served, state="resolved") == []
    await resolve(served, last, "do_not_bill")
    assert await listed(served) == ["SH2", "SH1"]
    assert await listed(served, state="resolved") == ["SH3"]
    assert await listed(served, state="all") == ["SH3", "SH2", "SH1"]


@pytest.mark.parametrize("by_money", [False, True])
async def test_pages_of_exceptions_add_up(served: Served, by_money: bool) -> None:
    with served.write() as session:
        for n in range(5):
            filling.exception(session, f"SH{n}", stake=f"{n % 2}.00")
    whole, cursor = [], None
    while True:
        params = {"limit": "2", "by_money": str(by_money), **({"cursor": cursor} if cursor else {})}
        page = (await served.client.get("/exceptions", params=params)).json()
        whole += [one["record_key"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(whole) == [f"SH{n}" for n in range(5)]


async def test_an_exception_shows_what_helps_to_decide(filled: Served) -> None:
    with filled.write() as session:
        exception_id = filling.exception(session)
    item = (await filled.client.get(f"/exceptions/{exception_id}")).json()
    assert (item["cause"], item["money_at_stake"], item["owner"]) == ("unknown_item", "201.25", "billing")
    assert item["choices"] == ["use_item", "do_not_bill"]
    assert (item["findings"][0]["line_no"], item["findings"][0]["subject"]) == (2, "X-9")


async def test_a_decision_is_kept_with_its_reason_and_wakes_the_shipment(filled: Served) -> None:
    with filled.write() as session:
        filling.confirmed(session, build.shipment(number="SH-WAKES"))
        exception_id = filling.exception(session, "SH-WAKES")
    answer = await resolve(filled, exception_id, "use_item", value="BOLT")
    assert answer.status_code == 200
    item = answer.json()
    assert item["state"] == "resolved"
    decided = item["resolution"]
    assert (decided["choice"], decided["value"], decided["reason"]) == ("use_item", "BOLT", REASON)
    assert decided["decided_by"] == "admin"
    assert (await filled.client.get(f"/exceptions/{exception_id}")).json() == item
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED in await events_of(filled, "shipment/SH-WAKES")


async def test_a_decision_on_an_order_publishes_it_again(filled: Served) -> None:
    with filled.write() as session:
        filling.confirmed(session, build.shipment(number="SH7", order_number="SO-AGAIN"))
        exception_id = filling.exception(
            session, "SO-AGAIN", record_type="order", cause=Cause.PUBLICATION_REJECTED, choices=[Choice.RETRY]
        )
        subject = ("order", "SO-AGAIN")
        statements.remember(session, [(subject, "SO-AGAIN", "as it was refused")])
    assert (await resolve(filled, exception_id, "retry")).status_code == 200
    events = await events_of(filled, "publication/order/SO-AGAIN")
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED in events, "one that is under way looks again"
    with filled.write() as session:
        assert statements.said(session, [subject]) == {subject: statements.IN_DOUBT}


async def test_a_decision_on_a_customer_publishes_them_again(filled: Served) -> None:
    subject = ("account", "00000041")
    with filled.write() as session:
        exception_id = filling.exception(
            session, "00000041", record_type="customer", cause=Cause.PUBLICATION_REJECTED, choices=[Choice.RETRY]
        )
        statements.remember(session, [(subject, "", "as it was refused")])
    assert (await resolve(filled, exception_id, "retry")).status_code == 200
    events = await events_of(filled, "publication/customer/00000041")
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED in events, "one that is under way looks again"
    with filled.write() as session:
        assert statements.said(session, [subject]) == {subject: statements.IN_DOUBT}


async def test_an_order_that_somebody_handled_is_not_said_again(filled: Served) -> None:
    with filled.write() as session:
        filling.confirmed(session, build.shipment(number="SH8", order_number="SO-HANDLED"))
        exception_id = filling.exception(
            session, "SO-HANDLED", record_type="order", cause=Cause.PUBLICATION_REJECTED, choices=[Choice.HANDLED]
        )
        subject = ("order", "SO-HANDLED")
        statements.remember(session, [(subject, "SO-HANDLED", "as it was refused")])
    assert (await resolve(filled, exception_id, "handled")).status_code == 200
    with filled.write() as session:
        assert statements.said(session, [subject]) == {subject: "as it was refused"}
    with pytest.raises(RPCError, match="not found"):
        await events_of(filled, "publication/order/SO-HANDLED")


async def test_a_retry_of_an_order_is_kept_while_temporal_is_away(without_temporal: Served) -> None:
    """What was said is forgotten with the decision, which is where the sweep looks."""
    served = without_temporal
    with served.write() as session:
        filling.confirmed(session, build.shipment(number="SH7", order_number="SO-AGAIN"))
        exception_id = filling.exception(
            session, "SO-AGAIN", record_type="order", cause=Cause.PUBLICATION_REJECTED, choices=[Choice.RETRY]
        )
        statements.remember(session, [(("order", "SO-AGAIN"), "SO-AGAIN", "as it was refused")])
    assert (await resolve(served, exception_id, "retry")).status_code == 200
    with served.write() as session:
        now = datetime.now(UTC)
        assert statements.to_say_again(session, now - timedelta(days=1), now) == ["SO-AGAIN"]


async def test_a_choice_that_is_not_offered_is_refused(filled: Served) -> None:
    with filled.write() as session:
        exception_id = filling.exception(session)
    document = assert_problem(await resolve(filled, exception_id, "bill_again"), 422, "malformed")
    assert "use_item, do_not_bill" in document["detail"]
    assert_problem(await resolve(filled, exception_id, "burn_it"), 422, "invalid_request")
    assert (await filled.client.get(f"/exceptions/{exception_id}")).json()["state"] == "open"


@pytest.mark.parametrize("more", [{}, {"value": None}, {"value": "  "}])
async def test_a_choice_that_needs_a_value_is_refused_without(filled: Served, more: dict[str, Any]) -> None:
    with filled.write() as session:
        exception_id = filling.exception(session)
    assert (
        assert_problem(await resolve(filled, exception_id, "use_item", **more), 422, "malformed")["reason"] == "value"
    )


async def test_a_decision_needs_a_reason(filled: Served) -> None:
    with filled.write() as session:
        exception_id = filling.exception(session)
    for reason in ("", "no", "   "):
        answer = await resolve(filled, exception_id, "do_not_bill", reason=reason)
        assert_problem(answer, 422, "invalid_request")


async def test_a_closed_exception_is_not_decided_again(filled: Served) -> None:
    with filled.write() as session:
        exception_id = filling.exception(session)
    await resolve(filled, exception_id, "do_not_bill")
    assert_problem(await resolve(filled, exception_id, "use_item", value="BOLT"), 409, "duplicate")


async def test_a_decision_about_what_was_read_does_not_cover_what_it_became(filled: Served) -> None:
    """E8: between reading and deciding the numbers moved on; said with what was read, nothing is decided."""
    with filled.write() as session:
        exception_id = filling.exception(session)
    read = (await filled.client.get(f"/exceptions/{exception_id}")).json()["sentence"]
    stale = await resolve(filled, exception_id, "do_not_bill", sentence="It said something else.")
    assert_problem(stale, 409, "duplicate")
    assert read in stale.json()["detail"]
    assert (await filled.client.get(f"/exceptions/{exception_id}")).json()["state"] == "open"
    assert (await resolve(filled, exception_id, "do_not_bill", sentence=read)).status_code == 200


async def test_the_same_decision_again_is_no_conflict(filled: Served) -> None:
    """A client that got no answer asks twice; somebody else who says the same is told that it is decided."""
    with filled.write() as session:
        exception_id = filling.exception(session)
    first = await resolve(filled, exception_id, "use_item", value="BOLT")
    again = await resolve(filled, exception_id, "use_item", value="BOLT", reason="asked again")
    assert (again.status_code, again.json()) == (200, first.json())
    assert_problem(await resolve(filled, exception_id, "use_item", value="WASHER"), 409, "duplicate")
    body = {"choice": "use_item", "value": "BOLT", "reason": REASON}
    path = f"/exceptions/{exception_id}/resolve"
    assert_problem(await filled.client.post(path, json=body, headers=filled.as_scope("operator")), 409, "duplicate")


async def test_one_that_went_away_by_itself_is_not_decided(filled: Served) -> None:
    with filled.write() as session:
        exception_id = filling.exception(session, "SH-GONE")
        exceptions.close_by_itself(session, ("shipment", "SH-GONE"), filling.AT)
    assert_problem(await resolve(filled, exception_id, "do_not_bill"), 409, "duplicate")


async def test_of_two_decisions_at_once_one_wins(filled: Served) -> None:
    with filled.write() as session:
        exception_id = filling.exception(session)
    answers = await asyncio.gather(
        resolve(filled, exception_id, "do_not_bill"), resolve(filled, exception_id, "use_item", value="BOLT")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (winner,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert (await filled.client.get(f"/exceptions/{exception_id}")).json()["resolution"] == winner["resolution"]


@pytest.mark.parametrize("exception_id", ["00000000-0000-4000-8000-000000000000", "not-an-id"])
async def test_an_unknown_exception(filled: Served, exception_id: str) -> None:
    assert_problem(await filled.client.get(f"/exceptions/{exception_id}"), 404, "missing")
    assert_problem(await resolve(filled, exception_id, "retry"), 404, "missing")


async def test_a_decision_stands_while_temporal_is_away(without_temporal: Served) -> None:
    with without_temporal.write() as session:
        exception_id = filling.exception(session)
    answer = await resolve(without_temporal, exception_id, "do_not_bill")
    assert (answer.status_code, answer.json()["state"]) == (200, "resolved")


async def test_the_decider_is_the_key_that_was_used(filled: Served) -> None:
    with filled.write() as session:
        exception_id = filling.exception(session)
    body = {"choice": "do_not_bill", "reason": REASON}
    path = f"/exceptions/{exception_id}/resolve"
    answer = await filled.client.post(path, json=body, headers=filled.as_scope("operator"))
    assert answer.json()["resolution"]["decided_by"] == "operator of the tests"


async def test_decisions_are_counted(filled: Served) -> None:
    def decided() -> float:
        counter = metrics.COUNTERS["exceptions_resolved"].labels(kind="hold", choice="do_not_bill")
        return float(counter._value.get())

    before = decided()
    with filled.write() as session:
        exception_id = filling.exception(session)
    await resolve(filled, exception_id, "do_not_bill")
    await resolve(filled, exception_id, "do_not_bill")
    assert decided() == before + 1


async def test_a_decision_on_a_correction_wakes_the_flow_of_corrections(served: Served) -> None:
    """F9: what is invoiced is corrected in `credit/<shipment>`, not in the shipment's own flow."""
    finding = Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.CORRECTION_AFTER_INVOICE,
        sentence="A credit memo over 5.00 is proposed.",
        choices=(Choice.POST_CREDIT, Choice.HANDLED),
        subject="credit_memo:0123456789ab",
    )
    with served.write() as session:
        exception_id = exceptions.open_item(
            session,
            finding=finding,
            record=("shipment", "SH-CREDITED"),
            owner="billing",
            workflow_id="credit/SH-CREDITED",
        )
    answer = await resolve(served, exception_id, "post_credit")
    assert answer.status_code == 200
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED in await events_of(served, "credit/SH-CREDITED")
