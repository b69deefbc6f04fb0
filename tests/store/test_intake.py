"""Intake: the inbox, source files and staging."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from domain.errors import Duplicate, Missing
from domain.files import Entity, FileState, FileSummary, Reject, Severity, StagedGroup
from store import files, inbox, staging
from store.causes import Cause
from store.files import FileArrival
from store.inbox import Arrival
from store.session import reading, transaction

AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def arrival(external_id: str = "f-1", source: str = "erp", **more: object) -> Arrival:
    fields = {
        "kind": "file",
        "payload": {"name": "SHPCNF.DAT", "bytes": 3},
        "workflow_type": "ErpFile",
        "workflow_id": f"erp-file/{external_id}",
        "workflow_input": {"sha256": external_id},
        **more,
    }
    return Arrival.model_validate({"source": source, "external_id": external_id, **fields})


def file_arrival(sha256: str = "aa", **more: object) -> FileArrival:
    fields = {"filename": "SHPCNF.DAT", "layout": "shpcnf", "byte_count": 3, "arrived_by": "http", **more}
    return FileArrival.model_validate({"sha256": sha256, **fields})


def summary(**more: object) -> FileSummary:
    fields = {
        "layout": "shpcnf",
        "layout_version": 1,
        "layout_digest": "d",
        "entity": Entity.SHIPMENT_CONFIRMATION,
        "sequence": 7,
        "created_at": AT,
        "byte_count": 3,
        "record_count": 5,
        "group_count": 2,
        "rejected_group_count": 1,
        "totals": {"quantity": "10.50"},
        **more,
    }
    return FileSummary.model_validate(fields)


def reject(n: int, **more: object) -> Reject:
    fields = {
        "severity": Severity.GROUP,
        "code": "E_NUM",
        "message": "no number",
        "remedy": "fix it",
        "line": n,
        **more,
    }
    return Reject.model_validate(fields)


def group(seq: int, key: str = "SHP") -> StagedGroup:
    payload = {"number": f"{key}-{seq}", "freight": "12.50", "note": "tab\tback\\slash ünïcode"}
    return StagedGroup(
        seq=seq, key=f"{key}-{seq}", line_from=seq, line_to=seq + 1, byte_from=0, byte_to=9, payload=payload
    )


@pytest.fixture
def file_id(session: Session) -> UUID:
    return files.register(session, file_arrival())[0].id


def test_the_same_arrival_is_one_row_however_often_it_comes(session: Session) -> None:
    first, is_new = inbox.receive(session, arrival())
    again, is_new_again = inbox.receive(session, arrival(payload={"other": 1}))
    assert (is_new, is_new_again) == (True, False)
    assert again == first
    assert first.workflow_input == {"sha256": "f-1"}
    assert inbox.receive(session, arrival(source="quickbooks"))[1]


def test_many_arrivals_come_back_in_their_order(session: Session) -> None:
    inbox.receive(session, arrival("b"))
    found = inbox.receive_many(session, [arrival("c"), arrival("b"), arrival("a"), arrival("c")])
    assert [(entry.external_id, is_new) for entry, is_new in found] == [
        ("c", True),
        ("b", False),
        ("a", True),
        ("c", True),
    ]
    assert inbox.receive_many(session, []) == []


def test_what_was_not_started_is_found_until_it_is(session: Session) -> None:
    entries = [inbox.receive(session, arrival(name))[0] for name in ("a", "b", "c")]
    assert inbox.unstarted(session, 2) == entries[:2]
    assert inbox.unstarted(session, 10, older_than=timedelta(minutes=1)) == []
    inbox.mark_started(session, [entries[0].id])
    inbox.mark_attempted(session, [entries[1].id])
    assert [(one.external_id, one.attempts) for one in inbox.unstarted(session, 10)] == [("b", 1), ("c", 0)]
    assert inbox.backlog(session) == (2, entries[1].received_at)
    known, _ = inbox.receive(session, arrival("a"))
    assert known.started_at is not None


def test_two_relays_never_take_the_same_row(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        inbox.receive_many(session, [arrival(str(n)) for n in range(4)])
    with transaction(engine, cause) as one, transaction(engine, cause) as other:
        taken = inbox.unstarted(one, 2)
        rest = inbox.unstarted(other, 10)
    assert len(taken) == 2
    assert len(rest) == 2
    assert not {entry.id for entry in taken} & {entry.id for entry in rest}


def test_an_uncommitted_arrival_blocks_its_twin_until_it_is_decided(engine: Engine, cause: Cause) -> None:
    with pytest.raises(RuntimeError), transaction(engine, cause) as first:  # noqa: PT012 - the failure is the point
        inbox.receive(first, arrival())
        raise RuntimeError
    with transaction(engine, cause) as second:
        assert inbox.receive(second, arrival())[1]


def test_the_same_bytes_are_one_file_under_any_name(session: Session) -> None:
    """F4: an exact re-send is recognised by its content, and noted."""
    first, is_new = files.register(session, file_arrival(visible_at=AT))
    again, is_new_again = files.register(session, file_arrival(filename="COPY.DAT", arrived_by="folder"))
    assert (is_new, is_new_again) == (True, False)
    assert (again.id, again.filename, again.visible_at) == (first.id, "SHPCNF.DAT", AT)
    assert [(one.filename, one.arrived_by) for one in files.names(session, first.id)] == [
        ("SHPCNF.DAT", "http"),
        ("COPY.DAT", "folder"),
    ]


def test_a_files_summary_and_rejects_replace_those_of_an_earlier_attempt(session: Session, file_id: UUID) -> None:
    files.save_summary(session, file_id, summary(rejects=tuple(reject(n) for n in range(1, 5))))
    full = summary(rejects=(reject(1, text="a\0b", raw="12\0"), reject(2, severity="warning", field="qty")))
    files.save_summary(session, file_id, full)
    found = files.get(session, file_id)
    assert found is not None
    assert found.summary == full.model_copy(update={"rejects": ()})
    assert (found.sequence, found.record_count, found.group_count, found.reject_count) == (7, 5, 2, 2)
    page = files.rejects_page(session, file_id, limit=1)
    assert page.items[0].text == "a␀b"
    assert files.rejects_page(session, file_id, limit=1, cursor=page.next_cursor).items == (full.rejects[1],)


def test_a_file_remembers_when_it_was_first_read_and_applied(session: Session, file_id: UUID) -> None:
    later = AT + timedelta(minutes=1)
    files.set_state(session, file_id, FileState.READ, AT)
    files.set_state(session, file_id, FileState.READ, later)
    found = files.set_state(session, file_id, FileState.APPLIED, later)
    assert (found.state, found.read_at, found.applied_at) == (FileState.APPLIED, AT, later)
    refused = files.set_state(session, file_id, FileState.REFUSED, later, error="no trailer")
    assert refused.error == "no trailer"
    with pytest.raises(Missing):
        files.set_state(session, uuid4(), FileState.READ, AT)
    assert files.get(session, uuid4()) is None


def test_files_are_found_by_sequence(session: Session) -> None:
    """F6, F7: files with the same header sequence, and the sequence before."""
    ids = {name: files.register(session, file_arrival(name))[0].id for name in ("a", "b", "c", "d")}
    for name, sequence in (("a", 3), ("b", 5), ("c", 5), ("d", 4)):
        files.save_summary(session, ids[name], summary(sequence=sequence))
        files.set_state(session, ids[name], FileState.READ, AT)
    files.set_state(session, ids["d"], FileState.REFUSED, AT)
    assert {one.id for one in files.by_sequence(session, "shpcnf", 5)} == {ids["b"], ids["c"]}
    assert files.latest_sequence(session, "shpcnf") == 5
    assert files.latest_before(session, "shpcnf", 5) == 3
    assert files.latest_before(session, "shpcnf", 3) is None
    assert files.latest_sequence(session, "cusmst") is None


def test_files_are_listed_newest_first(engine: Engine, cause: Cause) -> None:
    for name in ("a", "b", "c"):
        with transaction(engine, cause) as session:
            files.register(session, file_arrival(name, layout="cusmst" if name == "b" else "shpcnf"))
    with reading(engine) as session:
        first = files.page(session, limit=2)
        assert [one.sha256 for one in first.items] == ["c", "b"]
        assert [one.sha256 for one in files.page(session, limit=2, cursor=first.next_cursor).items] == ["a"]
        assert [one.sha256 for one in files.page(session, layout="shpcnf").items] == ["c", "a"]
        assert files.page(session, state=FileState.APPLIED).items == ()


def test_staged_groups_come_back_by_range(session: Session, file_id: UUID) -> None:
    blocks = [[group(n) for n in range(1, 4)], [], [group(n) for n in range(4, 6)]]
    assert staging.stage(session, file_id, blocks) == 5
    assert staging.groups(session, file_id, 2, 4) == [group(2), group(3), group(4)]
    assert staging.count(session, file_id) == 5


def test_staging_again_replaces_what_an_earlier_attempt_left(session: Session, file_id: UUID) -> None:
    staging.stage(session, file_id, [[group(n) for n in range(1, 10)]])
    assert staging.stage(session, file_id, [[group(1, "NEW")]]) == 1
    assert staging.groups(session, file_id, 1, 99) == [group(1, "NEW")]
    staging.clear(session, file_id)
    assert staging.count(session, file_id) == 0


def test_a_file_that_breaks_off_leaves_nothing(engine: Engine, cause: Cause) -> None:
    """F2: a truncated file has no effects."""

    def broken() -> Iterator[list[StagedGroup]]:
        yield [group(1), group(2)]
        raise RuntimeError

    with transaction(engine, cause) as session:
        file = files.register(session, file_arrival())[0]
        staging.stage(session, file.id, [[group(1, "OLD")]])
    with pytest.raises(RuntimeError), transaction(engine, cause) as session:
        staging.stage(session, file.id, broken())
    with reading(engine) as session:
        assert staging.groups(session, file.id, 1, 9) == [group(1, "OLD")]


def test_a_sequence_number_stated_twice_is_refused(engine: Engine, cause: Cause) -> None:
    with transaction(engine, cause) as session:
        file = files.register(session, file_arrival())[0]
    with pytest.raises(Duplicate), transaction(engine, cause) as session:
        staging.stage(session, file.id, [[group(1), group(1)]])


def test_a_large_file_is_staged_by_copy(session: Session, file_id: UUID) -> None:
    """F15: twenty thousand groups, one COPY, read one block at a time."""
    assert staging.stage(session, file_id, ([group(b * 1000 + n) for n in range(1, 1001)] for b in range(20))) == 20000
    assert session.execute(text("SELECT count(*) FROM staged_groups")).scalar_one() == 20000
    assert [one.seq for one in staging.groups(session, file_id, 19_999, 30_000)] == [19_999, 20_000]
