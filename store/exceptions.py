"""Exception items in the store: opened once per record and cause, closed by a person or by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, String, any_, case, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from domain.errors import Duplicate, Missing
from domain.exception_work import ENDINGS
from domain.exceptions import (
    Cause,
    Choice,
    ExceptionItem,
    ExceptionKind,
    ExceptionState,
    Finding,
    Resolution,
)
from store import exception_rules
from store.tables.exceptions import ExceptionRow

_ENDING = case({cause.value: words for cause, words in ENDINGS.items()}, value=ExceptionRow.cause)

Record = tuple[str, str]  # its type and its key: ("shipment", "SHP-1001")


def open_item(  # noqa: PLR0913 - one keyword for each thing that the card of an exception shows
    session: Session,
    *,
    finding: Finding,
    record: Record,
    owner: str,
    findings: Sequence[Finding] | None = None,
    choices: Sequence[Choice] | None = None,
    money_at_stake: Decimal | None = None,
    workflow_id: str | None = None,
) -> str:
    """Open work for a person, led by `finding`, of several `findings` if there are; answers its id.

    While work on the same record for the same cause is open, this brings that up to date and counts one more sighting:
    no second item appears (feature G-I2).
    """
    record_type, record_key = record
    said = {
        "kind": finding.kind.value,
        "sentence": finding.sentence,
        "money_at_stake": money_at_stake,
        "owner": exception_rules.owner_of(finding.cause, owner),
        "findings": [one.model_dump(mode="json") for one in findings or (finding,)],
        "choices": [choice.value for choice in choices or finding.choices],
        "workflow_id": workflow_id,
    }
    about = {"cause": finding.cause.value, "record_type": record_type, "record_key": record_key}
    new = insert(ExceptionRow).values(**said, **about, due_at=exception_rules.due_of(finding.cause))
    seen = {"seen_count": col(ExceptionRow.seen_count) + 1, "last_seen_at": func.now()}
    opened = session.scalar(
        new.on_conflict_do_update(
            index_elements=["record_type", "record_key", "cause"],
            index_where=text("state = 'open'"),  # a literal: a parameter does not name the partial index once prepared
            set_={**{name: new.excluded[name] for name in said}, **seen},
        ).returning(col(ExceptionRow.id)),
        execution_options={"populate_existing": True},
    )
    return str(opened)


def resolve(session: Session, resolution: Resolution) -> ExceptionItem:
    """Close an item by a person's decision. The same decision of the same person again changes nothing.

    Raises Missing for an unknown item and Duplicate for one that was closed otherwise.
    """
    row = _row(session, resolution.exception_id, lock=True)
    if row is None:
        raise Missing("There is no such exception.", reason="exception")
    decided = resolution.model_dump(mode="json")
    if row.state == ExceptionState.OPEN:
        row.state = ExceptionState.RESOLVED.value
        row.closed_at = resolution.decided_at
        row.resolution = decided
        session.flush()
    elif not _same_decision(row.resolution, decided):
        raise Duplicate("This exception is closed already.", reason="exception_closed")
    return item_of(row)


def _same_decision(kept: dict[str, Any] | None, given: dict[str, Any]) -> bool:
    """Whether somebody only says again what they said before: a client that got no answer may ask twice."""
    return kept is not None and all(kept[name] == given[name] for name in ("choice", "value", "decided_by"))


def close_by_itself(session: Session, record: Record, at: datetime, *, keep: Sequence[Cause] = ()) -> list[str]:
    """Close what is open on a record, except for these causes, because its cause went away; answers the ids closed."""
    query = (
        update(ExceptionRow)
        .where(*_open_on(record), col(ExceptionRow.cause).not_in([cause.value for cause in keep]))
        .values(state=ExceptionState.SELF_RESOLVED.value, closed_at=at, closed_because=_ENDING)
        .returning(col(ExceptionRow.id))
    )
    return [str(one) for one in session.scalars(query, execution_options={"synchronize_session": "fetch"})]


def close_because(session: Session, record: Record, cause: Cause, at: datetime, said: str) -> list[str]:
    """Close what is open on a record for a cause, and add to its sentence why; answers the ids closed."""
    query = (
        update(ExceptionRow)
        .where(*_open_on(record), col(ExceptionRow.cause) == cause.value)
        .values(
            state=ExceptionState.SELF_RESOLVED.value,
            closed_at=at,
            sentence=col(ExceptionRow.sentence).concat(f" {said}"),
        )
        .returning(col(ExceptionRow.id))
    )
    return [str(one) for one in session.scalars(query, execution_options={"synchronize_session": "fetch"})]


def lock_open(session: Session, record_type: str, keys: Sequence[str]) -> None:
    """Keep the open work on these records as it is until the transaction ends.

    A decision that comes meanwhile waits, and then finds the work closed if it was: it is never taken and not heard.
    """
    query = (
        select(col(ExceptionRow.id))
        .where(col(ExceptionRow.state) == ExceptionState.OPEN.value, col(ExceptionRow.record_type) == record_type)
        .where(col(ExceptionRow.record_key).in_(keys))
        .order_by(col(ExceptionRow.id))
    )
    session.execute(query.with_for_update())


def get(session: Session, exception_id: str) -> ExceptionItem | None:
    """An item, or None; also None for an id that cannot be one."""
    row = _row(session, exception_id, lock=False)
    return None if row is None else item_of(row)


def open_of_record(session: Session, record: Record) -> list[ExceptionItem]:
    """What is open on a record, oldest first."""
    query = select(ExceptionRow).where(*_open_on(record)).order_by(col(ExceptionRow.opened_at), col(ExceptionRow.id))
    return [item_of(row) for row in session.scalars(query)]


def open_below(session: Session, record_type: str, prefix: str) -> list[ExceptionItem]:
    """What is open on records of a type whose keys begin like this, oldest first."""
    query = (
        select(ExceptionRow)
        .where(col(ExceptionRow.state) == ExceptionState.OPEN.value, col(ExceptionRow.record_type) == record_type)
        .where(col(ExceptionRow.record_key).startswith(prefix, autoescape=True))
        .order_by(col(ExceptionRow.opened_at), col(ExceptionRow.id))
    )
    return [item_of(row) for row in session.scalars(query)]


def open_of_records(
    session: Session, record_type: str, keys: Sequence[str], causes: Sequence[Cause]
) -> list[ExceptionItem]:
    """What is open on records of a type for these causes, oldest first."""
    query = (
        select(ExceptionRow)
        .where(col(ExceptionRow.state) == ExceptionState.OPEN.value, col(ExceptionRow.record_type) == record_type)
        .where(_among(keys), col(ExceptionRow.cause).in_([cause.value for cause in causes]))
        .order_by(col(ExceptionRow.opened_at), col(ExceptionRow.id))
    )
    return [item_of(row) for row in session.scalars(query)]


def settled_sentences(
    session: Session, record_type: str, keys: Sequence[str], causes: Sequence[Cause]
) -> dict[tuple[str, Cause], set[str]]:
    """What people have decided about these records, by key and cause, in the words that they were asked in."""
    query = select(col(ExceptionRow.record_key), col(ExceptionRow.cause), col(ExceptionRow.sentence)).where(
        col(ExceptionRow.state) == ExceptionState.RESOLVED.value,
        col(ExceptionRow.record_type) == record_type,
        _among(keys),
        col(ExceptionRow.cause).in_([cause.value for cause in causes]),
    )
    found: dict[tuple[str, Cause], set[str]] = {}
    for key, cause, sentence in session.execute(query):
        found.setdefault((key, Cause(cause)), set()).add(sentence)
    return found


def _among(keys: Sequence[str]) -> Any:
    """Records with one of these keys, of which there may be thousands: an array is one parameter."""
    return col(ExceptionRow.record_key) == any_(literal(list(keys), ARRAY(String())))


def close_others(session: Session, record_type: str, keys: Sequence[str], at: datetime) -> None:
    """Close what is open on records of a type other than these, because its cause went away."""
    session.execute(
        update(ExceptionRow)
        .where(col(ExceptionRow.state) == ExceptionState.OPEN.value, col(ExceptionRow.record_type) == record_type)
        .where(col(ExceptionRow.record_key).not_in(keys))
        .values(state=ExceptionState.SELF_RESOLVED.value, closed_at=at, closed_because=_ENDING),
        execution_options={"synchronize_session": False},
    )


def open_of_causes(session: Session, causes: Sequence[Cause], subjects: Sequence[str] = ()) -> list[ExceptionItem]:
    """What waits for these causes to go away, oldest first; `subjects` narrows to findings about those records."""
    query = (
        select(ExceptionRow)
        .where(col(ExceptionRow.state) == ExceptionState.OPEN.value)
        .where(col(ExceptionRow.cause).in_([cause.value for cause in causes]))
        .order_by(col(ExceptionRow.opened_at), col(ExceptionRow.id))
    )
    items = [item_of(row) for row in session.scalars(query)]
    wanted = set(subjects)
    return [item for item in items if not wanted or any(finding.subject in wanted for finding in item.findings)]


def waiting_shipments(session: Session, causes: Sequence[Cause], subjects: Sequence[str] = ()) -> list[str]:
    """The numbers of shipments that wait for these causes to go away, longest waiting first, each once."""
    waiting = open_of_causes(session, causes, subjects)
    return list(dict.fromkeys(item.record_key for item in waiting if item.record_type == "shipment"))


def latest_resolution(session: Session, record: Record, cause: Cause) -> Resolution | None:
    """What a person decided last on a record for a cause, or None."""
    record_type, record_key = record
    query = (
        select(ExceptionRow)
        .where(col(ExceptionRow.record_type) == record_type, col(ExceptionRow.record_key) == record_key)
        .where(col(ExceptionRow.cause) == cause.value, col(ExceptionRow.state) == ExceptionState.RESOLVED.value)
        .order_by(col(ExceptionRow.closed_at).desc())
        .limit(1)
    )
    row = session.scalars(query).first()
    return None if row is None else Resolution.model_validate(row.resolution)


def resolved_of_record(session: Session, record: Record, causes: Sequence[Cause]) -> list[ExceptionItem]:
    """What people have decided on a record for these causes, oldest first."""
    record_type, record_key = record
    query = (
        select(ExceptionRow)
        .where(col(ExceptionRow.record_type) == record_type, col(ExceptionRow.record_key) == record_key)
        .where(col(ExceptionRow.cause).in_([cause.value for cause in causes]))
        .where(col(ExceptionRow.state) == ExceptionState.RESOLVED.value)
        .order_by(col(ExceptionRow.closed_at))
    )
    return [item_of(row) for row in session.scalars(query)]


def open_counts(session: Session) -> dict[tuple[ExceptionKind, Cause], tuple[int, Decimal]]:
    """How many items are open, and the money at stake, by kind and cause."""
    query = (
        select(
            col(ExceptionRow.kind),
            col(ExceptionRow.cause),
            func.count(),
            func.coalesce(func.sum(col(ExceptionRow.money_at_stake)), literal(Decimal(0))),
        )
        .where(col(ExceptionRow.state) == ExceptionState.OPEN.value)
        .group_by(col(ExceptionRow.kind), col(ExceptionRow.cause))
    )
    return {
        (ExceptionKind(kind), Cause(cause)): (number, money) for kind, cause, number, money in session.execute(query)
    }


def _open_on(record: Record) -> tuple[Any, ...]:
    record_type, record_key = record
    return (
        col(ExceptionRow.state) == ExceptionState.OPEN.value,
        col(ExceptionRow.record_type) == record_type,
        col(ExceptionRow.record_key) == record_key,
    )


def _row(session: Session, exception_id: str, *, lock: bool) -> ExceptionRow | None:
    try:
        key = UUID(exception_id)
    except ValueError:
        return None
    return session.get(ExceptionRow, key, with_for_update=True if lock else None, populate_existing=True)


def item_of(row: ExceptionRow) -> ExceptionItem:
    """The domain's item of a row."""
    return ExceptionItem.model_validate({**row.model_dump(), "id": str(row.id)})
