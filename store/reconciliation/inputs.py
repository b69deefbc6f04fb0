"""Staged inputs of a run: written by COPY, replaced record by record on the second read, read back as pairs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Row, text
from sqlmodel import Session

from domain.exceptions import Cause, ExceptionState
from domain.money import plain
from domain.reconciliation import OTHER_SIDE, Input, Kind, Pair, Side
from domain.reconciliation_judgement import Work
from domain.reconciliation_kinds import Known
from store.errors import translated

_COPY = "COPY reconciliation_given (kind, side, key, body, facts, changed_at) FROM STDIN"
_GIVEN = """
CREATE TEMPORARY TABLE IF NOT EXISTS reconciliation_given
    (kind text, side text, key text, body jsonb, facts jsonb, changed_at timestamptz) ON COMMIT DELETE ROWS
"""
# A vendor that pages by position may say a record twice: the newest word on it counts.
_TAKE = text("""
INSERT INTO reconciliation_inputs (run_id, kind, side, key, body, facts, changed_at)
SELECT DISTINCT ON (kind, side, key) :run, kind, side, key, body, facts, changed_at FROM reconciliation_given
ORDER BY kind, side, key, changed_at DESC NULLS LAST
ON CONFLICT (run_id, kind, side, key) DO UPDATE
SET body = excluded.body, facts = excluded.facts, changed_at = excluded.changed_at
""")
_CLEAR = text("""
DELETE FROM reconciliation_inputs
WHERE run_id = :run AND side = :side AND kind = ANY(:kinds)
  AND (CAST(:keys AS text[]) IS NULL OR key = ANY(:keys))
""")
_PAIRS = text("""
SELECT key, o.key IS NOT NULL AS ours, o.body AS our_body, o.facts AS our_facts, o.changed_at AS our_changed_at,
       t.key IS NOT NULL AS theirs, t.body AS their_body, t.facts AS their_facts, t.changed_at AS their_changed_at
FROM (SELECT * FROM reconciliation_inputs WHERE run_id = :run AND kind = :kind AND side = 'gateway') o
FULL JOIN (SELECT * FROM reconciliation_inputs WHERE run_id = :run AND kind = :kind AND side = :side) t USING (key)
WHERE o.body IS DISTINCT FROM t.body AND (CAST(:keys AS text[]) IS NULL OR key = ANY(:keys))
ORDER BY key COLLATE "C"
""")
_COUNTS = text("""
SELECT count(o.key) AS ours, count(t.key) AS theirs, count(*) FILTER (WHERE o.body = t.body) AS agree
FROM (SELECT key, body FROM reconciliation_inputs WHERE run_id = :run AND kind = :kind AND side = 'gateway') o
FULL JOIN (SELECT key, body FROM reconciliation_inputs WHERE run_id = :run AND kind = :kind AND side = :side) t
    USING (key)
""")
_EVERYTHING = text("""
SELECT kind, side, key, body::text AS body, facts::text AS facts,
       to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') AS changed_at
FROM reconciliation_inputs WHERE run_id = :run
ORDER BY kind COLLATE "C", side COLLATE "C", key COLLATE "C"
""")
# Our documents, each as we and as the books have it: a duplicate looks like one of the two.
_KNOWN = text("""
SELECT key, ours.body ->> 'doc_number' AS doc_number, said.body ->> 'customer_id' AS customer_id,
       said.body ->> 'invoiced_on' AS invoiced_on, said.body ->> 'total' AS total,
       ours.facts ->> 'shipment' AS shipment, (ours.body ->> 'voided')::boolean AS voided
FROM reconciliation_inputs ours JOIN reconciliation_inputs said USING (run_id, kind, key)
WHERE run_id = :run AND kind = :kind AND ours.side = 'gateway'
""")
# Documents that were there before the gateway are no business of it.
_SUMS = text("""
SELECT side, body ->> 'customer_id' AS customer, body ->> 'invoiced_on' AS day, count(*) AS documents,
       sum((body ->> 'total')::numeric) AS total
FROM reconciliation_inputs said
WHERE run_id = :run AND kind = :kind AND body ->> 'voided' = 'false' AND (
    side = 'gateway' OR facts ->> 'marker' IS NOT NULL OR facts ->> 'created_at' >= :began OR EXISTS (
        SELECT FROM reconciliation_inputs ours WHERE ours.run_id = :run AND ours.kind = :kind
        AND ours.side = 'gateway' AND ours.key = said.key))
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
BLOCK = 2000


def put(session: Session, run_id: str, rows: Iterable[Input], side: Side) -> int:
    """Stage what a side says, by COPY; a record that is there is replaced. Memory is bounded by one row."""
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError("staging needs a psycopg connection")
    session.execute(text("SET LOCAL statement_timeout = 0"))  # COPY is one statement, as long as the reading takes
    session.execute(text(_GIVEN))
    count = 0
    with translated(), connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            body, facts = (json.dumps(one, separators=(",", ":")) for one in (row.body, row.facts))
            copy.write_row((row.kind.value, side.value, row.key, body, facts, row.changed_at))
            count += 1
    session.execute(_TAKE, {"run": run_id})
    session.execute(text("DELETE FROM reconciliation_given"))
    return count


def clear(session: Session, run_id: str, side: Side, kinds: Iterable[Kind], keys: Sequence[str] | None = None) -> None:
    """Remove what a side said of these kinds, of some records only where `keys` are given: it is said anew."""
    given = {"run": run_id, "side": side.value, "kinds": [one.value for one in kinds]}
    session.execute(_CLEAR, {**given, "keys": None if keys is None else list(keys)})


def pairs(session: Session, run_id: str, kind: Kind, keys: Sequence[str] | None = None) -> Iterator[Pair]:
    """The records of a kind whose two sides are not equal, in the order of their keys, a block at a time."""
    given = {"run": run_id, "kind": kind.value, "side": OTHER_SIDE[kind].value}
    rows = session.execute(
        _PAIRS, {**given, "keys": None if keys is None else list(keys)}, execution_options={"stream_results": True}
    )
    for block in rows.partitions(BLOCK):
        for row in block:
            yield _pair(kind, row)


def _pair(kind: Kind, row: Row[Any]) -> Pair:
    ours = Input(kind, row.key, row.our_body, row.our_facts, row.our_changed_at) if row.ours else None
    theirs = Input(kind, row.key, row.their_body, row.their_facts, row.their_changed_at) if row.theirs else None
    return Pair(kind, row.key, ours, theirs)


class Count(NamedTuple):
    """How many records of a kind each side has, and how many are equal."""

    ours: int
    theirs: int
    agree: int


def counts(session: Session, run_id: str) -> dict[Kind, Count]:
    """The records of every kind that has two sides."""
    found = {}
    for kind, side in OTHER_SIDE.items():
        row = session.execute(_COUNTS, {"run": run_id, "kind": kind.value, "side": side.value}).one()
        found[kind] = Count(row.ours, row.theirs, row.agree)
    return found


class Sum(NamedTuple):
    """What one side's living documents of one customer and day come to (R4)."""

    side: str
    customer: str
    day: str
    documents: int
    total: str


def sums(session: Session, run_id: str, kind: Kind) -> list[Sum]:
    """Sums by customer (by the id there) and day."""
    began = _began(session, run_id) or "9"  # later than any instant: nothing was billed yet
    rows = session.execute(_SUMS, {"run": run_id, "kind": kind.value, "began": began})
    return [Sum(row.side, row.customer or "", row.day or "", row.documents, plain(row.total)) for row in rows]


def _began(session: Session, run_id: str) -> str | None:
    query = text("SELECT facts ->> 'began' FROM reconciliation_inputs WHERE run_id = :run AND key = 'began'")
    found: str | None = session.scalar(query, {"run": run_id})
    return found


def digest(session: Session, run_id: str) -> str:
    """The SHA-256 over everything that was staged, in one order; whoever has the rows can compute it."""
    state = hashlib.sha256()
    rows = session.execute(_EVERYTHING, {"run": run_id}, execution_options={"stream_results": True})
    for block in rows.partitions(BLOCK):
        for row in block:
            state.update("\t".join(str(one) for one in row).encode() + b"\n")
    return state.hexdigest()


def known(session: Session, run_id: str, kind: Kind) -> Known:
    """What is needed to tell a duplicate from an invention, out of our half of these documents."""
    rows = session.execute(_KNOWN, {"run": run_id, "kind": kind.value}).all()
    pending = work_of(session, run_id, "pending")
    began = _began(session, run_id)
    return Known(
        documents=frozenset(row.key for row in rows),
        numbers={row.doc_number: row.shipment for row in rows if row.doc_number and row.shipment},
        shipments=frozenset(row.shipment for row in rows if row.shipment and not row.voided),
        pending=frozenset(pending),
        twins={(row.customer_id, row.invoiced_on, row.total): row.shipment for row in rows if not row.voided},
        began=datetime.fromisoformat(began) if began else None,
    )


def work_of(session: Session, run_id: str, what: str) -> list[str]:
    """The keys of staged work of a sort, such as `pending`: intents whose outcome was not known."""
    query = text("""
        SELECT key FROM reconciliation_inputs
        WHERE run_id = :run AND kind = 'work' AND side = 'gateway' AND body ->> 'sort' = :sort ORDER BY key
    """)
    return [str(row.key).removeprefix(f"{what}/") for row in session.execute(query, {"run": run_id, "sort": what})]


def work(session: Session, run_id: str) -> Iterator[Work]:
    """The exceptions as they were staged."""
    query = text("""
        SELECT key, body FROM reconciliation_inputs
        WHERE run_id = :run AND kind = 'work' AND side = 'gateway' AND body ->> 'sort' = 'exception' ORDER BY key
    """)
    for row in session.execute(query, {"run": run_id}):
        yield _work(str(row.key).removeprefix("exception/"), row.body)


def _work(exception_id: str, body: Mapping[str, Any]) -> Work:
    accepts = body["cause"] == Cause.RECONCILIATION_DRIFT and body["state"] == ExceptionState.RESOLVED
    return Work(
        id=exception_id,
        cause=body["cause"],
        record_type=body["record_type"],
        record_key=body["record_key"],
        state=body["state"],
        decided_by=body.get("decided_by"),
        accepted=frozenset(body.get("subjects") or ()) if accepts else frozenset(),
        choice=body.get("choice"),
        subjects=frozenset(body.get("subjects") or ()),
    )


def suspects(session: Session, run_id: str) -> dict[str, dict[Kind, list[str]]]:
    """What the first read found: fingerprints under `all`, keys of records to be read again by system."""
    query = text("SELECT key, body FROM reconciliation_inputs WHERE run_id = :run AND kind = 'suspect' ORDER BY key")
    found: dict[str, dict[Kind, list[str]]] = {}
    for row in session.execute(query, {"run": run_id}):
        keys = found.setdefault(row.body["system"], {}).setdefault(Kind(row.body["kind"]), [])
        if row.body["key"] not in keys[-1:]:
            keys.append(row.body["key"])
    return found


def fingerprints(session: Session, run_id: str) -> frozenset[str]:
    """What the first read found."""
    query = text("SELECT key FROM reconciliation_inputs WHERE run_id = :run AND kind = 'suspect'")
    return frozenset(session.scalars(query, {"run": run_id}))
