"""Messages to the ERP about orders: added once for each content, taken into files in their order, kept for good."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Select, String, any_, func, literal, select, tuple_, update
from sqlmodel import Session, col

from domain.order_messages import MessageState, OrderMessage
from store.history import children_as_of, rows_as_of
from store.tables.orders_out import OrderFileRow, OrderMessageRow


class KnownMessage(BaseModel):
    """A message with how far it is. `sent_at` is when its file lay in the ERP's folder, whole and under its name."""

    model_config = ConfigDict(frozen=True)

    order_number: str
    revision: int
    message: OrderMessage
    state: MessageState
    added_at: datetime
    file_sequence: int | None = None
    file_name: str | None = None
    sent_at: datetime | None = None
    refused: str | None = None


def add(session: Session, message: OrderMessage, now: datetime, *, again: bool = False) -> KnownMessage:
    """Add a message; the same content as the order's newest one adds nothing. Answers the order's newest message.

    Two processes that add at once wait for each other. A content that was said before, but not last, is said again.
    `again`: a person wants the newest one to be said once more, as it was. What waited for a file is withdrawn: the
    newest message says all that there is to say.
    """
    number = message.order_number
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"messages of order {number}"))))
    newest = of_order(session, number)
    is_said = newest is not None and newest.state is not MessageState.WITHDRAWN
    if newest is not None and is_said and not again and newest.message.content_hash == message.content_hash:
        return newest
    withdraw(session, number, now)
    row = OrderMessageRow(
        order_number=number,
        revision=newest.revision + 1 if newest else 1,
        action=message.action.value,
        content_hash=message.content_hash,
        body=message.model_dump(mode="json"),
        added_at=now,
    )
    session.add(row)
    session.flush()
    return _known(row, None)


def withdraw(session: Session, number: str, now: datetime) -> None:
    """Say that what waits for a file is not to be written any more; what is in a file stays in it."""
    waiting = (*_unwritten(), col(OrderMessageRow.order_number) == number)
    session.execute(update(OrderMessageRow).where(*waiting).values(withdrawn_at=now))


def lock_unwritten(session: Session, numbers: Sequence[str]) -> None:
    """Keep what waits for a file out of any until the transaction ends: what is decided of it stays true meanwhile."""
    query = select(col(OrderMessageRow.id)).where(
        *_unwritten(), col(OrderMessageRow.order_number) == any_(literal(list(numbers), ARRAY(String())))
    )
    session.execute(query.order_by(col(OrderMessageRow.id)).with_for_update())


def pending(session: Session, limit: int = 500) -> list[KnownMessage]:
    """Messages that wait for a file, in the order in which they were added, locked until the transaction ends.

    One that could not be written is among them: what kept it may be corrected. Whoever looks at an order is waited for:
    that look may withdraw its message.
    """
    waiting = select(col(OrderMessageRow.id)).where(*_unwritten()).order_by(col(OrderMessageRow.id))
    # In the order in which looks lock them: nobody waits in a circle. What comes meanwhile is not locked, nor taken.
    locked = list(session.scalars(waiting.with_for_update()))
    # What was refused before comes last, so that it never keeps others out of a file.
    refused_last = col(OrderMessageRow.refused).is_not(None)
    among = col(OrderMessageRow.id) == any_(literal(locked, ARRAY(BigInteger())))
    return _all(session, _query().where(among).order_by(refused_last, col(OrderMessageRow.id)).limit(limit))


def of_order(session: Session, number: str) -> KnownMessage | None:
    """The newest message of an order and how far it is; None: the ERP was told nothing of it."""
    query = _query().where(col(OrderMessageRow.order_number) == number)
    found = _all(session, query.order_by(col(OrderMessageRow.revision).desc()).limit(1))
    return found[0] if found else None


def of_orders(session: Session, numbers: Sequence[str]) -> dict[str, list[KnownMessage]]:
    """Every message of these orders, by order, oldest first."""
    query = _query().where(col(OrderMessageRow.order_number) == any_(literal(list(numbers), ARRAY(String()))))
    found: defaultdict[str, list[KnownMessage]] = defaultdict(list)
    for one in _all(session, query.order_by(col(OrderMessageRow.order_number), col(OrderMessageRow.revision))):
        found[one.order_number].append(one)
    return found


def unsent(session: Session, before: datetime) -> list[str]:
    """Orders with a message that was added before an instant and lies in no file that is on disk."""
    query = _query().where(
        col(OrderFileRow.written_at).is_(None),
        col(OrderMessageRow.refused).is_(None),
        col(OrderMessageRow.withdrawn_at).is_(None),
    )
    found = _all(session, query.where(col(OrderMessageRow.added_at) < before).order_by(col(OrderMessageRow.id)))
    return list(dict.fromkeys(one.order_number for one in found))


def history(session: Session, number: str, as_of: datetime | None = None) -> list[KnownMessage]:
    """Every message of an order, or those that there were at a time as far as they were then, oldest first."""
    if as_of is not None:
        return _past(session, number, as_of)
    query = _query().where(col(OrderMessageRow.order_number) == number)
    return _all(session, query.order_by(col(OrderMessageRow.revision)))


def _past(session: Session, number: str, at: datetime) -> list[KnownMessage]:
    rows = sorted(children_as_of(session, OrderMessageRow, at, [number]), key=lambda row: row.revision)
    taken = [str(row.file_sequence) for row in rows if row.file_sequence is not None]
    found = rows_as_of(session, OrderFileRow, at, taken)
    return [_known(row, found.get(str(row.file_sequence))) for row in rows]


def of_file(session: Session, sequence: int) -> list[KnownMessage]:
    """The messages that a file carries, in its order."""
    query = _query().where(col(OrderMessageRow.file_sequence) == sequence)
    return _all(session, query.order_by(col(OrderMessageRow.id)))


def counts(session: Session, sequences: Sequence[int]) -> dict[int, int]:
    """How many messages each of these files carries."""
    query = (
        select(col(OrderMessageRow.file_sequence), func.count())
        .where(col(OrderMessageRow.file_sequence).in_(sequences))
        .group_by(col(OrderMessageRow.file_sequence))
    )
    return {sequence: count for sequence, count in session.execute(query) if sequence is not None}


def take(session: Session, messages: Sequence[KnownMessage], sequence: int) -> None:
    """Say which file carries these messages."""
    keys = [(one.order_number, one.revision) for one in messages]
    session.execute(
        update(OrderMessageRow)
        .where(tuple_(col(OrderMessageRow.order_number), col(OrderMessageRow.revision)).in_(keys))
        .values(file_sequence=sequence, refused=None)
    )


def refuse(session: Session, message: KnownMessage, why: str) -> None:
    """Say why a message cannot be written; it is looked at again with the next file."""
    session.execute(
        update(OrderMessageRow)
        .where(col(OrderMessageRow.order_number) == message.order_number)
        .where(col(OrderMessageRow.revision) == message.revision)
        .values(refused=why)
    )


def _unwritten() -> tuple[ColumnElement[bool], ...]:
    return col(OrderMessageRow.file_sequence).is_(None), col(OrderMessageRow.withdrawn_at).is_(None)


def _query() -> Select[OrderMessageRow, OrderFileRow]:
    files = col(OrderFileRow.sequence) == col(OrderMessageRow.file_sequence)
    return select(OrderMessageRow, OrderFileRow).join(OrderFileRow, files, isouter=True)


def _all(session: Session, query: Select[OrderMessageRow, OrderFileRow]) -> list[KnownMessage]:
    found = session.execute(query, execution_options={"populate_existing": True})
    return [_known(row, file) for row, file in found]


def _known(row: OrderMessageRow, file: OrderFileRow | None) -> KnownMessage:
    return KnownMessage(
        order_number=row.order_number,
        revision=row.revision,
        message=OrderMessage.model_validate(row.body),
        state=_state(row, file),
        added_at=row.added_at,
        file_sequence=row.file_sequence,
        file_name=file.name if file else None,
        sent_at=file.written_at if file else None,
        refused=row.refused,
    )


def _state(row: OrderMessageRow, file: OrderFileRow | None) -> MessageState:
    if file is not None:
        return MessageState.SENT if file.written_at else MessageState.TAKEN
    if row.withdrawn_at:
        return MessageState.WITHDRAWN
    return MessageState.REFUSED if row.refused else MessageState.PENDING
