"""The branches of reconciliation, played on stand-in activities: each answers the workflow and run to keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import WorkflowFailureError

from domain.errors import NotAuthorized
from domain.reconcile_work import ReconcileConcluded, ReconcileCounted, ReconcileWork
from tests.workflows.stage import Stage

Kept = tuple[str, str | None]
Scenario = Callable[[Stage], Awaitable[Kept]]

RUN = "2026-11-26"
ID = f"reconciliation/{RUN}"
WORK = ReconcileWork(run_id=RUN)
HEALING = ReconcileConcluded(
    run_id=RUN, drift=4, shipments=("S-1",), orders=("SO-1",), customers=("C-1",), stock=True, refresh=("17",)
)


def _played(workflow_type: str, work: ReconcileWork, workflow_id: str, **answers: Any) -> Scenario:
    async def play(stage: Stage) -> Kept:
        for name, given in answers.items():
            stage.steps.answer(name, given)
        handle = await stage.start(workflow_type, work, workflow_id)
        try:
            await handle.result()
        except WorkflowFailureError:
            return workflow_id, handle.first_execution_run_id
        return workflow_id, handle.first_execution_run_id

    return play


RECONCILIATIONS: dict[str, Scenario] = {
    "Reconciliation.agreed": _played("Reconciliation", WORK, ID),
    "Reconciliation.failed": _played("Reconciliation", WORK, ID, reconcile_org=NotAuthorized("no")),
    "ReconciliationNight.opened": _played("ReconciliationNight", ReconcileWork(), "reconciliation"),
}
HEALED = _played("Reconciliation", WORK, ID, reconcile_compare=ReconcileCounted(records=4), reconcile_conclude=HEALING)
SLOW: dict[str, Scenario] = {"Reconciliation.healed": HEALED}
