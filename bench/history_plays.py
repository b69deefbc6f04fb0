"""How branches of workflows are played on stand-in activities: each play answers the workflow and run to keep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import WorkflowFailureError

from domain.errors import Missing
from domain.files import Entity
from domain.links import LinkKind
from domain.order_work import OrdersNamed, OrdersPulled, SalesforceEventWork
from domain.sources import System
from domain.work import (
    Booked,
    CreditPrepared,
    CreditWork,
    FileReading,
    FileWork,
    LinkingCount,
    Prepared,
    Published,
    PublishWork,
    RangeWork,
    ShipmentWork,
    StockDecided,
    StockWork,
)
from runtime.names import WORKFLOW_QUEUE
from tests.workflows.stage import Stage, until
from tests.workflows.steps import held, number

Kept = tuple[str, str | None]
Scenario = Callable[[Stage], Awaitable[Kept]]

SHA = "ab" * 32
FILE = FileWork(file_id="00000000-0000-0000-0000-000000000417", sha256=SHA, filename="SHPCNF.S000417")
FILE_ID = f"erp-file/{SHA}"
RANGE = RangeWork(file_id=FILE.file_id, sha256=SHA, seq_from=1, seq_to=3)
RANGE_ID = f"shipments/{SHA[:16]}/1-3"
SHIPMENT = ShipmentWork(shipment_number="S-1")
SHIPMENT_ID = "shipment/S-1"
CREDIT = CreditWork(shipment_number="S-1")
CREDIT_ID = "credit/S-1"
STOCK_ID = "stock/all"
HINTED = SalesforceEventWork(order_ids=["801000000000001AAA"], line_ids=["802000000000001AAA"])
HINTED_ID = "salesforce-event/801000000000001AAA"
THREE = [number(1), number(2), number(3)]


def read(groups: int, entity: Entity = Entity.SHIPMENT_CONFIRMATION, *, refused: bool = False) -> FileReading:
    return FileReading(refused=refused, entity=entity, group_count=groups, rejected_group_count=0)


def plain(workflow_type: str, work: Any, workflow_id: str, **answers: Any) -> Scenario:
    """Run to the end with these answers of activities; a failure is an end too."""

    async def play(stage: Stage) -> Kept:
        for name, given in answers.items():
            stage.steps.answer(name, *(given if isinstance(given, tuple) else (given,)))
        handle = await stage.start(workflow_type, work, workflow_id)
        try:
            await handle.result()
        except WorkflowFailureError:
            return workflow_id, handle.first_execution_run_id
        return workflow_id, handle.first_execution_run_id

    return play


def woken(workflow_type: str, work: Any, workflow_id: str, awaited: str, **answers: Any) -> Scenario:
    """The same with a recheck once the activity `awaited` was asked and the workflow waits."""

    async def play(stage: Stage) -> Kept:
        for name, given in answers.items():
            stage.steps.answer(name, *given)
        handle = await stage.start(workflow_type, work, workflow_id)
        await until(lambda: stage.steps.times(awaited) == 1)
        await rests(stage, workflow_id)
        await handle.signal("recheck")
        await handle.result()
        return workflow_id, handle.first_execution_run_id

    return play


async def rests(stage: Stage, workflow_id: str) -> None:
    """Wait until the workflow has nothing to do and waits for a signal."""

    async def waits() -> bool:
        status = await stage.client.get_workflow_handle(workflow_id).query("status")
        return status.get("state") == "held" or str(status.get("step", "")).startswith("waiting")

    await until(waits)


async def waiting_shipment(stage: Stage) -> Kept:
    """An open workflow: what a new version meets when it is installed."""
    stage.steps.answer("prepare", held("S-1"))
    handle = await stage.start("ShipmentInvoicing", SHIPMENT, SHIPMENT_ID)
    for looks in (1, 2, 3):
        await until(lambda looks=looks: stage.steps.times("prepare") == looks)
        await rests(stage, SHIPMENT_ID)
        await until(lambda looks=looks: stage.steps.times("publish") == looks)
        if looks < 3:
            await handle.signal("recheck")
    return SHIPMENT_ID, None


async def waiting_correction(stage: Stage) -> Kept:
    """An open flow of corrections: what a new version meets when it is installed."""
    stage.steps.answer("prepare_credit", CreditPrepared(shipment_number="S-1", held="x-1"))
    handle = await stage.start("Correction", CREDIT, CREDIT_ID)
    for looks in (1, 2):
        await until(lambda looks=looks: stage.steps.times("prepare_credit") == looks)
        await rests(stage, CREDIT_ID)
        await until(lambda looks=looks: stage.steps.times("publish") == looks)
        if looks < 2:
            await handle.signal("recheck")
    return CREDIT_ID, None


async def continued_shipment(stage: Stage) -> Kept:
    stage.steps.answer("prepare", held("S-1"))
    handle = await stage.start("ShipmentInvoicing", SHIPMENT, SHIPMENT_ID)
    first, looks = handle.first_execution_run_id, 0
    while (await stage.client.get_workflow_handle(SHIPMENT_ID).describe()).run_id == first:
        looks += 1
        await until(lambda looks=looks: stage.steps.times("prepare") == looks)
        await rests(stage, SHIPMENT_ID)
        await stage.client.get_workflow_handle(SHIPMENT_ID).signal("recheck")
    return SHIPMENT_ID, first


async def publication_under_way(stage: Stage) -> Kept:
    """Salesforce is away while the shipment changes twice: the publication that waits is asked to look again."""
    back = asyncio.Event()

    async def publish(work: PublishWork) -> Published:
        await back.wait()
        return Published(accepted=len(work.shipments), refused=0)

    stage.steps.answer("publish", publish)
    stage.steps.answer("prepare", held("S-1"), Prepared(shipments=["S-1"], settled=["S-1"]))
    handle = await stage.start("ShipmentInvoicing", SHIPMENT, SHIPMENT_ID)
    await until(lambda: stage.steps.times("publish") == 1)
    await rests(stage, SHIPMENT_ID)
    await handle.signal("recheck")
    await handle.result()
    back.set()
    await stage.client.get_workflow_handle(f"publication/{SHIPMENT_ID}").result()
    return SHIPMENT_ID, handle.first_execution_run_id


async def publication_asked_again(stage: Stage) -> Kept:
    await publication_under_way(stage)
    return f"publication/{SHIPMENT_ID}", None


async def looking_at_stock(stage: Stage) -> Kept:
    """An open look-out: three looks, of which one finds a shortage and one nothing."""
    told = StockDecided(items=2, written=2, orders=["SO-1"])
    stage.steps.answer("decide_stock", StockDecided(items=1, written=1), told, StockDecided())
    handle = await start_stock(stage)
    for looks in (1, 2, 3):
        await until(lambda looks=looks: stage.steps.times("decide_stock") == looks)
        await until(lambda looks=looks: stage.steps.times("publish_stock") >= min(looks, 2))
        await until(lambda looks=looks: stage.steps.times("publish") == (looks > 1))
        if looks < 3:
            await handle.signal("look")
    return STOCK_ID, None


async def continued_stock(stage: Stage) -> Kept:
    handle = await start_stock(stage)
    first, looks = handle.first_execution_run_id, 0
    while (await stage.client.get_workflow_handle(STOCK_ID).describe()).run_id == first:
        looks += 1
        await until(lambda looks=looks: stage.steps.times("decide_stock") >= looks)
        await stage.client.get_workflow_handle(STOCK_ID).signal("look")
    return STOCK_ID, first


async def start_stock(stage: Stage) -> Any:
    return await stage.client.start_workflow(
        "StockPromises", StockWork(), id=STOCK_ID, task_queue=WORKFLOW_QUEUE, start_signal="look"
    )


async def last_run_of_a_file(stage: Stage) -> Kept:
    await plain("ErpFile", FILE, FILE_ID, read_source_file=read(600))(stage)
    return FILE_ID, None


async def hinted_again(stage: Stage) -> Kept:
    """Hints that come while the records are read are one more read."""
    back = asyncio.Event()

    async def read(_: OrdersNamed) -> OrdersPulled:
        await back.wait()
        return OrdersPulled(read=1, changed_count=1, changed=["SO-1"])

    stage.steps.answer("read_orders", read, OrdersPulled(read=1))
    handle = await stage.start("SalesforceEvent", HINTED, HINTED_ID)
    await until(lambda: stage.steps.times("read_orders") == 1)
    for _ in range(3):
        await handle.signal("again")
    back.set()
    await handle.result()
    return HINTED_ID, handle.first_execution_run_id


async def hinted_for_long(stage: Stage) -> Kept:
    """Hints without end: the history starts afresh."""
    handle = await stage.start("SalesforceEvent", HINTED, HINTED_ID)
    first = handle.first_execution_run_id
    fresh = stage.client.get_workflow_handle(HINTED_ID)

    async def read(_: OrdersNamed) -> OrdersPulled:
        if (await fresh.describe()).run_id == first:
            await fresh.signal("again")
        return OrdersPulled(read=1)

    stage.steps.answer("read_orders", read)
    await fresh.signal("again")
    await handle.result()
    return HINTED_ID, first


def count(work: Any) -> LinkingCount:
    confirmed = 2 if work.system is System.QUICKBOOKS and work.kind is LinkKind.ITEM else 0
    return LinkingCount(
        system=work.system, kind=work.kind, records=3, candidates=3, exact=2, likely=1, confirmed=confirmed
    )


def second_range_fails(work: RangeWork) -> Prepared | Missing:
    return Missing("gone") if work.seq_from == 31 else Prepared(shipments=[number(work.seq_from)])


RANGE_IN_TROUBLE = Prepared(shipments=THREE, book=["intent/S-2", "intent/S-3"], held={"S-1": "x-1"})
AGAIN: Booked = Booked(booked=["S-1"])
