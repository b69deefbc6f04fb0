"""Alerts in the store: what is to be told of which exception, the messages, and whose turn it is to look."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import Row, delete, func, select, text, update
from sqlmodel import Session, col

from domain.alert_texts import AlertContent
from domain.alerts import Phase, Severity, Subject, Telling, is_overdue
from domain.exceptions import Cause, ExceptionKind, ExceptionState
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.alerts import AlertMessageRow, AlertNoticeRow
from store.tables.exceptions import ExceptionRow
from store.upserts import append

TURN = "alerts"  # the cursor of whoever looks
_NOTICE_LOCK = 7_233_194_410_017_001

_TAKE_TURN = text("""
INSERT INTO sync_cursors AS turn (name, position_at, position) VALUES (:name, :now, '{}')
ON CONFLICT (name) DO UPDATE
SET position_at = excluded.position_at, updated_at = now()
WHERE turn.position_at IS NULL OR turn.position_at <= :free_since
RETURNING 1
""")
_KEEP_SEEN = text("""
UPDATE sync_cursors SET position = coalesce(position, '{}') || CAST(:seen AS jsonb), updated_at = now()
WHERE name = :name
""")


class AlertMessage(BaseModel):
    """One message: to which channel, what it says, and what became of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    channel: str
    is_test: bool
    severity: Severity
    state: str
    made_at: AwareDatetime
    tries: int
    next_try_at: AwareDatetime
    sent_at: AwareDatetime | None
    error: str | None
    content: AlertContent


class Untold(NamedTuple):
    """An open exception in sight, and what was noted of it: by channel and phase."""

    exception_id: UUID
    subject: Subject
    noted: frozenset[tuple[str, str]]


class Due(NamedTuple):
    """Notices of one channel that may be said: how many of each phase and severity, and of each cause."""

    counts: Mapping[Phase, int]
    severity: Severity
    causes: Mapping[Cause, int]


def lock(session: Session) -> None:
    """One at a time notes and bundles, until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _NOTICE_LOCK})


def take_turn(session: Session, now: datetime, free_after: timedelta) -> bool:
    """Whether it is the caller's turn to look, because nobody did for so long; from now on it is nobody else's."""
    given = {"name": TURN, "now": now, "free_since": now - free_after}
    return session.execute(_TAKE_TURN, given).first() is not None


def keep_seen(session: Session, seen: Mapping[str, str | None]) -> None:
    """Keep beside the turn what the next look has to know."""
    session.execute(_KEEP_SEEN, {"name": TURN, "seen": json.dumps(dict(seen))})


def untold(session: Session, now: datetime) -> list[Untold]:
    """Every open exception that is not put off, with what was noted of it already."""
    row, notice = ExceptionRow, AlertNoticeRow
    noted = (
        select(func.coalesce(func.array_agg(col(notice.channel) + "/" + col(notice.phase)), text("'{}'")))
        .where(col(notice.exception_id) == col(row.id))
        .scalar_subquery()
    )
    columns = (row.id, row.kind, row.cause, row.owner, row.money_at_stake, row.due_at)
    query = select(*(col(one) for one in columns), noted.label("noted")).where(
        col(row.state) == ExceptionState.OPEN.value,
        col(row.snoozed_until).is_(None) | (col(row.snoozed_until) <= now),
    )
    return [_untold(found, now) for found in session.execute(query)]


def _untold(row: Row[Any], now: datetime) -> Untold:
    overdue = is_overdue(row.due_at, now)
    subject = Subject(ExceptionKind(row.kind), Cause(row.cause), row.owner, row.money_at_stake, overdue)
    return Untold(row.id, subject, frozenset((channel, phase) for channel, _, phase in map(_split, row.noted)))


def _split(noted: str) -> tuple[str, str, str]:
    return noted.rpartition("/")


def note(session: Session, told: Iterable[tuple[UUID, Telling, datetime]]) -> int:
    """Note that channels are to be told of exceptions, from an instant on; what was noted before stays as it is."""
    rows = [
        {
            "exception_id": exception_id,
            "channel": one.channel,
            "phase": one.phase.value,
            "severity": one.severity.value,
            "tells_end": one.tells_end,
            "due_at": due_at,
        }
        for exception_id, one, due_at in told
    ]
    append(session, AlertNoticeRow, rows)
    return len(rows)


def forget_over(session: Session) -> int:
    """Drop what was not said yet of exceptions that are over: nobody heard of them, nobody has to hear of their end."""
    notice, row = AlertNoticeRow, ExceptionRow
    query = (
        delete(notice)
        .where(col(notice.message_id).is_(None), col(notice.phase) != Phase.CLOSED.value)
        .where(col(notice.exception_id) == col(row.id), col(row.state) != ExceptionState.OPEN.value)
        .returning(col(notice.exception_id))
    )
    return len(session.execute(query, execution_options={"synchronize_session": False}).all())


def forget_channels(session: Session, but: Sequence[str]) -> None:
    """Drop what was not said yet to channels that are no more."""
    notice = AlertNoticeRow
    session.execute(
        delete(notice).where(col(notice.message_id).is_(None), col(notice.channel).not_in(list(but))),
        execution_options={"synchronize_session": False},
    )


def ended(session: Session) -> list[tuple[UUID, str, Severity]]:
    """Exceptions that are over and whose end a channel is to be told of, because it was told of them."""
    notice, row = AlertNoticeRow, ExceptionRow
    known = (
        select(col(notice.exception_id))
        .where(col(notice.exception_id) == col(row.id), col(notice.phase) == Phase.CLOSED.value)
        .correlate(row)
    )
    said = (
        select(col(row.id), col(notice.channel), func.array_agg(col(notice.severity)).label("severities"))
        .join(notice, col(notice.exception_id) == col(row.id))
        .where(col(row.state) != ExceptionState.OPEN.value, col(notice.phase) != Phase.CLOSED.value)
        .where(col(notice.message_id).is_not(None), col(notice.tells_end), ~known.exists())
        .group_by(col(row.id), col(notice.channel))
    )
    return [(found[0], found[1], _worst(found[2])) for found in session.execute(said)]


def due(session: Session, channel: str, now: datetime) -> Due | None:
    """What may be said to a channel by now; None: nothing."""
    notice, row = AlertNoticeRow, ExceptionRow
    query = (
        select(col(notice.phase), col(notice.severity), col(row.cause), func.count())
        .join(row, col(row.id) == col(notice.exception_id))
        .where(*_unsaid(channel, now))
        .group_by(col(notice.phase), col(notice.severity), col(row.cause))
    )
    found = session.execute(query).all()
    if not found:
        return None
    counts: dict[Phase, int] = {}
    causes: dict[Cause, int] = {}
    for phase, _, cause, number in found:
        counts[Phase(phase)] = counts.get(Phase(phase), 0) + number
        causes[Cause(cause)] = causes.get(Cause(cause), 0) + number
    return Due(counts, _worst(severity for _, severity, _, _ in found), causes)


def first_due(session: Session, channel: str, now: datetime, limit: int) -> list[tuple[AlertNoticeRow, ExceptionRow]]:
    """The most severe of what may be said to a channel, the dearest and oldest first."""
    notice, row = AlertNoticeRow, ExceptionRow
    rank = func.array_position([one.value for one in reversed(Severity)], col(notice.severity))
    query = (
        select(notice, row)
        .join(row, col(row.id) == col(notice.exception_id))
        .where(*_unsaid(channel, now))
        .order_by(rank, col(row.money_at_stake).desc().nulls_last(), col(row.opened_at), col(row.id))
        .limit(limit)
    )
    return [(one, other) for one, other in session.execute(query)]


def last_made(session: Session, channel: str, severity: Severity) -> datetime | None:
    """When the last message to a channel was made that was at least so urgent."""
    words = [one.value for one in Severity if one.rank >= severity.rank]
    message = AlertMessageRow
    query = select(func.max(col(message.made_at))).where(
        col(message.channel) == channel, ~col(message.is_test), col(message.severity).in_(words)
    )
    found: datetime | None = session.scalar(query)
    return found


def make(
    session: Session, channel: str, content: AlertContent, now: datetime, *, is_test: bool = False
) -> AlertMessage:
    """Write a message down; everything of the channel that is due by now is said by it, but for a test."""
    row = AlertMessageRow(
        channel=channel,
        is_test=is_test,
        severity=content.severity.value,
        content=content.model_dump(mode="json"),
        made_at=now,
        next_try_at=now,
    )
    session.add(row)
    session.flush()
    if not is_test:
        said = update(AlertNoticeRow).where(*_unsaid(channel, now)).values(message_id=row.id)
        session.execute(said, execution_options={"synchronize_session": False})
    return _message(row)


def claim(
    session: Session, now: datetime, lease: timedelta, *, but: Sequence[str] = (), message_id: str | None = None
) -> AlertMessage | None:
    """Take one message that is due for sending, the oldest first, and nobody else takes it until the lease is over.

    `but`: channels that are left out; `message_id`: this one or none.
    """
    row = AlertMessageRow
    free = col(row.claimed_until).is_(None) | (col(row.claimed_until) <= now)
    query = select(row).where(col(row.state) == "waiting", col(row.next_try_at) <= now, free)
    query = query.where(col(row.channel).not_in(list(but)))
    if message_id is not None:
        query = query.where(col(row.id) == UUID(message_id))
    query = query.order_by(col(row.made_at), col(row.id)).limit(1).with_for_update(skip_locked=True)
    found = session.scalars(query).first()
    if found is None:
        return None
    found.claimed_until, found.tries = now + lease, found.tries + 1
    session.flush()
    return _message(found)


def sent(session: Session, message_id: str, at: datetime) -> AlertMessage:
    """Note that a message was taken; a try that ended later than another one changes nothing."""
    row = session.get_one(AlertMessageRow, UUID(message_id), with_for_update=True, populate_existing=True)
    row.state, row.claimed_until, row.error = "sent", None, None
    row.sent_at = row.sent_at or at
    session.flush()
    return _message(row)


def failed(session: Session, message_id: str, error: str, next_try_at: datetime | None) -> AlertMessage:
    """Note that a try failed; None: there is no further one. A message that another try sent stays sent."""
    row = session.get_one(AlertMessageRow, UUID(message_id), with_for_update=True, populate_existing=True)
    if row.state == "waiting":
        row.claimed_until, row.error = None, error
        row.state = "waiting" if next_try_at else "given_up"
        row.next_try_at = next_try_at or row.next_try_at
        session.flush()
    return _message(row)


def forget_old(session: Session, made_before: datetime) -> int:
    """Drop messages of long ago that tell of nothing that is still open."""
    message, notice, row = AlertMessageRow, AlertNoticeRow, ExceptionRow
    still = (
        select(col(notice.message_id))
        .join(row, col(row.id) == col(notice.exception_id))
        .where(col(notice.message_id) == col(message.id), col(row.state) == ExceptionState.OPEN.value)
        .correlate(message)
    )
    query = delete(message).where(col(message.made_at) < made_before, col(message.state) != "waiting", ~still.exists())
    gone = session.execute(query.returning(col(message.id)), execution_options={"synchronize_session": False})
    return len(gone.all())


def page(
    session: Session,
    *,
    channel: str | None = None,
    state: str | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[AlertMessage]:
    """Messages, the newest first."""
    row = AlertMessageRow
    query = select(row)
    if channel is not None:
        query = query.where(col(row.channel) == channel)
    if state is not None:
        query = query.where(col(row.state) == state)
    keys = [col(row.made_at), col(row.id)]
    return page_of(session, query, keys, limit=limit, cursor=cursor, descending=True).of(_message)


def _unsaid(channel: str, now: datetime) -> tuple[Any, ...]:
    notice = AlertNoticeRow
    return (col(notice.channel) == channel, col(notice.message_id).is_(None), col(notice.due_at) <= now)


def _worst(words: Iterable[str]) -> Severity:
    return max(map(Severity, words), key=lambda severity: severity.rank)


def _message(row: AlertMessageRow) -> AlertMessage:
    return AlertMessage.model_validate({**row.model_dump(), "id": str(row.id)})
