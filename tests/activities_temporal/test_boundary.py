"""The boundary to Temporal: what an error means for it, and the beats that tell of a dead worker."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import boundary
from activities.boundary import application_error, at_boundary, beating, keeping_alive
from domain.errors import GatewayError, NeedsHuman, Permanent, RateLimited, Rejected, Transient, Unavailable


def kinds(of: type[GatewayError]) -> list[type[GatewayError]]:
    """The tree of `domain.errors`: adapters have narrower kinds of their own, with the same codes."""
    below = [child for child in of.__subclasses__() if child.__module__ == of.__module__]
    return [of, *(kind for child in below for kind in kinds(child))]


@pytest.mark.parametrize("kind", kinds(Transient))
def test_transient_errors_are_tried_again(kind: type[GatewayError]) -> None:
    error = application_error(kind("later"))

    assert (error.type, error.non_retryable) == (kind.code, False)


@pytest.mark.parametrize("kind", [GatewayError, NeedsHuman, *kinds(Permanent)])
def test_all_others_are_not(kind: type[GatewayError]) -> None:
    error = application_error(kind("never"))

    assert (error.type, error.non_retryable) == (kind.code, True)
    assert error.next_retry_delay is None


def test_reason_context_and_pause_travel_with_it() -> None:
    error = application_error(
        RateLimited("Slow down.", reason="3001", retry_after=timedelta(seconds=30), invoice="INV-1")
    )

    assert error.message == "Slow down."
    assert error.details == ({"reason": "3001", "invoice": "INV-1"},)
    assert error.next_retry_delay == timedelta(seconds=30)


def test_a_long_answer_of_a_vendor_is_cut() -> None:
    """An error of several megabytes would not pass through Temporal."""
    assert len(application_error(Rejected("x" * 5_000_000)).message) == 2000


def test_the_wrapper_keeps_name_types_and_cause() -> None:
    @activity.defn(name="fails")
    @at_boundary
    def fails(number: int) -> str:
        """Say so."""
        raise Unavailable(f"no {number}")

    definition = activity._Definition.must_from_callable(fails)
    assert (definition.arg_types, definition.ret_type) == ([int], str)
    with pytest.raises(ApplicationError) as raised:
        fails(3)
    assert isinstance(raised.value.__cause__, Unavailable)


def test_a_bug_passes_as_it_is() -> None:
    @at_boundary
    def buggy() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        buggy()


def test_a_bug_is_tried_a_few_times_and_then_fails() -> None:
    @at_boundary
    def buggy() -> None:
        raise ZeroDivisionError("a customer's name")

    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=boundary.BUG_ATTEMPTS)
    with pytest.raises(ApplicationError) as raised:
        environment.run(buggy)

    assert (raised.value.type, raised.value.non_retryable) == ("unexpected", True)
    assert "customer" not in raised.value.message, "what it was about stays in the log"


def test_beats_come_while_the_body_runs_and_end_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "BEAT_SECONDS", 0.02)
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)

    def work() -> int:
        with beating():
            time.sleep(0.2)
        seen = len(beats)
        time.sleep(0.1)
        return seen

    seen = environment.run(work)

    assert seen >= 3
    assert len(beats) == seen, "none comes after the body"
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


async def test_an_activity_on_the_loop_beats_while_its_body_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "BEAT_SECONDS", 0.02)
    beats: list[object] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)

    async def work() -> int:
        async with keeping_alive():
            await asyncio.sleep(0.2)
        seen = len(beats)
        await asyncio.sleep(0.1)
        return seen

    seen = await environment.run(work)

    assert seen >= 3
    assert len(beats) == seen, "none comes after the body"


def test_beats_end_when_the_body_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "BEAT_SECONDS", 0.02)

    def work() -> None:
        with beating():
            raise Unavailable

    with pytest.raises(Unavailable):
        ActivityEnvironment().run(work)
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]
