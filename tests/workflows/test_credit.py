"""`credit/<shipment>` and `invoices-pull`: waiting for a person, asking again by itself, publishing what moved."""

from __future__ import annotations

import asyncio

from domain.errors import NotAuthorized
from domain.work import (
    Booked,
    CreditBooked,
    CreditPrepared,
    CreditProgress,
    CreditStep,
    CreditWork,
    HandOver,
    InvoicesPulled,
    InvoicesWork,
    Prepared,
    PublishWork,
    RangeWork,
    ShipmentProgress,
    ShipmentStep,
    ShipmentWork,
)
from runtime.names import ORDER_NUMBER, SHIPMENT
from tests.workflows.stage import Stage, until
from workflows.credit import workflow_id

S1 = CreditWork(shipment_number="S-1")
ID = workflow_id("S-1")
HELD = CreditPrepared(shipment_number="S-1", held="x-1")
DUE = CreditPrepared(shipment_number="S-1", credits=["c-1"])
DONE = CreditPrepared(shipment_number="S-1")


async def correct(stage: Stage) -> CreditProgress:
    found: CreditProgress = await stage.run("Correction", S1, ID, CreditProgress)
    return found


async def test_what_is_allowed_is_made_at_once_and_said(stage: Stage) -> None:
    progress = await correct(stage)

    assert progress == CreditProgress(shipment_number="S-1", step=CreditStep.DONE, rounds=2)
    assert stage.steps.times("book_credit") == 1
    await until(lambda: stage.steps.times("publish") == 1, "it is published")
    described = await stage.client.get_workflow_handle(ID).describe()
    assert described.typed_search_attributes.get(SHIPMENT) == "S-1"
    assert described.typed_search_attributes.get(ORDER_NUMBER) == "SO-1"


async def test_what_is_proposed_waits_for_a_person(stage: Stage) -> None:
    stage.steps.answer("prepare_credit", HELD, DUE, DONE)
    handle = await stage.start("Correction", S1, ID)

    async def waits() -> bool:
        status = await stage.status(ID, CreditProgress)
        return status.step is CreditStep.WAITING and status.exception_id == "x-1"

    await until(waits)
    assert stage.steps.times("book_credit") == 0
    await handle.signal("recheck")
    assert (await handle.result())["step"] == CreditStep.DONE
    assert stage.steps.times("book_credit") == 1


async def test_a_refusal_is_decided_upon_anew(stage: Stage) -> None:
    """E12: what was refused for a closed period goes out under the first open day."""
    stage.steps.answer("prepare_credit", DUE, CreditPrepared(shipment_number="S-1", credits=["c-2"]), DONE)
    stage.steps.answer("book_credit", CreditBooked(refused=1), CreditBooked(booked=1))

    assert (await correct(stage)).step is CreditStep.DONE
    assert [one.credits for one in stage.steps.asked["book_credit"]] == [["c-1"], ["c-2"]]


async def test_what_has_no_outcome_is_shown_and_asked_for_again(skipping: Stage) -> None:
    """E13: after some minutes, by itself."""
    skipping.steps.answer("prepare_credit", DUE, DUE, DUE, DONE)
    skipping.steps.answer("book_credit", NotAuthorized(), CreditBooked(open=1), CreditBooked(booked=1))

    progress = await correct(skipping)

    assert progress.step is CreditStep.DONE
    assert skipping.steps.times("note_unbooked_credit") == 2


async def test_a_recheck_while_it_works_is_another_look(stage: Stage) -> None:
    gate = asyncio.Event()

    async def book(_: object) -> CreditBooked:
        await gate.wait()
        return CreditBooked(booked=1)

    stage.steps.answer("book_credit", book)
    stage.steps.answer("prepare_credit", DUE, DONE, DONE)
    handle = await stage.start("Correction", S1, ID)
    await until(lambda: stage.steps.times("book_credit") == 1)
    await handle.signal("recheck")
    gate.set()
    await handle.result()
    assert stage.steps.times("prepare_credit") == 3


async def test_an_invoiced_shipment_hands_its_corrections_over(stage: Stage) -> None:
    """F9: the shipment's own flow is done; `credit/S-1` waits."""
    stage.steps.answer("prepare", Prepared(shipments=["S-1"], held={"S-1": "x-1"}, correct=["S-1"]))

    progress = await stage.run(
        "ShipmentInvoicing", ShipmentWork(shipment_number="S-1"), "shipment/S-1", ShipmentProgress
    )

    assert (progress.step, progress.exception_id) == (ShipmentStep.DONE, "x-1")
    assert stage.steps.asked["hand_over_credits"] == [HandOver(shipments=["S-1"])]


async def test_a_range_hands_over_what_was_corrected_or_came_back_meanwhile(stage: Stage) -> None:
    """F9, O12."""
    work = RangeWork(file_id="f", sha256="ab" * 32, seq_from=1, seq_to=3)
    stage.steps.answer(
        "prepare_range",
        Prepared(shipments=["S-1", "S-2", "S-3"], book=["intent/S-2"], settled=["S-1"], correct=["S-1"]),
    )
    stage.steps.answer("book", Booked(booked=["S-2"], again=["S-2"]))

    await stage.run("ShipmentRange", work, "shipments/x", Prepared)

    assert stage.steps.asked["hand_over"] == [HandOver(shipments=["S-1", "S-2"])]


async def test_what_moved_in_quickbooks_is_said_in_salesforce(stage: Stage) -> None:
    """E18."""
    stage.steps.answer("pull_invoices", InvoicesPulled(read=3, changed=2, shipments=["S-1", "S-2"]))

    pulled = await stage.run("InvoicesPull", InvoicesWork(), "invoices-pull/1", InvoicesPulled)

    assert pulled.changed == 2
    await until(lambda: stage.steps.times("publish") == 1, "it is published")
    assert stage.steps.asked["publish"] == [PublishWork(shipments=["S-1", "S-2"])]


async def test_a_look_without_news_says_nothing(stage: Stage) -> None:
    await stage.run("InvoicesPull", InvoicesWork(), "invoices-pull/1", InvoicesPulled)

    assert stage.steps.times("publish") == 0
