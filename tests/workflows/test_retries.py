"""What the classes of errors mean for the number of attempts and the time between them, as policies.py says."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError, RetryState

from domain.errors import (
    GatewayError,
    Malformed,
    Misconfigured,
    NeedsHuman,
    NotAuthorized,
    OutcomeUnknown,
    Permanent,
    RateLimited,
    Rejected,
    TimedOut,
    Transient,
    Unavailable,
)
from domain.work import Booked, Prepared, Published, PublishWork, ShipmentProgress, ShipmentWork
from runtime.names import ERP_QUEUE, QUICKBOOKS_QUEUE, SALESFORCE_QUEUE, WORKFLOW_QUEUE
from tests.workflows.stage import Stage
from workflows import policies

S1 = ShipmentWork(shipment_number="S-1")
SLACK = timedelta(seconds=2)


def gaps(stage: Stage, name: str) -> list[timedelta]:
    """The time between the attempts, on the server's clock."""
    return [later.started_time - earlier.started_time for earlier, later in pairwise(stage.steps.attempts[name])]


async def publish(stage: Stage) -> Published:
    found: Published = await stage.run("Publication", PublishWork(shipments=["S-1"]), "publication/a", Published)
    return found


async def test_transient_errors_are_tried_again_with_growing_pauses(skipping: Stage) -> None:
    away = [Unavailable(), TimedOut(), OutcomeUnknown(), Transient(), Unavailable()]
    skipping.steps.answer("publish", *away, Published(accepted=1, refused=0))

    await publish(skipping)

    assert [info.attempt for info in skipping.steps.attempts["publish"]] == [1, 2, 3, 4, 5, 6]
    for gap, wanted in zip(gaps(skipping, "publish"), (1, 2, 4, 8, 16), strict=True):
        assert timedelta(0) <= gap - timedelta(seconds=wanted) < SLACK


async def test_a_pause_that_the_other_system_names_is_kept(skipping: Stage) -> None:
    limited = RateLimited("Slow down.", retry_after=timedelta(seconds=95))
    skipping.steps.answer("publish", limited, limited, Unavailable(), Published(accepted=1, refused=0))

    await publish(skipping)

    first, second, third = gaps(skipping, "publish")
    assert timedelta(0) <= first - timedelta(seconds=95) < SLACK
    assert timedelta(0) <= second - timedelta(seconds=95) < SLACK
    assert third < timedelta(seconds=10), "the named pause holds for one attempt, then the policy's own"


@pytest.mark.parametrize(
    "error", [Permanent(), Rejected(), Malformed(), Misconfigured(), NotAuthorized(), NeedsHuman()]
)
async def test_permanent_errors_are_tried_once(stage: Stage, error: GatewayError) -> None:
    stage.steps.answer("publish", error)

    with pytest.raises(WorkflowFailureError) as failure:
        await publish(stage)

    assert stage.steps.times("publish") == 1
    assert isinstance(failure.value.cause, ActivityError)
    assert failure.value.cause.retry_state is RetryState.NON_RETRYABLE_FAILURE
    assert isinstance(failure.value.cause.cause, ApplicationError)
    assert failure.value.cause.cause.type == error.code


async def test_a_bug_is_tried_again_so_that_a_new_version_can_mend_it(stage: Stage) -> None:
    stage.steps.answer("publish", ZeroDivisionError("a bug"), Published(accepted=1, refused=0))

    await publish(stage)

    assert stage.steps.times("publish") == 2


async def test_booking_stops_after_nine_attempts_and_waits_in_the_open(skipping: Stage) -> None:
    """0.5 s, 1, 2, ... capped at a minute: some two minutes; then an exception is opened and it asks again later."""
    skipping.steps.answer("book", *[Unavailable()] * 9, skipping.steps._book)

    await skipping.run("ShipmentInvoicing", S1, "shipment/S-1", ShipmentProgress)

    assert [info.attempt for info in skipping.steps.attempts["book"]] == [*range(1, 10), 1]
    pauses = gaps(skipping, "book")
    assert max(pauses[:8]) < timedelta(seconds=60) + SLACK
    assert timedelta(minutes=2) < sum(pauses[:8], timedelta(0)) < timedelta(minutes=3)
    assert pauses[8] >= policies.ASK_AGAIN_AFTER
    assert skipping.steps.times("note_unbooked") == 1


async def test_booking_keeps_the_pause_that_quickbooks_names(skipping: Stage) -> None:
    """Waiting for a turn is no failure: nothing is opened for it."""
    skipping.steps.answer("book", RateLimited(retry_after=timedelta(minutes=10)), skipping.steps._book)

    await skipping.run("ShipmentInvoicing", S1, "shipment/S-1", ShipmentProgress)

    [pause] = gaps(skipping, "book")
    assert timedelta(0) <= pause - timedelta(minutes=10) < SLACK
    assert skipping.steps.times("note_unbooked") == 0


async def test_store_steps_wait_for_the_database_as_long_as_it_takes(skipping: Stage) -> None:
    """A local activity that goes on failing pauses by timers: they keep no slot of the worker, and give up never."""
    skipping.steps.answer("prepare", *[Unavailable()] * 12, Prepared(shipments=["S-1"], settled=["S-1"]))

    await skipping.run("ShipmentInvoicing", S1, "shipment/S-1", ShipmentProgress)

    assert skipping.steps.times("prepare") == 13
    events = await skipping.history("shipment/S-1")
    assert len([one for one in events if one.HasField("timer_started_event_attributes")]) == 8


async def test_each_system_has_a_queue_of_its_own(stage: Stage) -> None:
    stage.steps.answer("book", Booked(booked=["S-1"]))
    stage.steps.answer("prepare", stage.steps._prepare, Prepared(shipments=["S-1"], settled=["S-1"]))
    await stage.run("ShipmentInvoicing", S1, "shipment/S-1", ShipmentProgress)
    await publish(stage)

    queues = {name: infos[0].task_queue for name, infos in stage.steps.attempts.items()}
    assert queues == {"prepare": WORKFLOW_QUEUE, "book": QUICKBOOKS_QUEUE, "publish": SALESFORCE_QUEUE}
    assert policies.READ_FILE.queue == ERP_QUEUE


@pytest.mark.parametrize(
    "call", [value for value in vars(policies).values() if isinstance(value, policies.Call)], ids=str
)
def test_every_call_has_a_bound_for_an_attempt_and_notices_a_dead_worker(call: policies.Call) -> None:
    assert call.start_to_close > timedelta(0)
    assert call.heartbeat is None or timedelta(seconds=4) < call.heartbeat < call.start_to_close, "beats come each 2 s"
    if call.start_to_close > timedelta(seconds=30):
        assert call.heartbeat is not None
    if call.schedule_to_close is not None:
        assert call.schedule_to_close > call.start_to_close
    assert call.retry.maximum_attempts == 0 or call is policies.BOOK, "all others wait as long as their time allows"
