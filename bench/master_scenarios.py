"""The branches of the merge of masters, played on stand-in activities: each answers the workflow and run to keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.errors import NotAuthorized
from domain.links import LinkKind
from domain.master_work import (
    MasterDecided,
    MasterProgress,
    MastersPulled,
    MastersWoken,
    MastersWork,
    MasterWork,
    MasterWritten,
    WriteState,
)
from domain.sources import System
from tests.workflows.stage import Stage, until

Kept = tuple[str, str | None]

CUSTOMER = MasterWork(kind=LinkKind.CUSTOMER, key="00000042", reason="poll")
CUSTOMER_ID = "customer/00000042"
BOTH = MasterDecided(writes={System.SALESFORCE: 1, System.QUICKBOOKS: 2})


async def _waits(stage: Stage) -> bool:
    progress = await stage.client.get_workflow_handle(CUSTOMER_ID).query("status", result_type=MasterProgress)
    return progress.step == "waiting for a person"


async def _written(stage: Stage) -> Kept:
    """Both sides are written; QuickBooks' record changed meanwhile, so it is read and decided about again."""
    stale = MasterWritten(state=WriteState.PLANNED, stale=True)
    stage.steps.answer("decide_master", BOTH)
    stage.steps.answer("write_quickbooks_master", stale, MasterWritten(state=WriteState.DONE))
    handle = await stage.start("MasterMerge", CUSTOMER, CUSTOMER_ID)
    await handle.result()
    return CUSTOMER_ID, handle.first_execution_run_id


async def _asked(stage: Stage) -> Kept:
    """A link moves, a person is asked, and decides."""
    stage.steps.answer("decide_master", MasterDecided(again=True), MasterDecided(waiting=1), MasterDecided())
    handle = await stage.start("MasterMerge", CUSTOMER, CUSTOMER_ID)
    await until(lambda: _waits(stage))
    await handle.signal("recheck")
    await handle.result()
    return CUSTOMER_ID, handle.first_execution_run_id


async def _waiting(stage: Stage) -> Kept:
    """An open workflow: what a new version meets when it is installed."""
    stage.steps.answer("decide_master", MasterDecided(waiting=1))
    await stage.start("MasterMerge", CUSTOMER, CUSTOMER_ID)
    await until(lambda: _waits(stage))
    return CUSTOMER_ID, None


async def _pulled(stage: Stage) -> Kept:
    """Salesforce refuses us, QuickBooks has news, and there are more marks than one look takes."""
    stage.steps.answer("pull_salesforce_masters", NotAuthorized())
    stage.steps.answer("pull_quickbooks_masters", MastersPulled(read=300, adopted=1, changed=2))
    stage.steps.answer("wake_masters", MastersWoken(woken=200, more=True), MastersWoken(woken=1))
    await stage.run("MastersPull", MastersWork(), "masters-pull/1", MastersPulled)
    return "masters-pull/1", None


MASTERS: dict[str, Callable[[Stage], Awaitable[Kept]]] = {
    "MasterMerge.written": _written,
    "MasterMerge.asked": _asked,
    "MasterMerge.waiting": _waiting,
    "MastersPull.pulled": _pulled,
}
