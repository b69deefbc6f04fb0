"""The round of alerts: each step once, and one that fails keeps none of the others back."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowFailureError

from domain.alert_work import AlertsMade, AlertsRound, AlertsSent, AlertWork, SilenceWatched
from domain.errors import Missing, Unavailable
from tests.workflows.stage import Stage

TOLD = AlertsRound(
    watched=SilenceWatched(silent=0), made=AlertsMade(noted=2, messages=1), sent=AlertsSent(sent=1, failed=0)
)


async def test_a_round_watches_makes_and_sends(stage: Stage) -> None:
    """G-I7."""
    stage.steps.answer("make_alerts", Unavailable(), AlertsMade(noted=2, messages=1))

    assert await stage.run("Alerts", AlertWork(), "alerts-1", AlertsRound) == TOLD
    assert stage.steps.times("make_alerts") == 2
    assert await stage.status("alerts-1", AlertsRound) == TOLD


@pytest.mark.parametrize("step", ["watch_silence", "make_alerts"])
async def test_what_was_made_is_sent_though_another_step_fails(stage: Stage, step: str) -> None:
    stage.steps.answer(step, Missing("It is not in the store."))

    with pytest.raises(WorkflowFailureError):
        await stage.run("Alerts", AlertWork(), "alerts-1", AlertsRound)
    assert stage.steps.times("send_alerts") == 1
    assert (await stage.status("alerts-1", AlertsRound)).sent == TOLD.sent
