"""Which files of the ERP a reconciliation reads again: the exports that stock stands on, and what came since."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

_EXPORTS = text("""
SELECT feed.event_id, array_agg(feed.warehouse ORDER BY feed.warehouse) AS warehouses
FROM stock_feeds feed JOIN source_files file ON file.id::text = feed.event_id
GROUP BY feed.event_id ORDER BY feed.event_id
""")
# Every file must be there with all its bytes. The digest is proven of the exports that stock stands on, of what was
# received or touched since the last run that ended, and of every file once in four weeks: disks forget by themselves.
_KEPT = text("""
WITH last AS (SELECT max(started_at) AS at FROM reconciliations WHERE state = 'finished' AND id <> :run)
SELECT file.id::text AS id, sha256, filename, byte_count, last.at AS proven_at,
       last.at IS NULL OR received_at >= last.at OR file.id::text IN (SELECT event_id FROM stock_feeds)
       OR abs(hashtext(sha256)::bigint) % 28 = (run.day - DATE '2000-01-01') % 28 AS prove
FROM source_files file CROSS JOIN last JOIN reconciliations run ON run.id = :run
WHERE file.state IN ('read', 'held', 'applied') ORDER BY received_at, file.id
""")
_SEQUENCES = text("""
SELECT layout, max(sequence) AS sequence FROM source_files
WHERE state = 'applied' AND sequence IS NOT NULL GROUP BY layout ORDER BY layout
""")


def exports(session: Session) -> list[tuple[str, list[str]]]:
    """The files that stock stands on, each with the warehouses that do."""
    return [(row.event_id, list(row.warehouses)) for row in session.execute(_EXPORTS)]


class Kept(NamedTuple):
    """A file whose bytes have to be there; `prove`: its digest is to be computed again, as it is of one that somebody
    has touched since `proven_at`, when the last run began (None: there was none)."""

    id: str
    sha256: str
    filename: str
    byte_count: int
    prove: bool
    proven_at: datetime | None


def kept(session: Session, run_id: str) -> list[Kept]:
    """The files whose bytes have to be there."""
    rows = session.execute(_KEPT, {"run": run_id})
    return [Kept(row.id, row.sha256, row.filename, row.byte_count, row.prove, row.proven_at) for row in rows]


def sequences(session: Session) -> dict[str, int]:
    """The last sequence of each layout that was applied."""
    return {row.layout: row.sequence for row in session.execute(_SEQUENCES)}
