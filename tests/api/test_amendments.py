"""Lines of a refused file are put right: a copy is read, the file that came stays, and the difference is kept."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.erp_file import FileActivities
from domain.work import FileWork
from store import amendments, files
from store.session import reading
from tests.api.served import Served, assert_problem

HEAD = "HDR|ORDACK|000089|2026-11-20 06:40:00"
GOOD = ("ACK|SO700001|A|", "LIN|SO700001|0001|FLB-0191|4|0|")
WRONG = "LIN|SO700002|0001|FLB-0191|4O|0|"  # the letter for a nought
RIGHT = "LIN|SO700002|0001|FLB-0191|40|0|"
REASON = "the warehouse says forty"


def content(*, line: str = WRONG, end: str = "\r\n", head: str = HEAD) -> bytes:
    lines = (head, *GOOD, "ACK|SO700002|A|", line, "END|6")
    return "".join(one + end for one in lines).encode("cp1252")


async def read(served: Served, given: bytes | None = None, *, finished: bool = True) -> dict[str, Any]:
    """A file that was handed in and read, by the steps of its flow; answers it."""
    accepted = (await served.client.post("/erp/files", content=given or content())).json()
    return await work_on(served, accepted, finished=finished)


async def work_on(served: Served, accepted: dict[str, Any], *, finished: bool = True) -> dict[str, Any]:
    await served.services.client.get_workflow_handle(accepted["workflow_id"]).terminate()
    receiver = served.services.receiver
    steps = FileActivities(served.engine, receiver.layouts, receiver.folder)
    sha256 = accepted["workflow_id"].partition("/")[2]
    work = FileWork(file_id=accepted["file_id"], sha256=sha256, filename="ORDACK.S000089")
    found = await asyncio.to_thread(ActivityEnvironment().run, steps.read_source_file, work)
    if not found.refused:
        checked = await asyncio.to_thread(ActivityEnvironment().run, steps.check_sequence, work)
        assert not checked.held
        if finished:
            await asyncio.to_thread(ActivityEnvironment().run, steps.finish_file, work)
    return await file(served, accepted["file_id"])


async def file(served: Served, file_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await served.client.get(f"/erp/files/{file_id}")).json()
    return found


async def amend(served: Served, file_id: str, *lines: tuple[int, str], **more: Any) -> httpx.Response:
    body = {"lines": [{"line": number, "text": text} for number, text in lines], "reason": REASON}
    return await served.client.post(f"/erp/files/{file_id}/amendments", json=body, **more)


async def work_about(served: Served, file_id: str) -> list[dict[str, Any]]:
    found = (await served.client.get("/exceptions", params={"state": "all", "limit": 500})).json()["items"]
    return [one for one in found if one["record_key"] == file_id]


async def test_a_refused_row_is_put_right_and_read(served: Served) -> None:
    """The copy takes the place of the file in the sequence, says what it differs in, and settles the exception."""
    came = await read(served)
    assert (came["state"], came["group_count"], came["rejected_group_count"]) == ("applied", 1, 1)
    (refused,) = (await served.client.get(f"/erp/files/{came['file_id']}/rejects")).json()["items"]

    answer = await amend(served, came["file_id"], (refused["line"], RIGHT), (6, "END|6"))

    assert answer.status_code == 202
    accepted = answer.json()
    assert answer.headers["Location"] == f"/erp/files/{accepted['file_id']}"
    copy = await work_on(served, accepted)
    assert (copy["state"], copy["group_count"], copy["rejected_group_count"]) == ("applied", 2, 0)
    assert (copy["arrived_by"], copy["sequence"]) == ("amendment", 89)
    difference = copy["amendment"]
    assert difference["lines"] == [{"line": 5, "before": WRONG, "text": RIGHT}]
    assert (difference["amends"], difference["reason"]) == (came["file_id"], REASON)
    assert difference["amended_by"]
    again = await file(served, came["file_id"])
    assert (again["amendment"], again["amended_as"]) == (None, [copy["file_id"]])
    (item,) = await work_about(served, came["file_id"])
    assert (item["cause"], item["state"], item["resolution"]["choice"]) == ("file_rows_refused", "resolved", "handled")
    assert copy["file_id"] in item["resolution"]["reason"]


async def test_the_copy_is_the_file_but_for_the_line(served: Served) -> None:
    """To the byte: line ends stay, and so does the file that came."""
    came = await read(served, content(end="\n"))
    accepted = (await amend(served, came["file_id"], (5, RIGHT))).json()
    folder = served.services.receiver.folder
    sha256 = accepted["workflow_id"].partition("/")[2]
    assert (folder / sha256[:2] / sha256).read_bytes() == content(line=RIGHT, end="\n")
    assert (folder / came["sha256"][:2] / came["sha256"]).read_bytes() == content(end="\n")
    await served.services.client.get_workflow_handle(accepted["workflow_id"]).terminate()


async def test_a_file_refused_whole_is_put_right(served: Served) -> None:
    came = await read(served, content(line=RIGHT, head=HEAD.replace("2026-11-20", "2026-13-20")))
    assert came["state"] == "refused"
    copy = await work_on(served, (await amend(served, came["file_id"], (1, HEAD))).json())
    assert (copy["state"], copy["group_count"]) == ("applied", 2)
    (item,) = await work_about(served, came["file_id"])
    assert (item["cause"], item["state"]) == ("file_refused", "resolved")


async def test_a_copy_that_is_wrong_too_is_work_again(served: Served) -> None:
    came = await read(served)
    wrong = RIGHT.replace("40", "4Q")
    copy = await work_on(served, (await amend(served, came["file_id"], (5, wrong))).json())
    (item,) = await work_about(served, copy["file_id"])
    assert (item["cause"], item["state"]) == ("file_rows_refused", "open")
    last = await work_on(served, (await amend(served, copy["file_id"], (5, RIGHT))).json())
    assert (last["state"], last["rejected_group_count"]) == ("applied", 0)
    assert last["amendment"]["amends"] == copy["file_id"]


async def test_the_same_lines_again_are_the_same_copy(served: Served) -> None:
    came = await read(served)
    first = (await amend(served, came["file_id"], (5, RIGHT))).json()
    again = await amend(served, came["file_id"], (5, RIGHT))
    assert (again.status_code, again.json()) == (200, first | {"duplicate": True})
    await served.services.client.get_workflow_handle(first["workflow_id"]).terminate()


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        (2, "ACK|SO700009|A|", "Line 2 was not refused"),
        (1, HEAD.replace("000089", "000091"), "Line 1 was not refused"),
        (5, "LIN|SO700002|0001|FLB-\ufffd|4|0|", "bytes that the code page"),
        (5, WRONG, "These lines say this already"),
        (9, RIGHT, "has 6 lines, and none 9"),
        (5, "LIN|SO700002|0001|ФLB|4|0|", "Line 5, column 19: the file's code page"),
        (5, "one\ntwo", "Line 5 is to stay one line"),
    ],
)
async def test_what_cannot_be_amended_says_why(served: Served, line: int, text: str, said: str) -> None:
    came = await read(served)
    problem = assert_problem(await amend(served, came["file_id"], (line, text)), 422, "malformed")
    assert said in problem["detail"]
    assert [one["state"] for one in await work_about(served, came["file_id"])] == ["open"]


async def test_a_line_is_named_once(served: Served) -> None:
    came = await read(served)
    assert_problem(await amend(served, came["file_id"], (5, RIGHT), (5, WRONG)), 422, "malformed")


async def test_only_what_is_done_with_and_was_refused_in_part_is_amended(served: Served) -> None:
    under_way = await read(served, finished=False)
    problem = assert_problem(await amend(served, under_way["file_id"], (5, RIGHT)), 422, "malformed")
    assert "wait until it is done with" in problem["detail"]
    taken = await read(served, content(line=RIGHT, head=HEAD.replace("000089", "000090")))
    problem = assert_problem(await amend(served, taken["file_id"], (5, WRONG)), 422, "malformed")
    assert "Every record" in problem["detail"]
    assert_problem(await amend(served, str(uuid4()), (5, RIGHT)), 404, "missing")


async def test_a_viewer_amends_nothing(served: Served) -> None:
    came = await read(served)
    answer = await amend(served, came["file_id"], (5, RIGHT), headers=served.as_scope("viewer"))
    assert_problem(answer, 403, "scope_missing")


async def test_the_audit_trail_tells_of_it(served: Served) -> None:
    came = await read(served)
    accepted = (await amend(served, came["file_id"], (5, RIGHT))).json()
    entries = (await served.client.get("/audit", params={"limit": 50})).json()["items"]
    (entry,) = [one for one in entries if one["action"] == "file_amended"]
    assert (entry["record_type"], entry["record_key"]) == ("file", came["file_id"])
    assert entry["details"]["after"]["reason"] == REASON
    await served.services.client.get_workflow_handle(accepted["workflow_id"]).terminate()


async def test_a_file_is_put_right_once_and_not_back(served: Served) -> None:
    """Of two copies each would undo what the other one says; one that is the file that came would never be read."""
    came = await read(served)
    wrong = RIGHT.replace("40", "4Q")
    copy = await work_on(served, (await amend(served, came["file_id"], (5, wrong))).json())
    other = assert_problem(await amend(served, came["file_id"], (5, RIGHT)), 422, "malformed")
    assert f"put right as {copy['file_id']} already" in other["detail"]
    back = assert_problem(await amend(served, copy["file_id"], (5, WRONG)), 422, "malformed")
    assert "the file that it was made of" in back["detail"]
    (item,) = await work_about(served, copy["file_id"])
    assert item["state"] == "open"


async def test_a_copy_is_no_export_that_came(served: Served) -> None:
    """The alarm for a missing export must not be quiet because somebody worked on yesterday's."""
    came = await read(served)
    with reading(served.engine) as session:
        before = files.last_received(session, "ordack")
    accepted = (await amend(served, came["file_id"], (5, RIGHT))).json()
    await served.services.client.get_workflow_handle(accepted["workflow_id"]).terminate()
    with reading(served.engine) as session:
        assert files.last_received(session, "ordack") == before


async def test_what_a_copy_states_was_stated_when_the_file_came(served: Served) -> None:
    """Case F7: an old file that is put right undoes nothing that a newer one said since."""
    came = await read(served)
    copy = await work_on(served, (await amend(served, came["file_id"], (5, RIGHT))).json())
    with reading(served.engine) as session:
        stored = files.get(session, UUID(copy["file_id"]))
        assert stored is not None
        assert str(amendments.as_it_came(session, stored).id) == came["file_id"]


async def test_a_nought_byte_is_put_right(served: Served) -> None:
    came = await read(served, content(line=WRONG.replace("4O", "4\x00")))
    accepted = await amend(served, came["file_id"], (5, RIGHT))
    assert accepted.status_code == 202, accepted.text
    copy = await work_on(served, accepted.json())
    assert copy["amendment"]["lines"][0]["before"] == WRONG.replace("4O", "4\u2400")
