"""Starting once and signal-with-start, on a real server."""

from __future__ import annotations

from activities.starting import start_once, wake_credit, wake_shipment
from domain.work import CreditProgress, CreditStep, FileProgress, FileWork, Prepared, SequenceCheck, ShipmentProgress
from tests.workflows.stage import Stage, until
from tests.workflows.steps import held

SHA = "ef" * 32
WORK = FileWork(file_id="f-1", sha256=SHA, filename="SHPCNF.S000417")
ID = f"erp-file/{SHA}"


async def test_waking_starts_a_shipment_that_is_not_under_way(stage: Stage) -> None:
    await wake_shipment(stage.client, "S-1")

    result = await stage.client.get_workflow_handle("shipment/S-1", result_type=ShipmentProgress).result()
    assert result.shipment_number == "S-1"
    assert stage.steps.booked == {"S-1"}


async def test_waking_lets_a_shipment_under_way_look_again(stage: Stage) -> None:
    stage.steps.answer("prepare", held("S-1"))
    await wake_shipment(stage.client, "S-1")
    handle = stage.client.get_workflow_handle("shipment/S-1")
    await until(lambda: stage.steps.times("prepare") >= 1)
    first = (await handle.describe()).run_id
    seen = stage.steps.times("prepare")

    await wake_shipment(stage.client, "S-1")

    await until(lambda: stage.steps.times("prepare") > seen, "it looks again")
    assert (await handle.describe()).run_id == first


async def test_waking_a_shipment_that_is_done_looks_at_it_anew(stage: Stage) -> None:
    """A correction may come long after the invoice (F9)."""
    stage.steps.answer("prepare", Prepared(shipments=["S-1"], settled=["S-1"]))
    for _ in range(2):
        await wake_shipment(stage.client, "S-1")
        await stage.client.get_workflow_handle("shipment/S-1").result()
    runs = {info.workflow_run_id for info in stage.steps.attempts["prepare"]}

    assert len(runs) == 2


async def test_waking_starts_the_corrections_of_a_shipment(stage: Stage) -> None:
    """F9, O12: one flow a shipment, however often it is woken."""
    for _ in range(2):
        await wake_credit(stage.client, "S-1")

    result = await stage.client.get_workflow_handle("credit/S-1", result_type=CreditProgress).result()
    assert result.step is CreditStep.DONE
    assert stage.steps.times("book_credit") == 1


async def test_a_file_under_way_is_left_alone(stage: Stage) -> None:
    stage.steps.answer("check_sequence", SequenceCheck(held=True), SequenceCheck(held=False))
    await start_once(stage.client, "ErpFile", ID, WORK)
    handle = stage.client.get_workflow_handle(ID, result_type=FileProgress)
    await until(lambda: stage.steps.times("check_sequence") == 1)
    first = (await handle.describe()).run_id

    await start_once(stage.client, "ErpFile", ID, WORK)

    assert (await handle.describe()).run_id == first
    await until(lambda: stage.steps.times("check_sequence") == 1)
    await handle.signal("recheck")
    assert (await handle.result()).state == "applied"
    assert stage.steps.times("read_source_file") == 1


async def test_a_file_that_ended_can_be_started_again(stage: Stage) -> None:
    """Whether it has to be is what the store decides."""
    for _ in range(2):
        await start_once(stage.client, "ErpFile", ID, WORK.model_dump(mode="json"))
        await stage.client.get_workflow_handle(ID).result()

    assert stage.steps.asked["read_source_file"] == [WORK, WORK]
