"""Loading masters: files come late, again and out of order, and the newest statement of a record stands (case F7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Engine, update
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from activities.masters import MasterActivities
from domain.amendments import Amendment, LineChange
from domain.customers import Customer
from domain.files import Entity, StagedGroup
from domain.items import Item
from domain.work import FileWork, MastersApplied
from store import amendments, customers, files, items, staging
from store.causes import Cause, CauseSource
from store.session import reading, transaction
from store.tables import SourceFileRow
from tests.build import customer, item

BY = Cause(source=CauseSource.ERP, actor="test")
MONDAY = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)


def arrived(engine: Engine, entity: Entity, created_at: datetime | None, **stated: str) -> FileWork:
    """A master that states these names, read and staged."""
    groups = [
        StagedGroup(
            seq=seq,
            key=key,
            line_from=seq,
            line_to=seq,
            byte_from=0,
            byte_to=1,
            payload=_record(entity, key, name).model_dump(mode="json"),
        )
        for seq, (key, name) in enumerate(stated.items(), start=1)
    ]
    sha256 = uuid4().hex * 2
    arrival = files.FileArrival(
        sha256=sha256, filename="MST", layout="cusmst", entity=entity, byte_count=1, arrived_by="http"
    )
    with transaction(engine, BY) as session:
        file, _ = files.register(session, arrival)
        staging.stage(session, file.id, [groups])
        session.execute(update(SourceFileRow).where(col(SourceFileRow.id) == file.id).values(created_at=created_at))
    return FileWork(file_id=str(file.id), sha256=sha256, filename="MST")


def _record(entity: Entity, key: str, name: str) -> Customer | Item:
    return customer(key, name=name) if entity is Entity.CUSTOMER_MASTER else item(key, description=name)


def load(engine: Engine, work: FileWork) -> int:
    applied: MastersApplied = ActivityEnvironment().run(MasterActivities(engine).load_master, work)
    return applied.written


def names(engine: Engine, *keys: str) -> list[str]:
    with reading(engine) as session:
        return [one.name for one in customers.get_many(session, keys).values()]


def test_an_old_file_that_is_put_right_changes_nothing_that_is_newer(engine: Engine) -> None:
    """A layout may say no instant: a copy counts from when the file came, not from when somebody worked on it."""
    monday = arrived(engine, Entity.CUSTOMER_MASTER, None, C1="Old & Sons")
    load(engine, monday)
    load(engine, arrived(engine, Entity.CUSTOMER_MASTER, None, C1="New & Sons"))
    copy = arrived(engine, Entity.CUSTOMER_MASTER, None, C1="Old & Sons", C2="Was refused on Monday")
    amended = Amendment(
        file_id=UUID(copy.file_id),
        amends=UUID(monday.file_id),
        lines=(LineChange(line=2, before="C2 ?", text="C2"),),
        reason="a slip",
        amended_by="ana",
        amended_at=WEDNESDAY,
    )
    with transaction(engine, BY) as session:
        amendments.record(session, amended)
    assert load(engine, copy) == 1
    assert names(engine, "C1", "C2") == ["New & Sons", "Was refused on Monday"]


def test_an_older_file_that_is_loaded_again_changes_nothing_that_is_newer(engine: Engine) -> None:
    """It still adds what no newer one states: an export is no snapshot."""
    monday = arrived(engine, Entity.CUSTOMER_MASTER, MONDAY, C1="Old & Sons", C2="Only on Monday")
    load(engine, arrived(engine, Entity.CUSTOMER_MASTER, TUESDAY, C1="New & Sons"))
    assert load(engine, monday) == 1
    assert names(engine, "C1", "C2") == ["New & Sons", "Only on Monday"]
    load(engine, arrived(engine, Entity.CUSTOMER_MASTER, WEDNESDAY, C1="Newest & Sons"))
    assert names(engine, "C1") == ["Newest & Sons"]


def test_an_older_item_master_changes_nothing_that_is_newer(engine: Engine) -> None:
    load(engine, arrived(engine, Entity.ITEM_MASTER, TUESDAY, BOLT="Bolt, zinc"))
    load(engine, arrived(engine, Entity.ITEM_MASTER, MONDAY, BOLT="Bolt"))
    with reading(engine) as session:
        assert items.get_many(session, ["BOLT"])["BOLT"].description == "Bolt, zinc"


def test_a_newer_file_that_states_the_same_counts_as_well(engine: Engine) -> None:
    """Tuesday's file comes last: by then Wednesday's has said that Monday's name is right."""
    load(engine, arrived(engine, Entity.CUSTOMER_MASTER, MONDAY, C1="Right & Sons"))
    assert load(engine, arrived(engine, Entity.CUSTOMER_MASTER, WEDNESDAY, C1="Right & Sons")) == 0
    assert load(engine, arrived(engine, Entity.CUSTOMER_MASTER, TUESDAY, C1="Wrong & Sons")) == 0
    assert names(engine, "C1") == ["Right & Sons"]


def test_a_file_that_says_no_time_was_stated_when_it_came(engine: Engine) -> None:
    load(engine, arrived(engine, Entity.CUSTOMER_MASTER, None, C1="Just now & Sons"))
    load(engine, arrived(engine, Entity.CUSTOMER_MASTER, MONDAY - timedelta(days=9999), C1="Long ago & Sons"))
    assert names(engine, "C1") == ["Just now & Sons"]


def test_loading_a_file_again_writes_nothing(engine: Engine) -> None:
    work = arrived(engine, Entity.CUSTOMER_MASTER, MONDAY, C1="Acme", C2="Beta")
    assert [load(engine, work), load(engine, work)] == [2, 0]
