"""The audit trail in the store: read it, check its chain, and anchor the change log in it by digests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row, select, text
from sqlmodel import Session, col

from domain.audit import ANCHORED, AuditEntry, BrokenLink, ChainEnd, ChainLink, check_chain
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.audit import AuditEntryRow, AuditLinkRow

LINKS_AT_ONCE = 20_000
ANCHORS_AT_ONCE = 4
ANCHOR_ROWS = 200_000  # about so many changes an anchor: its digest is one statement
_ANCHOR_LOCK = 7_233_194_410_015_002

# The texts of an entry that is gone are NULL.
_LINKS = text("""
SELECT link.position, link.entry_id, link.previous_hash, link.hash, entry.action, entry.details,
       CASE WHEN entry.id IS NOT NULL THEN audit_texts(entry) END AS texts
FROM audit_chain link LEFT JOIN audit_entries entry ON entry.id = link.entry_id
WHERE link.position > :after ORDER BY link.position LIMIT :limit
""")
_UNCHAINED = text("""
SELECT min(entry.id) FROM audit_entries entry
WHERE NOT EXISTS (SELECT FROM audit_chain link WHERE link.entry_id = entry.id)
""")

_NOTE = text("""
INSERT INTO audit_entries (transaction_id, action, actor, source, record_type, record_key, details, cause)
SELECT pg_current_xact_id()::text::bigint, :action, coalesce(stated_cause() ->> 'actor', session_user),
       coalesce(stated_cause() ->> 'source', 'unknown'), :record_type, :record_key, CAST(:details AS jsonb),
       stated_cause()
""")

# Of a transaction that is over, all changes are there and no more will come: anchors reach up to the oldest one that
# is not. After a restore on another server its numbers may start anew, and then only later rows are looked at.
_RANGE = "transaction_id >= :from_transaction AND transaction_id < :to_transaction AND id > :floor"
_DIGEST = text(f"""
SELECT count(*) AS rows, coalesce(min(id), 0) AS first_id, coalesce(max(id), 0) AS last_id,
       encode(sha256(coalesce(string_agg(sha256(convert_to(jsonb_build_array(
           id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), transaction_id, table_name, row_key,
           operation, before, after, cause, actor)::text, 'UTF8')), ''::bytea ORDER BY id), ''::bytea)), 'hex'
       ) AS digest
FROM change_log WHERE {_RANGE} AND (CAST(:last_id AS bigint) IS NULL OR id <= :last_id)
""")  # noqa: S608 - the range is ours
_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_FULL = text(f"SELECT transaction_id FROM change_log WHERE {_RANGE} ORDER BY 1 OFFSET :rows LIMIT 1")  # noqa: S608


class AuditFilter(NamedTuple):
    """Which entries are wanted; None: all."""

    action: str | None = None
    actor: str | None = None
    record_type: str | None = None
    record_key: str | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = AuditFilter()
START = ChainEnd()


class Checked(BaseModel):
    """What a check came to: how far it got, and the first place that is broken, None where all is as it was written.

    `complete`: nothing is left to check. `changes`: rows of the change log that were compared with their anchors.
    """

    model_config = ConfigDict(frozen=True)

    end: ChainEnd
    links: int
    changes: int = 0
    broken: BrokenLink | None = None
    complete: bool


def page(
    session: Session, wanted: AuditFilter = EVERYTHING, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[AuditEntry]:
    """Entries, the newest first."""
    link, entry = AuditLinkRow, AuditEntryRow
    query = select(link).join(entry, col(entry.id) == col(link.entry_id))
    for name in ("action", "actor", "record_type", "record_key"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(col(getattr(entry, name)) == value)
    if wanted.since is not None:
        query = query.where(col(entry.at) >= wanted.since)
    if wanted.until is not None:
        query = query.where(col(entry.at) < wanted.until)
    found = page_of(session, query, [col(link.position)], limit=limit, cursor=cursor, descending=True)
    ids = [one.entry_id for one in found.items]
    entries = {one.id: one for one in session.scalars(select(entry).where(col(entry.id).in_(ids)))}
    return found.of(lambda one: AuditEntry(**{**one.model_dump(), **entries[one.entry_id].model_dump()}))


def check(session: Session, end: ChainEnd = START, *, changes: bool = True) -> Checked:
    """Check the next part of the chain after a checked end; with `changes` the change log against its anchors, too."""
    rows = session.execute(_LINKS, {"after": end.position, "limit": LINKS_AT_ONCE}).all()
    taken = _bounded(rows) if changes else rows
    links = [_link(row) for row in taken]
    after = check_chain(links, end)
    if isinstance(after, BrokenLink):
        return Checked(end=end, links=len(links), broken=after, complete=True)
    compared, broken = _anchors(session, taken) if changes else (0, None)
    complete = len(taken) == len(rows) < LINKS_AT_ONCE
    if complete and broken is None:
        broken = _unchained(session, after)
    return Checked(end=after, links=len(links), changes=compared, broken=broken, complete=complete or bool(broken))


def hash_at(session: Session, position: int) -> str | None:
    """The hash of a place of the chain; None where there is none."""
    row = session.get(AuditLinkRow, position)
    return row.hash if row else None


def end_of(session: Session) -> ChainEnd:
    """The newest place of the chain: note it elsewhere, and a chain that lost its end is found out."""
    row = session.scalars(select(AuditLinkRow).order_by(col(AuditLinkRow.position).desc()).limit(1)).first()
    return ChainEnd() if row is None else ChainEnd(position=row.position, hash=row.hash)


def anchor_changes(session: Session, rows: int = ANCHOR_ROWS) -> int:
    """Put the digest of the changes since the last anchor into the chain; answers how many rows it covers, 0: none."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ANCHOR_LOCK})
    covered = _next_range(session, rows)
    found = session.execute(_DIGEST, {**covered, "last_id": None}).one()
    if not found.rows:
        return 0
    details = {**covered, "rows": found.rows, "first_id": found.first_id, "last_id": found.last_id}
    note(session, ANCHORED, ("change_log", f"{found.first_id}-{found.last_id}"), {**details, "digest": found.digest})
    return int(found.rows)


def note(session: Session, action: str, record: tuple[str, str], details: dict[str, Any]) -> None:
    """Write an entry about something that no table of its own shows; its cause is the transaction's."""
    told = {"action": action, "record_type": record[0], "record_key": record[1], "details": json.dumps(details)}
    session.execute(_NOTE, told)


def _next_range(session: Session, rows: int) -> dict[str, int]:
    newest = session.scalars(
        select(AuditEntryRow)
        .where(col(AuditEntryRow.action) == ANCHORED)
        .order_by(col(AuditEntryRow.id).desc())
        .limit(1)
    ).first()
    before = newest.details if newest else {"to_transaction": 0, "floor": 0, "last_id": 0}
    horizon = session.scalar(_HORIZON) or 0
    covered = {"from_transaction": before["to_transaction"], "to_transaction": horizon, "floor": before["floor"]}
    if horizon < before["to_transaction"]:
        covered |= {"from_transaction": 0, "floor": before["last_id"]}
    full = session.scalar(_FULL, {**covered, "rows": rows})
    if full is not None:
        covered["to_transaction"] = min(full + 1, horizon)
    return covered


def _bounded(rows: list[Row[Any]] | Any) -> list[Row[Any]]:
    """As many as hold no more than a few anchors."""
    taken, anchors = [], 0
    for row in rows:
        anchors += row.action == ANCHORED
        if anchors > ANCHORS_AT_ONCE:
            break
        taken.append(row)
    return taken


def _link(row: Row[Any]) -> ChainLink:
    return ChainLink(
        position=row.position,
        entry_id=row.entry_id,
        previous_hash=row.previous_hash,
        hash=row.hash,
        texts=None if row.texts is None else tuple(row.texts),
    )


def _anchors(session: Session, rows: list[Row[Any]] | Any) -> tuple[int, BrokenLink | None]:
    compared = 0
    for row in rows:
        if row.action != ANCHORED:
            continue
        names = ("from_transaction", "to_transaction", "floor", "last_id")
        found = session.execute(_DIGEST, {name: row.details[name] for name in names}).one()
        compared += found.rows
        if (found.rows, found.digest) != (row.details["rows"], row.details["digest"]):
            sentence = (
                f"Changes {row.details['first_id']} to {row.details['last_id']} of the change log are not what they "
                f"were when place {row.position} was written: {row.details['rows']} then, {found.rows} now."
            )
            return compared, BrokenLink(position=row.position, entry_id=row.entry_id, sentence=sentence)
    return compared, None


def _unchained(session: Session, end: ChainEnd) -> BrokenLink | None:
    entry_id = session.scalar(_UNCHAINED)
    if entry_id is None:
        return None
    sentence = f"Entry {entry_id} has no place in the chain: its place was removed."
    return BrokenLink(position=end.position + 1, entry_id=entry_id, sentence=sentence)


def every_entry(session: Session, wanted: AuditFilter) -> Iterator[AuditEntry]:
    """All entries that are wanted, the newest first, a page at a time."""
    cursor: str | None = None
    while True:
        found = page(session, wanted, limit=1000, cursor=cursor)
        yield from found.items
        cursor = found.next_cursor
        if cursor is None:
            return
