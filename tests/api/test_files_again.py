"""Files that were refused, or whose work stopped, are read again when somebody asks for it."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.erp_file import FileActivities
from adapters.erp.writer import FileWriter
from domain.exceptions import Cause
from domain.files import FileState
from domain.work import FileWork
from store import files, inbox
from store.session import reading
from tests.api import filling
from tests.api.served import Served, assert_problem

ACKNOWLEDGED = (
    "HDR|ORDACK|000089|2026-11-20 06:40:00",
    "ACK|SO700001|A|",
    "LIN|SO700001|0001|FLB-0191|4|0|",
    "END|4",
)


async def send(served: Served, layout: str, content: bytes = b"anything at all") -> httpx.Response:
    return await served.client.post("/erp/files", params={"layout": layout}, content=content)


async def refused(served: Served, cause: Cause = Cause.FILE_REFUSED) -> tuple[dict[str, Any], str]:
    """A file that came, and was refused; answers what was accepted and the exception's id."""
    accepted: dict[str, Any] = (await send(served, "itmmst", uuid4().bytes)).json()
    with served.write() as session:
        exception_id = filling.refused(session, UUID(accepted["file_id"]), cause=cause)
    await ended(served, accepted["workflow_id"])
    return accepted, exception_id


async def ended(served: Served, workflow_id: str) -> None:
    await served.services.client.get_workflow_handle(workflow_id).terminate()


async def run_of(served: Served, workflow_id: str) -> tuple[str | None, str]:
    described = await served.services.client.get_workflow_handle(workflow_id).describe()
    assert described.status is not None
    return described.run_id, described.status.name


async def decide(served: Served, exception_id: str, choice: str = "retry") -> None:
    body = {"choice": choice, "reason": "the layout is mended"}
    answer = await served.client.post(f"/exceptions/{exception_id}/resolve", json=body)
    assert answer.status_code == 200, answer.text


async def state_of(served: Served, file_id: str) -> str:
    state: str = (await served.client.get(f"/erp/files/{file_id}")).json()["state"]
    return state


async def open_about(served: Served, file_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await served.client.get("/exceptions", params={"limit": 500})).json()["items"]
    return [one for one in items if one["record_key"] == file_id]


async def test_a_refused_file_is_read_again(filled: Served) -> None:
    accepted, exception_id = await refused(filled)
    first, status = await run_of(filled, accepted["workflow_id"])
    assert status == "TERMINATED"
    await decide(filled, exception_id)
    again, status = await run_of(filled, accepted["workflow_id"])
    assert (again != first, status) == (True, "RUNNING")
    assert await state_of(filled, accepted["file_id"]) == "received"
    assert await open_about(filled, accepted["file_id"]) == []


async def test_a_file_whose_work_stopped_goes_on(filled: Served) -> None:
    accepted, exception_id = await refused(filled, Cause.FILE_FAILED)
    await decide(filled, exception_id)
    assert (await run_of(filled, accepted["workflow_id"]))[1] == "RUNNING"
    assert await state_of(filled, accepted["file_id"]) == "read"


async def test_a_file_that_no_layout_knew_at_first_is_taken_once(served: Served) -> None:
    """F4: it was refused without a row in the inbox; taken up again it has one, and the same bytes add none."""
    content = uuid4().bytes
    sha256 = hashlib.sha256(content).hexdigest()
    with served.write() as session:
        arrival = files.FileArrival(
            sha256=sha256, filename="F", layout="unidentified", entity=None, byte_count=16, arrived_by="http"
        )
        file, _ = files.register(session, arrival)
        files.set_state(session, file.id, FileState.REFUSED, datetime.now(UTC))
    answers = [(await send(served, "itmmst", content)).json()["duplicate"] for _ in range(3)]
    assert answers == [False, True, True]
    with reading(served.engine) as session:
        query = text("SELECT count(*) FROM inbox WHERE workflow_id = :id")
        assert session.scalar(query, {"id": f"erp-file/{sha256}"}) == 1


async def test_what_is_handled_is_not_read_again(filled: Served) -> None:
    accepted, exception_id = await refused(filled)
    await decide(filled, exception_id, "handled")
    assert (await run_of(filled, accepted["workflow_id"]))[1] == "TERMINATED"
    assert await state_of(filled, accepted["file_id"]) == "refused"


async def test_the_same_decision_again_reads_it_once(filled: Served) -> None:
    accepted, exception_id = await refused(filled)
    await decide(filled, exception_id)
    with filled.write() as session:
        filling.refused(session, UUID(accepted["file_id"]))
    await ended(filled, accepted["workflow_id"])
    await decide(filled, exception_id)
    assert (await run_of(filled, accepted["workflow_id"]))[1] == "TERMINATED"
    assert await state_of(filled, accepted["file_id"]) == "refused"


async def test_an_applied_file_is_not_read_again(filled: Served) -> None:
    accepted, exception_id = await refused(filled)
    with filled.write() as session:
        files.set_state(session, UUID(accepted["file_id"]), FileState.APPLIED, filling.AT)
    await decide(filled, exception_id)
    assert await state_of(filled, accepted["file_id"]) == "applied"
    assert (await run_of(filled, accepted["workflow_id"]))[1] == "TERMINATED"


async def test_a_file_that_still_fits_no_layout_stays_work_for_a_person(filled: Served) -> None:
    receiver = filled.services.receiver
    landed = await asyncio.to_thread(receiver.land, [b"%PDF-1.7 " + uuid4().bytes])
    await asyncio.to_thread(receiver.refuse, landed, "holiday.pdf", "folder", "It looks like no export.")
    with reading(filled.engine) as session:
        (file,) = (one for one in files.page(session).items if one.sha256 == landed.sha256)
    (before,) = await open_about(filled, str(file.id))
    await decide(filled, before["id"])
    (after,) = await open_about(filled, str(file.id))
    assert after["id"] != before["id"]
    assert (after["cause"], after["choices"]) == ("file_refused", ["retry", "handled"])
    assert "one of: cusmst" in after["sentence"]
    assert await state_of(filled, str(file.id)) == "refused"


async def test_a_file_whose_bytes_are_gone_stays_work_for_a_person(filled: Served) -> None:
    accepted, exception_id = await refused(filled)
    (path,) = (one for one in filled.files if accepted["workflow_id"].endswith(one.name))
    path.unlink()
    await decide(filled, exception_id)
    (after,) = await open_about(filled, accepted["file_id"])
    assert "no longer in the data folder" in after["sentence"]


async def test_it_is_read_later_while_temporal_is_away(without_temporal: Served) -> None:
    accepted = (await send(without_temporal, "itmmst")).json()
    with without_temporal.write() as session:
        exception_id = filling.refused(session, UUID(accepted["file_id"]))
        inbox.mark_started(session, [one.id for one in inbox.unstarted(session, 10)])
    await decide(without_temporal, exception_id)
    with without_temporal.write() as session:
        (waiting,) = inbox.unstarted(session, 10)  # the sweep starts it
    assert (waiting.workflow_id, waiting.workflow_input["file_id"]) == (accepted["workflow_id"], accepted["file_id"])
    assert await state_of(without_temporal, accepted["file_id"]) == "received"


async def test_bytes_that_one_layout_refused_are_taken_by_another(served: Served) -> None:
    first = (await send(served, "itmmst")).json()
    with served.write() as session:
        filling.refused(session, UUID(first["file_id"]))
    await ended(served, first["workflow_id"])
    assert (await send(served, "itmmst")).json() == first | {"duplicate": True}

    answer = await send(served, "cusmst")
    assert answer.status_code == 202
    assert answer.json() == first | {"layout": "cusmst"}
    status = (await served.client.get(first["status_url"])).json()
    assert (status["layout"], status["state"], status["error"]) == ("cusmst", "received", None)
    assert (await run_of(served, first["workflow_id"]))[1] == "RUNNING"
    assert (await send(served, "cusmst")).json()["duplicate"] is True
    with reading(served.engine) as session:
        assert session.execute(text("SELECT count(*) FROM source_files")).scalar_one() == 1


async def test_bytes_that_were_not_refused_stay_with_their_layout(served: Served) -> None:
    first = (await send(served, "itmmst")).json()
    again = await send(served, "cusmst")
    assert (again.status_code, again.json()) == (200, first | {"duplicate": True})
    assert_problem(await send(served, "nope"), 404, "missing")


async def test_a_file_that_the_gateway_wrote_itself_is_refused(served: Served) -> None:
    """It came back by mistake: it reads well, and nothing is done with it; that must not look like success."""
    written = FileWriter(served.services.receiver.layouts.get("ordimp")).write(
        [], 12, datetime(2026, 11, 20, tzinfo=UTC)
    )
    accepted = (await served.client.post("/erp/files", content=written.content)).json()
    assert accepted["layout"] == "ordimp"
    receiver = served.services.receiver
    steps = FileActivities(served.engine, receiver.layouts, receiver.folder)
    work = FileWork(
        file_id=accepted["file_id"], sha256=accepted["workflow_id"].split("/")[1], filename="ORDIMP.S000012"
    )
    read = await asyncio.to_thread(ActivityEnvironment().run, steps.read_source_file, work)
    assert read.refused
    (found,) = (await served.client.get(f"{accepted['status_url']}/rejects")).json()["items"]
    assert (found["code"], found["severity"]) == ("E_UNSUPPORTED", "file")
    assert "came the wrong way" in found["message"]
    assert await state_of(served, accepted["file_id"]) == "refused"
    (item,) = await open_about(served, accepted["file_id"])
    assert (item["cause"], item["choices"]) == ("file_refused", ["retry", "handled"])
    with reading(served.engine) as session:
        assert session.execute(text("SELECT count(*) FROM staged_groups")).scalar_one() == 0
