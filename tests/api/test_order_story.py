"""The story of an order, and decisions about it, as the API tells and takes them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from activities.order_settlement import Settlement
from store.session import transaction
from store.stock import reservations
from tests.api.served import CAUSE, Served, assert_problem
from tests.looks import rules

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


async def test_a_story_tells_where_an_order_stands_and_why(filled: Served) -> None:
    """Feature G-D2."""
    with transaction(filled.engine, CAUSE) as session:
        Settlement(session, rules(), AT).settle(["SO1"])

    answer = await filled.client.get("/orders/SO1/story", headers=filled.as_scope("viewer"))

    assert answer.status_code == 200
    story = answer.json()
    assert story["order_number"] == "SO1"
    assert story["state"] in rules().lifecycle.states
    for line in story["lines"]:
        kept = {name: float(line[name]) for name in ("ordered", "shipped", "backordered", "cancelled", "open")}
        assert kept["ordered"] + float(line["overshipped"]) == sum(kept.values()) - kept["ordered"]
    assert story["lines"]
    assert {one["kind"] for one in story["events"]} >= {"order_status"}


async def test_a_story_of_the_past_is_what_stood_then(filled: Served) -> None:
    """G-B5: state, ledger, observations; before anybody looked there is none."""
    with transaction(filled.engine, CAUSE) as session:
        Settlement(session, rules(), AT).settle(["SO1"])
    with transaction(filled.engine, CAUSE) as session:
        then = reservations.now(session)
    told = (await filled.client.get("/orders/SO1/story")).json()
    with transaction(filled.engine, CAUSE) as session:
        session.execute(text("UPDATE order_states SET open_amount = open_amount + 1"))
        session.execute(text("UPDATE order_line_ledgers SET open = open + 1, ordered = ordered + 1"))
        session.execute(text("UPDATE order_observations SET withdrawn_at = now()"))
    assert (await filled.client.get("/orders/SO1/story")).json() != told
    past = await filled.client.get("/orders/SO1/story", params={"as_of": then.isoformat()})
    assert past.json() == told
    missing = await filled.client.get("/orders/SO1/story", params={"as_of": "2020-01-01T00:00:00Z"})
    assert_problem(missing, 404, "missing")


async def test_an_order_that_nobody_has_has_no_story_and_takes_no_decision(filled: Served) -> None:
    assert_problem(await filled.client.get("/orders/NONE/story", headers=filled.as_scope("viewer")), 404, "missing")
    body = {"act": "cancel", "reason": "ordered twice"}
    answer = await filled.client.post("/orders/NONE/acts", json=body, headers=filled.as_scope("operator"))
    assert_problem(answer, 404, "missing")


async def test_a_decision_needs_a_known_act_and_a_reason(filled: Served) -> None:
    for body in ({"act": "forget", "reason": "because"}, {"act": "cancel"}, {"act": "cancel", "reason": " "}):
        answer = await filled.client.post("/orders/SO1/acts", json=body, headers=filled.as_scope("operator"))
        assert_problem(answer, 422, "invalid_request")
