"""The runs of reconciliation: opened under the name of their day, concluded with a certificate that names the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import delete, func, literal, select, text, update
from sqlmodel import Session, col

from domain.certificates import FIRST
from domain.errors import Missing
from domain.reconciliation_policy import ReconciliationPolicy
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.columns import JSON
from store.tables.reconciliation import ReconciliationInputRow, ReconciliationRow

UNDER_WAY = timedelta(hours=3)  # a run that is older than this and has not ended is joined by nobody


class Run(BaseModel):
    """One run: what it was, by which rules, when each system was read, and what it came to."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    day: date
    state: str
    reason: str
    requested_by: str
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    policy: dict[str, Any]
    code_version: str
    as_of: dict[str, Any]
    totals: dict[str, Any]
    error: str | None
    sequence: int | None
    certificate: dict[str, Any] | None
    certificate_hash: str | None
    inputs_hash: str | None
    inputs_kept: bool

    @property
    def rules(self) -> ReconciliationPolicy:
        """The policy that it decided by."""
        return ReconciliationPolicy.model_validate(self.policy)


def begin(
    session: Session, day: date, policy: ReconciliationPolicy, code_version: str, asked: tuple[str, str], at: datetime
) -> tuple[Run, bool]:
    """Open a run of a day, or join the one that is under way; answers it and whether it is new.

    `asked` says why and by whom. The second run of a day is `<day>-2`. One at a time decides about that.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('reconciliation runs'))"))
    query = select(ReconciliationRow).where(
        col(ReconciliationRow.state) == "running", col(ReconciliationRow.started_at) > at - UNDER_WAY
    )
    running = session.scalars(query.order_by(col(ReconciliationRow.started_at).desc())).first()
    if running is not None:
        return Run.model_validate(running), False
    count = session.scalar(select(func.count()).where(col(ReconciliationRow.day) == day)) or 0
    row = ReconciliationRow(
        id=day.isoformat() if count == 0 else f"{day.isoformat()}-{count + 1}",
        day=day,
        reason=asked[0],
        requested_by=asked[1],
        started_at=at,
        policy=policy.model_dump(mode="json"),
        code_version=code_version,
        as_of={"gateway": at.isoformat()},
    )
    session.add(row)
    session.flush()
    return Run.model_validate(row), True


def get(session: Session, run_id: str) -> Run | None:
    """A run, or None."""
    row = session.get(ReconciliationRow, run_id)
    return None if row is None else Run.model_validate(row)


def need(session: Session, run_id: str) -> Run:
    """A run. Raises Missing for one that is not there."""
    found = get(session, run_id)
    if found is None:
        raise Missing(f"There is no reconciliation {run_id}.", reason="reconciliation")
    return found


def note_read(session: Session, run_id: str, side: str, at: datetime) -> None:
    """Note when a system was begun to be read: what changed after that may be under way. The first instant counts."""
    as_of = literal({side: at.isoformat()}, JSON).op("||")(col(ReconciliationRow.as_of))
    session.execute(update(ReconciliationRow).where(col(ReconciliationRow.id) == run_id).values(as_of=as_of))


def note_fact(session: Session, run_id: str, name: str, value: object) -> None:
    """Add to what the run states of where the systems stood, such as the last sequence of a file."""
    as_of = col(ReconciliationRow.as_of).op("||")(literal({name: value}, JSON))
    session.execute(update(ReconciliationRow).where(col(ReconciliationRow.id) == run_id).values(as_of=as_of))


def chain_end(session: Session) -> tuple[int, str]:
    """The number and the hash of the last certificate; whoever asks is alone until the end of the transaction."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('reconciliation certificates'))"))
    query = select(ReconciliationRow).where(col(ReconciliationRow.sequence).is_not(None))
    last = session.scalars(query.order_by(col(ReconciliationRow.sequence).desc()).limit(1)).first()
    return (0, FIRST) if last is None else (last.sequence or 0, last.certificate_hash or FIRST)


def finish(
    session: Session, run_id: str, at: datetime, sequence: int, certificate: Mapping[str, Any], digest: str
) -> None:
    """Conclude a run with its certificate and the certificate's hash."""
    values = {
        "state": "finished",
        "finished_at": at,
        "sequence": sequence,
        "certificate": dict(certificate),
        "certificate_hash": digest,
        "inputs_hash": certificate["inputs_sha256"],
    }
    session.execute(update(ReconciliationRow).where(col(ReconciliationRow.id) == run_id).values(**values))


def note_totals(session: Session, run_id: str, totals: Mapping[str, Any]) -> None:
    """Keep what a run counted beside what it compared."""
    rows = update(ReconciliationRow).where(col(ReconciliationRow.id) == run_id)
    session.execute(rows.values(totals=dict(totals)))


def fail(session: Session, run_id: str, why: str, at: datetime) -> None:
    """A run that could not be made; what it had read is dropped."""
    rows = update(ReconciliationRow).where(
        col(ReconciliationRow.id) == run_id, col(ReconciliationRow.state) == "running"
    )
    session.execute(rows.values(state="failed", error=why[:2000], finished_at=at, inputs_kept=False))
    session.execute(delete(ReconciliationInputRow).where(col(ReconciliationInputRow.run_id) == run_id))


def forget_inputs(session: Session, keep: int) -> int:
    """Drop what older runs were decided from; their findings and certificates stay for ever."""
    kept = (
        select(col(ReconciliationRow.id))
        .where(col(ReconciliationRow.inputs_kept))
        .order_by(col(ReconciliationRow.started_at).desc())
        .limit(keep)
    )
    old = list(
        session.scalars(
            update(ReconciliationRow)
            .where(col(ReconciliationRow.inputs_kept), col(ReconciliationRow.id).not_in(kept))
            .values(inputs_kept=False)
            .returning(col(ReconciliationRow.id))
        )
    )
    if old:
        session.execute(delete(ReconciliationInputRow).where(col(ReconciliationInputRow.run_id).in_(old)))
    return len(old)


def page(session: Session, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[Run]:
    """Runs, the latest first."""
    keys = [col(ReconciliationRow.started_at), col(ReconciliationRow.id)]
    found = page_of(session, select(ReconciliationRow), keys, limit=limit, cursor=cursor, descending=True)
    return found.of(Run.model_validate)


def of_month(session: Session, first: date, after: date) -> Sequence[Run]:
    """The finished runs of a span of days, the oldest certificate first."""
    query = (
        select(ReconciliationRow)
        .where(col(ReconciliationRow.state) == "finished")
        .where(col(ReconciliationRow.day) >= first, col(ReconciliationRow.day) < after)
        .order_by(col(ReconciliationRow.sequence))
    )
    return [Run.model_validate(row) for row in session.scalars(query)]


def by_sequence(session: Session, sequence: int) -> Run | None:
    """The run with this certificate."""
    row = session.scalars(select(ReconciliationRow).where(col(ReconciliationRow.sequence) == sequence)).first()
    return None if row is None else Run.model_validate(row)


def last_finished(session: Session, but: str = "") -> Run | None:
    """The run that ended last, of those other than `but`."""
    query = select(ReconciliationRow).where(
        col(ReconciliationRow.state) == "finished", col(ReconciliationRow.id) != but
    )
    row = session.scalars(query.order_by(col(ReconciliationRow.sequence).desc()).limit(1)).first()
    return None if row is None else Run.model_validate(row)
