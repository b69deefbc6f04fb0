"""The flow of a reconciliation: what is read when, what is read twice, what is set going, and how it fails."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowFailureError

from bench.reconciliation_scenarios import HEALING, ID, RUN, WORK
from domain.errors import NotAuthorized, Unavailable
from domain.reconcile_work import (
    ReconcileConcluded,
    ReconcileCounted,
    ReconcileOpened,
    ReconcilePart,
    ReconcileRefresh,
    ReconcileWork,
)
from domain.work import PublishWork, StockWork
from tests.workflows.stage import Stage, until

READS = ("reconcile_books", "reconcile_org", "reconcile_erp", "reconcile_store")


async def test_what_agrees_is_read_once_and_concluded(stage: Stage) -> None:
    done = await stage.run("Reconciliation", WORK, ID, ReconcileConcluded)

    assert done == ReconcileConcluded(run_id=RUN)
    assert [stage.steps.asked[name] for name in READS] == [[ReconcilePart(run_id=RUN)]] * 4
    assert stage.steps.times("publish") == 0
    assert await stage.status(ID, str) == "done"


async def test_what_differs_is_read_again_after_a_pause(skipping: Stage) -> None:
    """G-H3: the second read comes half a minute after the first."""
    skipping.steps.answer("reconcile_compare", ReconcileCounted(records=2))
    began = await skipping.env.get_current_time()

    await skipping.run("Reconciliation", WORK, ID, ReconcileConcluded)

    again = [ReconcilePart(run_id=RUN), ReconcilePart(run_id=RUN, again=True)]
    assert [skipping.steps.asked[name] for name in READS] == [again] * 4
    assert (await skipping.env.get_current_time() - began).total_seconds() >= 30


async def test_what_is_unambiguous_is_set_going(stage: Stage) -> None:
    """G-H6: missed invoices are read, stock is woken, and Salesforce is told again."""
    stage.steps.answer("reconcile_conclude", HEALING)

    await stage.run("Reconciliation", WORK, ID, ReconcileConcluded)

    assert stage.steps.asked["reconcile_refresh"] == [ReconcileRefresh(run_id=RUN, invoices=("17",))]
    assert stage.steps.asked["wake_stock"] == [StockWork()]
    await until(lambda: stage.steps.times("publish") == 1)
    told = PublishWork(shipments=["S-1", "S-9"], orders=["SO-1"], customers=["C-1"])
    assert stage.steps.asked["publish"] == [told]


async def test_a_system_that_is_away_is_waited_for(skipping: Stage) -> None:
    skipping.steps.answer("reconcile_org", Unavailable(), Unavailable(), ReconcileCounted(records=1))

    await skipping.run("Reconciliation", WORK, ID, ReconcileConcluded)

    assert skipping.steps.times("reconcile_org") == 3


async def test_a_run_that_cannot_be_made_says_so(stage: Stage) -> None:
    stage.steps.answer("reconcile_books", NotAuthorized("the connection was refused"))

    with pytest.raises(WorkflowFailureError):
        await stage.run("Reconciliation", WORK, ID, ReconcileConcluded)

    (failed,) = stage.steps.asked["reconcile_fail"]
    assert failed.run_id == RUN
    assert "refused" in failed.why
    assert stage.steps.times("reconcile_conclude") == 0


async def test_the_night_opens_the_run_of_its_day(stage: Stage) -> None:
    assert await stage.run("ReconciliationNight", ReconcileWork(), "reconciliation", str) == RUN

    await until(lambda: stage.steps.times("reconcile_conclude") == 1)
    assert (await stage.client.get_workflow_handle(ID).result()) is not None


async def test_the_night_leaves_a_run_that_is_under_way_alone(stage: Stage) -> None:
    """And starts one that was opened by somebody who died before it was started."""
    opened = ReconcileOpened(run_id=RUN, joined=True)
    stage.steps.answer("reconcile_open", opened)
    goes_on = asyncio.Event()

    async def wait(_: object) -> ReconcileCounted:
        await goes_on.wait()
        return ReconcileCounted()

    stage.steps.answer("reconcile_books", wait)
    for _ in range(2):
        await stage.run("ReconciliationNight", ReconcileWork(), "reconciliation", str)
    await until(lambda: stage.steps.times("reconcile_books") == 1)

    goes_on.set()
    await until(lambda: stage.steps.times("reconcile_conclude") == 1)
    assert stage.steps.times("reconcile_books") == 1
