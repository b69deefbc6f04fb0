"""Master records as people read them: each side's word on every field, what is agreed, asked and was written."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlmodel import Session

from domain.exceptions import ExceptionItem
from domain.links import LinkKind
from domain.master_fields import FIELDS
from domain.master_questions import RECORD_TYPE, record_key, split_key
from domain.master_values import Value
from domain.master_work import WriteState
from domain.merging import SideState
from domain.sources import System
from store import exceptions, mastering
from store.tables.mastering import MasterWriteRow

WRITES_SHOWN = 50


class SideView(BaseModel):
    """A record as one system had it when it was read last; `changed_at` is by that system's clock."""

    model_config = ConfigDict(frozen=True)

    system: System
    external_id: str
    state: SideState
    version: str | None
    changed_at: datetime | None
    read_at: datetime
    merged_into: str | None


class FieldView(BaseModel):
    """One field: what is agreed, what each system that keeps it stated last, and the open question about it."""

    model_config = ConfigDict(frozen=True)

    field: str
    agreed: Value
    stated: dict[System, Value]
    exception_id: str | None


class WriteView(BaseModel):
    """What the gateway set out to write into a system, and what came of it; `detail` says what was left alone."""

    model_config = ConfigDict(frozen=True)

    id: int
    system: System
    external_id: str
    fields: dict[str, Value]
    state: WriteState
    code: str | None
    detail: str | None
    planned_at: datetime
    ended_at: datetime | None


class MasterView(BaseModel):
    """A customer, item or terms among the systems; `open`: the ids of every open exception about it."""

    model_config = ConfigDict(frozen=True)

    kind: LinkKind
    key: str
    decided_at: datetime | None
    policy_version: str | None
    sides: tuple[SideView, ...]
    fields: tuple[FieldView, ...]
    writes: tuple[WriteView, ...]
    open: tuple[str, ...]


def view(session: Session, kind: LinkKind, key: str) -> MasterView | None:
    """The record with its last writes, newest first; None where it was never merged."""
    row = mastering.get_many(session, kind, [key]).get(key)
    if row is None:
        return None
    sides, asked = mastering.sides(session, kind, key), _asked(session, kind, key)
    return MasterView(
        kind=kind,
        key=key,
        decided_at=row.decided_at,
        policy_version=row.policy_version,
        sides=tuple(
            SideView(
                system=system,
                external_id=side.external_id,
                state=SideState(side.state),
                version=side.version,
                changed_at=side.changed_at,
                read_at=side.observed_at,
                merged_into=side.merged_into,
            )
            for system, side in sorted(sides.items())
        ),
        fields=tuple(
            FieldView(
                field=field,
                agreed=row.agreed.get(field),
                stated={one: sides[one].stated.get(field) for one in shape.kept_by if one in sides},
                exception_id=asked[field].id if field in asked else None,
            )
            for field, shape in FIELDS[kind].items()
        ),
        writes=tuple(_write(one) for one in mastering.writes_of(session, kind, key, WRITES_SHOWN)),
        open=tuple(one.id for one in asked.values()),
    )


def _asked(session: Session, kind: LinkKind, key: str) -> dict[str, ExceptionItem]:
    """The open exceptions by what they are about: a field, a system, the words on the record."""
    below = exceptions.open_below(session, RECORD_TYPE, record_key(kind, key, ""))
    parted = ((split_key(one.record_key), one) for one in below)
    return {about: one for (of_kind, of_key, about), one in parted if (of_kind, of_key) == (kind, key)}


def _write(row: MasterWriteRow) -> WriteView:
    return WriteView.model_validate(row.model_dump())
