"""The branches of the workflows, played on stand-in activities: each answers the workflow and run to keep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import WorkflowFailureError

from domain.errors import Missing, NotAuthorized, Unavailable
from domain.files import Entity
from domain.links import LinkKind
from domain.order_work import OrdersNamed, OrdersPulled, OrdersWork, SalesforceEventWork
from domain.proof import ProofWork
from domain.sources import System
from domain.work import (
    Booked,
    CreditBooked,
    CreditPrepared,
    CreditWork,
    FileReading,
    FileWork,
    InvoicesPulled,
    InvoicesWork,
    LinkingCount,
    LinkingWork,
    Prepared,
    Published,
    PublishWork,
    RangeWork,
    SequenceCheck,
    ShipmentWork,
    StockDecided,
    StockStated,
    StockWork,
    SweepWork,
    Swept,
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


def _read(groups: int, entity: Entity = Entity.SHIPMENT_CONFIRMATION, *, refused: bool = False) -> FileReading:
    return FileReading(refused=refused, entity=entity, group_count=groups, rejected_group_count=0)


def _plain(workflow_type: str, work: Any, workflow_id: str, **answers: Any) -> Scenario:
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


def _woken(workflow_type: str, work: Any, workflow_id: str, awaited: str, **answers: Any) -> Scenario:
    """The same with a recheck once the activity `awaited` was asked and the workflow waits."""

    async def play(stage: Stage) -> Kept:
        for name, given in answers.items():
            stage.steps.answer(name, *given)
        handle = await stage.start(workflow_type, work, workflow_id)
        await until(lambda: stage.steps.times(awaited) == 1)
        await _rests(stage, workflow_id)
        await handle.signal("recheck")
        await handle.result()
        return workflow_id, handle.first_execution_run_id

    return play


async def _rests(stage: Stage, workflow_id: str) -> None:
    """Wait until the workflow has nothing to do and waits for a signal."""

    async def waits() -> bool:
        status = await stage.client.get_workflow_handle(workflow_id).query("status")
        return status.get("state") == "held" or str(status.get("step", "")).startswith("waiting")

    await until(waits)


async def _waiting_shipment(stage: Stage) -> Kept:
    """An open workflow: what a new version meets when it is installed."""
    stage.steps.answer("prepare", held("S-1"))
    handle = await stage.start("ShipmentInvoicing", SHIPMENT, SHIPMENT_ID)
    for looks in (1, 2, 3):
        await until(lambda looks=looks: stage.steps.times("prepare") == looks)
        await _rests(stage, SHIPMENT_ID)
        await until(lambda looks=looks: stage.steps.times("publish") == looks)
        if looks < 3:
            await handle.signal("recheck")
    return SHIPMENT_ID, None


async def _waiting_correction(stage: Stage) -> Kept:
    """An open flow of corrections: what a new version meets when it is installed."""
    stage.steps.answer("prepare_credit", CreditPrepared(shipment_number="S-1", held="x-1"))
    handle = await stage.start("Correction", CREDIT, CREDIT_ID)
    for looks in (1, 2):
        await until(lambda looks=looks: stage.steps.times("prepare_credit") == looks)
        await _rests(stage, CREDIT_ID)
        await until(lambda looks=looks: stage.steps.times("publish") == looks)
        if looks < 2:
            await handle.signal("recheck")
    return CREDIT_ID, None


async def _continued_shipment(stage: Stage) -> Kept:
    stage.steps.answer("prepare", held("S-1"))
    handle = await stage.start("ShipmentInvoicing", SHIPMENT, SHIPMENT_ID)
    first, looks = handle.first_execution_run_id, 0
    while (await stage.client.get_workflow_handle(SHIPMENT_ID).describe()).run_id == first:
        looks += 1
        await until(lambda looks=looks: stage.steps.times("prepare") == looks)
        await _rests(stage, SHIPMENT_ID)
        await stage.client.get_workflow_handle(SHIPMENT_ID).signal("recheck")
    return SHIPMENT_ID, first


async def _publication_under_way(stage: Stage) -> Kept:
    """Salesforce is away while the shipment changes twice: the publication that waits is asked to look again."""
    back = asyncio.Event()

    async def publish(work: PublishWork) -> Published:
        await back.wait()
        return Published(accepted=len(work.shipments), refused=0)

    stage.steps.answer("publish", publish)
    stage.steps.answer("prepare", held("S-1"), Prepared(shipments=["S-1"], settled=["S-1"]))
    handle = await stage.start("ShipmentInvoicing", SHIPMENT, SHIPMENT_ID)
    await until(lambda: stage.steps.times("publish") == 1)
    await _rests(stage, SHIPMENT_ID)
    await handle.signal("recheck")
    await handle.result()
    back.set()
    await stage.client.get_workflow_handle(f"publication/{SHIPMENT_ID}").result()
    return SHIPMENT_ID, handle.first_execution_run_id


async def _publication_asked_again(stage: Stage) -> Kept:
    await _publication_under_way(stage)
    return f"publication/{SHIPMENT_ID}", None


async def _looking_at_stock(stage: Stage) -> Kept:
    """An open look-out: three looks, of which one finds a shortage and one nothing."""
    told = StockDecided(items=2, written=2, orders=["SO-1"])
    stage.steps.answer("decide_stock", StockDecided(items=1, written=1), told, StockDecided())
    handle = await _start_stock(stage)
    for looks in (1, 2, 3):
        await until(lambda looks=looks: stage.steps.times("decide_stock") == looks)
        await until(lambda looks=looks: stage.steps.times("publish_stock") >= min(looks, 2))
        await until(lambda looks=looks: stage.steps.times("publish") == (looks > 1))
        if looks < 3:
            await handle.signal("look")
    return STOCK_ID, None


async def _continued_stock(stage: Stage) -> Kept:
    handle = await _start_stock(stage)
    first, looks = handle.first_execution_run_id, 0
    while (await stage.client.get_workflow_handle(STOCK_ID).describe()).run_id == first:
        looks += 1
        await until(lambda looks=looks: stage.steps.times("decide_stock") >= looks)
        await stage.client.get_workflow_handle(STOCK_ID).signal("look")
    return STOCK_ID, first


async def _start_stock(stage: Stage) -> Any:
    return await stage.client.start_workflow(
        "StockPromises", StockWork(), id=STOCK_ID, task_queue=WORKFLOW_QUEUE, start_signal="look"
    )


async def _last_run_of_a_file(stage: Stage) -> Kept:
    await _plain("ErpFile", FILE, FILE_ID, read_source_file=_read(600))(stage)
    return FILE_ID, None


async def _hinted_again(stage: Stage) -> Kept:
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


async def _hinted_for_long(stage: Stage) -> Kept:
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


def _count(work: Any) -> LinkingCount:
    confirmed = 2 if work.system is System.QUICKBOOKS and work.kind is LinkKind.ITEM else 0
    return LinkingCount(
        system=work.system, kind=work.kind, records=3, candidates=3, exact=2, likely=1, confirmed=confirmed
    )


def _second_range_fails(work: RangeWork) -> Prepared | Missing:
    return Missing("gone") if work.seq_from == 31 else Prepared(shipments=[number(work.seq_from)])


_RANGE_IN_TROUBLE = Prepared(shipments=THREE, book=["intent/S-2", "intent/S-3"], held={"S-1": "x-1"})
_AGAIN: Booked = Booked(booked=["S-1"])

REAL: dict[str, Scenario] = {
    "ErpFile.refused": _plain("ErpFile", FILE, FILE_ID, read_source_file=_read(0, refused=True)),
    "ErpFile.held-then-accepted": _woken(
        "ErpFile",
        FILE,
        FILE_ID,
        "check_sequence",
        check_sequence=(SequenceCheck(held=True, exception_id="x-1"), SequenceCheck(held=False)),
    ),
    "ErpFile.held-then-refused": _woken(
        "ErpFile",
        FILE,
        FILE_ID,
        "check_sequence",
        check_sequence=(SequenceCheck(held=True, exception_id="x-1"), SequenceCheck(held=False, refused=True)),
    ),
    "ErpFile.failed": _plain("ErpFile", FILE, FILE_ID, read_source_file=Missing("It is not in the store.")),
    "ErpFile.master": _plain("ErpFile", FILE, FILE_ID, read_source_file=_read(3, Entity.CUSTOMER_MASTER)),
    "ErpFile.shipments": _plain("ErpFile", FILE, FILE_ID, read_source_file=_read(130)),
    "ErpFile.continued-first-run": _plain("ErpFile", FILE, FILE_ID, read_source_file=_read(600)),
    "ErpFile.continued-last-run": _last_run_of_a_file,
    "ErpFile.range-failed": _plain(
        "ErpFile", FILE, FILE_ID, read_source_file=_read(60), prepare_range=_second_range_fails
    ),
    "ShipmentRange.booked": _plain("ShipmentRange", RANGE, RANGE_ID),
    "ShipmentRange.troubled": _plain(
        "ShipmentRange",
        RANGE,
        RANGE_ID,
        prepare_range=_RANGE_IN_TROUBLE,
        book=Booked(booked=["S-2"], uncertain=["S-3"]),
    ),
    "ShipmentRange.booking-failed": _plain("ShipmentRange", RANGE, RANGE_ID, book=NotAuthorized()),
    "ShipmentRange.nothing-to-book": _plain(
        "ShipmentRange", RANGE, RANGE_ID, prepare_range=Prepared(shipments=THREE, settled=THREE)
    ),
    "ShipmentInvoicing.booked": _plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=(
            Prepared(shipments=["S-1"], order_number="SO-1", book=["intent/S-1"]),
            Prepared(shipments=["S-1"], order_number="SO-1", settled=["S-1"]),
        ),
    ),
    "ShipmentInvoicing.held-then-resolved": _woken(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        "publish",
        prepare=(
            held("S-1"),
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], settled=["S-1"]),
        ),
    ),
    "ShipmentInvoicing.refused-then-resolved": _woken(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        "publish",
        book=(Booked(refused=["S-1"]), _AGAIN),
        prepare=(
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], settled=["S-1"]),
        ),
    ),
    "ShipmentInvoicing.waiting": _waiting_shipment,
    "ShipmentInvoicing.continued": _continued_shipment,
    "Publication.published": _plain("Publication", PublishWork(shipments=THREE), "publication/a"),
    "ShipmentInvoicing.publication-under-way": _publication_under_way,
    "Publication.asked-again": _publication_asked_again,
    "Publication.after-an-outage": _plain(
        "Publication",
        PublishWork(shipments=THREE),
        "publication/a",
        publish=(Unavailable(), Published(accepted=3, refused=0)),
    ),
    "Correction.booked": _plain("Correction", CREDIT, CREDIT_ID),
    "Correction.proposed-then-decided": _woken(
        "Correction",
        CREDIT,
        CREDIT_ID,
        "publish",
        prepare_credit=(
            CreditPrepared(shipment_number="S-1", order_number="SO-1", held="x-1"),
            CreditPrepared(shipment_number="S-1", credits=["c-1"], invoices=["i-1"]),
            CreditPrepared(shipment_number="S-1"),
        ),
    ),
    "Correction.refused-then-decided-anew": _plain(
        "Correction",
        CREDIT,
        CREDIT_ID,
        prepare_credit=(
            CreditPrepared(shipment_number="S-1", credits=["c-1"]),
            CreditPrepared(shipment_number="S-1", credits=["c-2"]),
            CreditPrepared(shipment_number="S-1"),
        ),
        book_credit=(CreditBooked(refused=1), CreditBooked(booked=1)),
    ),
    "Correction.waiting": _waiting_correction,
    "ShipmentInvoicing.corrected": _plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=Prepared(shipments=["S-1"], held={"S-1": "x-1"}, correct=["S-1"]),
    ),
    "ShipmentRange.corrected": _plain(
        "ShipmentRange",
        RANGE,
        RANGE_ID,
        prepare_range=Prepared(shipments=THREE, book=["intent/S-2"], settled=["S-1", "S-3"], correct=["S-1"]),
        book=Booked(booked=["S-2"], again=["S-2"]),
    ),
    "InvoicesPull.unchanged": _plain("InvoicesPull", InvoicesWork(), "invoices-pull/1"),
    "InvoicesPull.changed": _plain(
        "InvoicesPull",
        InvoicesWork(),
        "invoices-pull/1",
        pull_invoices=InvoicesPulled(read=9, changed=2, shipments=["S-1", "S-2"]),
    ),
    "OrdersPull.unchanged": _plain("OrdersPull", OrdersWork(), "orders-pull/1", pull_orders=OrdersPulled(read=4)),
    "OrdersPull.changed": _plain(
        "OrdersPull",
        OrdersWork(),
        "orders-pull/1",
        pull_orders=OrdersPulled(read=4, changed_count=1, changed=["SO-1"]),
    ),
    "SalesforceEvent.unchanged": _plain("SalesforceEvent", HINTED, HINTED_ID, read_orders=OrdersPulled(read=1)),
    "SalesforceEvent.asked-again": _hinted_again,
    "SalesforceEvent.continued": _hinted_for_long,
    "SalesforceEvent.unreadable": _plain("SalesforceEvent", HINTED, HINTED_ID, read_orders=NotAuthorized()),
    "LinksMatch.proposed": _plain("LinksMatch", LinkingWork(), "links-match/1"),
    "LinksMatch.confirmed": _plain(
        "LinksMatch", LinkingWork(accept_exact=True), "links-match/1", propose_quickbooks=_count
    ),
    "ErpFile.stock": _plain(
        "ErpFile",
        FILE,
        FILE_ID,
        read_source_file=_read(3, Entity.INVENTORY_SNAPSHOT),
        state_stock=(StockStated(reread=True), StockStated(changed=3)),
    ),
    "ErpFile.stock-held-then-refused": _woken(
        "ErpFile",
        FILE,
        FILE_ID,
        "state_stock",
        read_source_file=(_read(3, Entity.INVENTORY_SNAPSHOT),),
        state_stock=(StockStated(held=True, exception_id="x-1"), StockStated(refused=True)),
    ),
    "ErpFile.acknowledgements": _plain("ErpFile", FILE, FILE_ID, read_source_file=_read(3, Entity.ORDER_ACK)),
    "ErpFile.returns": _plain("ErpFile", FILE, FILE_ID, read_source_file=_read(3, Entity.RETURNS)),
    "StockPromises.looking": _looking_at_stock,
    "StockPromises.continued": _continued_stock,
    "Proof.proved": _plain("Proof", ProofWork(), "proof-1"),
    "Sweep.republished": _plain("Sweep", SweepWork(republish=True), "republish-1"),
    "Sweep.swept": _plain("Sweep", SweepWork(), "sweep-1", sweep=Swept(inbox=1, shipments=2)),
}
SKIPPING: dict[str, Scenario] = {
    "ErpFile.held-looks-by-itself": _plain(
        "ErpFile", FILE, FILE_ID, check_sequence=(SequenceCheck(held=True), SequenceCheck(held=False))
    ),
    "Correction.uncertain-then-booked": _plain(
        "Correction",
        CREDIT,
        CREDIT_ID,
        prepare_credit=(
            CreditPrepared(shipment_number="S-1", credits=["c-1"]),
            CreditPrepared(shipment_number="S-1", credits=["c-1"]),
            CreditPrepared(shipment_number="S-1"),
        ),
        book_credit=(NotAuthorized(), CreditBooked(open=1), CreditBooked(booked=1)),
    ),
    "ShipmentInvoicing.uncertain-then-booked": _plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=(
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], settled=["S-1"]),
        ),
        book=(Booked(uncertain=["S-1"]), _AGAIN),
    ),
    "ShipmentInvoicing.booking-failed": _plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=(
            Prepared(shipments=["S-1"], book=["intent/S-1"]),
            Prepared(shipments=["S-1"], settled=["S-1"]),
        ),
        book=NotAuthorized(),
    ),
    "ShipmentInvoicing.store-away": _plain(
        "ShipmentInvoicing",
        SHIPMENT,
        SHIPMENT_ID,
        prepare=(*[Unavailable()] * 6, Prepared(shipments=["S-1"], settled=["S-1"])),
    ),
}
