"""`order/<number>`: news, what the ERP and Salesforce are told, decisions, and histories that stay short."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.errors import Unavailable
from domain.order_work import OrderAct, OrderProgress, OrderWork
from domain.work import OrdersWritten
from runtime.names import ORDER_NUMBER, WORK_STATE
from tests.workflows.stage import Stage, until
from tests.workflows.steps import settled
from workflows import policies

ORDER = OrderWork(order_number="SO1")
ID = "order/SO1"
CLOSED = settled("SO1", "closed", closed=True, shows="Closed", allowed=[], flow=False)


async def start(stage: Stage) -> Any:
    return await stage.start("OrderLifecycle", ORDER, ID)


async def status(stage: Stage) -> OrderProgress:
    found: OrderProgress = await stage.status(ID, OrderProgress)
    return found


async def look(stage: Stage, signal: str = "look") -> None:
    await stage.client.get_workflow_handle(ID).signal(signal)


async def act(stage: Stage, what: str, reason: str = "The customer called", key: str = "k-1") -> OrderProgress:
    decision = OrderAct(order_number="SO1", act=what, reason=reason, decided_by="pat", key=key)
    handle = stage.client.get_workflow_handle(ID)
    answer: OrderProgress = await handle.execute_update("act", decision, id=key, result_type=OrderProgress)
    return answer


async def looked(stage: Stage, times: int) -> None:
    await until(lambda: stage.steps.times("settle_order") >= times, f"it looks {times} times")


async def test_an_order_that_is_over_ends_at_once(stage: Stage) -> None:
    stage.steps.answer("settle_order", CLOSED)

    ended = await stage.run("OrderLifecycle", ORDER, ID, OrderProgress)

    assert (ended.step, ended.state, ended.rounds) == ("closed", "closed", 1)
    assert stage.steps.times("write_orders") == 0


async def test_an_order_that_nobody_has_ends(stage: Stage) -> None:
    stage.steps.answer("settle_order", settled("SO1", "", known=False))

    assert (await stage.run("OrderLifecycle", ORDER, ID, OrderProgress)).rounds == 1


async def test_it_hands_over_to_the_erp_tells_salesforce_and_waits(stage: Stage) -> None:
    stage.steps.answer("settle_order", settled("SO1", "accepted", send=True, tell=True), settled("SO1", "sent"))
    stage.steps.answer("write_orders", OrdersWritten(files=[1], orders=["SO1"]))
    handle = await start(stage)
    await until(lambda: stage.steps.times("publish") >= 1, "it tells Salesforce")
    await looked(stage, 2)
    await until(lambda: stage.steps.times("write_orders") == 1, "it writes for the ERP")

    assert stage.steps.asked["publish"][0].orders == ["SO1"]
    described = await handle.describe()
    assert described.typed_search_attributes.get(ORDER_NUMBER) == "SO1"
    assert described.typed_search_attributes.get(WORK_STATE) == "sent"
    assert (await status(stage)).step == "waiting for news"


@pytest.mark.parametrize("signal", ["look", "recheck"])
async def test_news_is_looked_at_until_the_order_is_over(stage: Stage, signal: str) -> None:
    stage.steps.answer("settle_order", settled("SO1"), CLOSED)
    handle = await start(stage)
    await looked(stage, 1)
    await look(stage, signal)

    ended = OrderProgress.model_validate(await handle.result())
    assert (ended.state, ended.rounds) == ("closed", 2)


async def test_news_during_a_look_is_never_lost(stage: Stage) -> None:
    go_on = asyncio.Event()

    async def slow(_: object) -> Any:
        await go_on.wait()
        return CLOSED

    stage.steps.answer("settle_order", slow, CLOSED)
    handle = await start(stage)
    await looked(stage, 1)
    await look(stage)
    go_on.set()

    assert OrderProgress.model_validate(await handle.result()).closed
    assert stage.steps.times("settle_order") == 2


async def test_a_decision_is_kept_and_answered_with_what_the_order_is_then(stage: Stage) -> None:
    now = settled("SO1", "cancelling", shows="Cancel Requested")
    stage.steps.answer("settle_order", settled("SO1"), settled("SO1"), now)
    await start(stage)
    await looked(stage, 1)

    answer = await act(stage, "cancel")

    assert (answer.state, answer.shows) == ("cancelling", "Cancel Requested")
    (kept,) = stage.steps.asked["note_act"]
    assert (kept.act, kept.decided_by, kept.reason) == ("cancel", "pat", "The customer called")


async def test_the_same_decision_again_is_answered_and_kept_once(stage: Stage) -> None:
    await start(stage)
    await looked(stage, 1)

    assert await act(stage, "cancel") == await act(stage, "cancel")
    assert stage.steps.times("note_act") == 1


async def test_a_decision_without_a_reason_leaves_no_trace(stage: Stage) -> None:
    handle = await start(stage)
    await looked(stage, 1)
    await until(lambda: _waits(stage), "it waits")
    before = (await handle.describe()).history_length

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await act(stage, "cancel", " ")

    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "reason"
    assert (await handle.describe()).history_length == before


async def _waits(stage: Stage) -> bool:
    return (await status(stage)).step == "waiting for news"


@pytest.mark.parametrize("moved", [False, True])
async def test_a_decision_is_weighed_against_what_is_true_now(stage: Stage, moved: bool) -> None:
    """The flow may not have heard yet that the order was shipped, or that it may be released."""
    before, now = settled("SO1", allowed=["cancel"]), settled("SO1", "shipped", allowed=["resend"])
    stage.steps.answer("settle_order", before, *((now,) if moved else ()), now if moved else before)
    await start(stage)
    await looked(stage, 1)

    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await act(stage, "cancel" if moved else "release")

    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "act"
    assert stage.steps.times("note_act") == 0
    await looked(stage, 3)  # what was found meanwhile is told, though nothing was decided


async def test_a_decision_is_answered_while_the_erp_s_folder_is_away(stage: Stage) -> None:
    stage.steps.answer("settle_order", settled("SO1", "accepted", send=True))
    stage.steps.answer("write_orders", Unavailable("The folder is away."))
    await start(stage)
    await until(lambda: stage.steps.times("write_orders") >= 1, "it tries to write")

    assert (await act(stage, "cancel")).state == "accepted"


async def test_an_order_file_that_waits_for_its_folder_is_written_when_it_is_back(stage: Stage) -> None:
    stage.steps.answer("settle_order", settled("SO1", "accepted", send=True), settled("SO1", "sent"))
    stage.steps.answer("write_orders", Unavailable("The folder is away."), OrdersWritten(files=[1], orders=["SO1"]))
    await start(stage)

    await until(lambda: stage.steps.times("write_orders") == 2, "it tries again")
    await looked(stage, 2)


async def test_history_starts_afresh_after_many_looks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "ORDER_ROUNDS", 3)
    handle = await start(stage)
    first = (await handle.describe()).run_id
    for times in range(1, 4):
        await looked(stage, times)
        await look(stage)
    await looked(stage, 4)

    described = await stage.client.get_workflow_handle(ID).describe()
    assert described.run_id != first
    assert (await stage.history(ID, first))[-1].HasField("workflow_execution_continued_as_new_event_attributes")


async def test_a_wait_that_is_over_by_the_clock_is_a_look(stage: Stage) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    stage.steps.answer("settle_order", settled("SO1", look_at=soon), CLOSED)
    handle = await start(stage)

    assert OrderProgress.model_validate(await handle.result()).rounds == 2
