"""Master records in the store: what is agreed, what each side had last, and the ledger of what is written elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text
from sqlmodel import Session, col

from domain.links import LinkKind
from domain.master_seen import ClockReading, MasterSeen
from domain.master_values import Value, digest
from domain.master_work import WriteState
from domain.merging import Base, MergeInput, MergeOutcome, SideState
from domain.sources import System
from store.tables.invoices import InvoiceRow
from store.tables.mastering import MasterPlanRow, MasterRecordRow, MasterSideRow, MasterWriteRow
from store.upserts import upsert as upsert_rows

_BEGIN = text("INSERT INTO master_records (kind, key) VALUES (:kind, :key) ON CONFLICT DO NOTHING")
_UNMERGE = text("""
UPDATE master_sides SET merged_into = NULL
FROM json_each_text(CAST(:ids AS json)) AS read(key, external_id)
WHERE master_sides.kind = :kind AND master_sides.system = :system AND master_sides.key = read.key
AND master_sides.external_id <> read.external_id AND merged_into IS NOT NULL
""")


def lock(session: Session, kind: LinkKind, key: str) -> MasterRecordRow:
    """The row of a record, held until the transaction ends; made where there is none yet."""
    session.execute(_BEGIN, {"kind": kind.value, "key": key})
    return session.get_one(MasterRecordRow, (kind.value, key), with_for_update=True, populate_existing=True)


def get_many(session: Session, kind: LinkKind, keys: Sequence[str]) -> dict[str, MasterRecordRow]:
    """The rows of these records that have one."""
    query = select(MasterRecordRow).where(col(MasterRecordRow.kind) == kind.value, col(MasterRecordRow.key).in_(keys))
    return {row.key: row for row in session.scalars(query)}


def sides(session: Session, kind: LinkKind, key: str) -> dict[System, MasterSideRow]:
    """What each system had when it was read last."""
    query = select(MasterSideRow).where(col(MasterSideRow.kind) == kind.value, col(MasterSideRow.key) == key)
    return {System(row.system): row for row in session.scalars(query)}


def versions(session: Session, system: System, kind: LinkKind, keys: Sequence[str]) -> dict[str, str | None]:
    """The version in which each of these records was read last in a system, by our own key."""
    side = (col(MasterSideRow.kind) == kind.value, col(MasterSideRow.system) == system.value)
    query = select(col(MasterSideRow.key), col(MasterSideRow.version)).where(*side, col(MasterSideRow.key).in_(keys))
    return {row.key: row.version for row in session.execute(query)}


def stated(session: Session, system: System, kind: LinkKind, keys: Sequence[str]) -> dict[str, dict[str, Value]]:
    """What a system had of each of these records when it was read last, by our own key."""
    side = (col(MasterSideRow.kind) == kind.value, col(MasterSideRow.system) == system.value)
    query = select(col(MasterSideRow.key), col(MasterSideRow.stated)).where(*side, col(MasterSideRow.key).in_(keys))
    return {row.key: row.stated for row in session.execute(query)}


def keep_sides(
    session: Session, system: System, seen: Mapping[str, MasterSeen], clock: ClockReading | None, at: datetime
) -> None:
    """Keep what a system has of these records, by our own key.

    That a record was merged may be known from a hint alone: it stays known as long as it is the same record there.
    """
    silent = {key: one for key, one in seen.items() if not _tells_of_merges(system, one)}
    for kind in {one.kind for one in silent.values()}:
        ids = {key: one.external_id for key, one in silent.items() if one.kind is kind}
        session.execute(_UNMERGE, {"kind": kind.value, "system": system.value, "ids": json.dumps(ids)})
    of_clock = {
        "clock_offset_ms": clock.offset_ms if clock else 0,
        "clock_bound_ms": clock.bound_ms if clock else None,
        "observed_at": at,
    }
    rows = {key: _side_row(system, key, one) | of_clock for key, one in seen.items()}
    upsert_rows(session, MasterSideRow, [rows[key] for key in silent])
    told = [rows[key] | {"merged_into": one.merged_into} for key, one in seen.items() if key not in silent]
    upsert_rows(session, MasterSideRow, told)


def _tells_of_merges(system: System, one: MasterSeen) -> bool:
    """Whether a reading says by itself if the record was merged; a record of QuickBooks never does."""
    return one.merged_into is not None or (system is System.SALESFORCE and one.state is SideState.PRESENT)


def _side_row(system: System, key: str, one: MasterSeen) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "key": key,
        "system": system.value,
        "external_id": one.external_id,
        "state": one.state.value,
        "stated": dict(one.values),
        "version": one.version,
        "changed_at": one.changed_at,
    }


def note_written(session: Session, row: MasterWriteRow) -> None:
    """What a write left in a record is what its system has now, so that its echo is no news.

    Not where the record was read in another version since the write was decided about: that reading stands.
    """
    key = (row.kind, row.key, row.system)
    side = session.get(MasterSideRow, key, with_for_update=True, populate_existing=True)
    if side is not None and (side.external_id, side.version) == (row.external_id, row.based_on):
        side.stated = {**side.stated, **(row.answered or {})}
        side.version = row.version or side.version
        session.flush()


def note_merged(session: Session, kind: LinkKind, key: str, system: System, ids: tuple[str, str]) -> None:
    """Keep that a record is said to have been merged into another one there: the ids of the two."""
    loser, winner = ids
    row = session.get(MasterSideRow, (kind.value, key, system.value), with_for_update=True)
    if row is None:
        seen = MasterSeen(kind=kind, external_id=loser, merged_into=winner)
        keep_sides(session, system, {key: seen}, None, datetime.now(UTC))
    elif row.external_id == loser:
        row.merged_into = winner
        session.flush()


def keep_home(session: Session, kind: LinkKind, home: System, stated: Mapping[str, Mapping[str, Value]]) -> None:
    """Keep what our own side states of these records."""
    seen = {key: MasterSeen(kind=kind, external_id=key, values=values) for key, values in stated.items()}
    keep_sides(session, home, seen, None, datetime.now(UTC))


def drop_side(session: Session, kind: LinkKind, key: str, system: System) -> None:
    """Forget what a system had: the record there is another one now, or none."""
    row = session.get(MasterSideRow, (kind.value, key, system.value))
    if row is not None:
        session.delete(row)
        session.flush()


def is_billed(session: Session, customer_number: str) -> bool:
    """Whether a customer has an invoice of ours."""
    query = select(col(InvoiceRow.quickbooks_id)).where(col(InvoiceRow.customer_number) == customer_number).limit(1)
    return session.scalars(query).first() is not None


def base_of(stored: Mapping[str, Any] | None) -> Base | None:
    """What was agreed with a side, as it is kept; a base of another shape counts for none."""
    return Base.model_validate(stored) if stored is not None and {*stored} == {*Base.model_fields} else None


def plan_of(session: Session, kind: LinkKind, key: str) -> tuple[MergeInput, MergeOutcome] | None:
    """The decision whose writes are under way, or None."""
    row = session.get(MasterPlanRow, (kind.value, key), populate_existing=True)
    if row is None:
        return None
    return MergeInput.model_validate(row.inputs), MergeOutcome.model_validate(row.outcome)


def keep_plan(session: Session, given: MergeInput, outcome: MergeOutcome) -> None:
    """Keep a decision before anything of it is written; it takes the place of one that was not brought to its end."""
    row = {
        "kind": given.kind.value,
        "key": given.key,
        "inputs": given.model_dump(mode="json"),
        "outcome": outcome.model_dump(mode="json"),
        "planned_at": given.at,
    }
    upsert_rows(session, MasterPlanRow, [row])


def drop_plan(session: Session, kind: LinkKind, key: str) -> None:
    """What came of a decision is kept."""
    row = session.get(MasterPlanRow, (kind.value, key))
    if row is not None:
        session.delete(row)
        session.flush()


def plan_write(session: Session, given: MergeInput, outcome: MergeOutcome, system: System) -> int:
    """Write down what is to be written into a system, before it is; answers its number in the ledger."""
    fields = outcome.writes[system]
    side = next(one for one in given.sides if one.system is system)
    row = MasterWriteRow(
        kind=given.kind.value,
        key=given.key,
        system=system.value,
        external_id=side.external_id,
        fields=fields,
        digest=digest(fields),
        policy_version=outcome.policy_version,
        based_on=side.version,
        planned_at=given.at,
    )
    session.add(row)
    session.flush()
    return row.id or 0


def write(session: Session, write_id: int, *, lock: bool = False) -> MasterWriteRow:
    """One write of the ledger."""
    return session.get_one(MasterWriteRow, write_id, with_for_update=True if lock else None, populate_existing=True)


def unended(session: Session, kind: LinkKind, key: str) -> list[MasterWriteRow]:
    """The writes of a record of which it is not known what came of them, or that were not noted yet, oldest first."""
    query = (
        select(MasterWriteRow)
        .where(col(MasterWriteRow.kind) == kind.value, col(MasterWriteRow.key) == key)
        .where(col(MasterWriteRow.ended_at).is_(None))
        .order_by(col(MasterWriteRow.id))
    )
    return list(session.scalars(query))


def note_write(session: Session, write_id: int, state: WriteState, **came: Any) -> None:
    """Note what came of a write; it ends when the record's new base is kept."""
    row = write(session, write_id, lock=True)
    row.state = state.value
    for name, value in came.items():
        setattr(row, name, value)
    session.flush()


def end_writes(session: Session, rows: Iterable[MasterWriteRow], at: datetime) -> None:
    """The new base of the record is kept: its writes are history."""
    for row in rows:
        row.ended_at = at
        if row.state == WriteState.PLANNED:
            row.state = WriteState.GIVEN_UP.value
    session.flush()


def writes_of(session: Session, kind: LinkKind, key: str, limit: int = 50) -> list[MasterWriteRow]:
    """The last writes into the systems of a record, newest first."""
    query = select(MasterWriteRow).where(col(MasterWriteRow.kind) == kind.value, col(MasterWriteRow.key) == key)
    return list(session.scalars(query.order_by(col(MasterWriteRow.id).desc()).limit(limit)))
