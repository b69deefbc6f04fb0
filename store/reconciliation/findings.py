"""What runs have found: kept with the day on which each difference was seen first, paged and filtered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import delete, insert, select, update
from sqlmodel import Session, col

from domain.money import Money
from domain.reconciliation import Standing, Verdict
from domain.reconciliation_policy import ReconciliationPolicy
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.reconciliation.runs import Run
from store.tables.reconciliation import ReconciliationFindingRow

BLOCK = 1000
Row = ReconciliationFindingRow


class FindingView(BaseModel):
    """One difference of a run as people and programs look at it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    n: int
    identity: str
    rule: str
    cause: str
    system: str
    record_type: str
    record_key: str
    field: str
    expected: str | None
    found: str | None
    money: Money | None
    minor: bool
    standing: Standing
    why: str
    owner: str
    remedy: str
    healed: bool
    exception_id: UUID | None
    first_seen_on: date
    first_run_id: str
    belongs: dict[str, str]
    changed_at: AwareDatetime | None


def first_seen(session: Session, run_id: str, identities: Iterable[str]) -> dict[str, tuple[date, str]]:
    """Since when each of these differences is known, by the findings of another run."""
    query = select(col(Row.identity), col(Row.first_seen_on), col(Row.first_run_id)).where(
        col(Row.run_id) == run_id, col(Row.identity).in_(list(identities))
    )
    return {identity: (day, run) for identity, day, run in session.execute(query)}


def keep(session: Session, run: Run, verdicts: Sequence[Verdict], before: Run | None) -> None:
    """Write what a run found, in the order given; replaces an earlier attempt's."""
    session.execute(delete(Row).where(col(Row.run_id) == run.id))
    for first in range(0, len(verdicts), BLOCK):
        block = verdicts[first : first + BLOCK]
        known = first_seen(session, before.id, {one.difference.identity for one in block}) if before else {}
        rows = [_row(run, n, one, known) for n, one in enumerate(block, start=first + 1)]
        session.execute(insert(Row), rows)


def _row(run: Run, n: int, one: Verdict, known: Mapping[str, tuple[date, str]]) -> dict[str, object]:
    made, policy = one.difference, run.rules
    seen_on, seen_in = known.get(made.identity, (run.day, run.id))
    return {
        "run_id": run.id,
        "n": n,
        "fingerprint": made.fingerprint,
        "identity": made.identity,
        **{name: str(getattr(made, name)) for name in ("rule", "cause", "system", "kind", "record_type", "record_key")},
        "field": made.field,
        "expected": made.expected,
        "found": made.found,
        "money": made.money,
        "minor": _is_minor(made.money, policy),
        "standing": one.standing.value,
        "why": one.why,
        "owner": policy.owner,
        "remedy": made.remedy.value,
        "exception_id": UUID(one.exception_id) if one.exception_id else None,
        "first_seen_on": seen_on,
        "first_run_id": seen_in,
        "belongs": dict(made.belongs),
        "changed_at": max(made.changed.values(), default=None),
    }


def _is_minor(money: Money | None, policy: ReconciliationPolicy) -> bool:
    return money is not None and money <= policy.minor_up_to


def link(session: Session, run_id: str, items: Mapping[str, str]) -> None:
    """Note the work that was opened for drift, by the identity of what it is about."""
    for identity, exception_id in items.items():
        rows = update(Row).where(col(Row.run_id) == run_id, col(Row.identity) == identity)
        session.execute(rows.values(exception_id=UUID(exception_id)))


def mark_healed(session: Session, run_id: str, numbers: Sequence[int]) -> None:
    """Note what was set going to put these right."""
    rows = update(Row).where(col(Row.run_id) == run_id, col(Row.n).in_(list(numbers)))
    session.execute(rows.values(healed=True))


def drift(session: Session, run_id: str) -> list[FindingView]:
    """The drift of a run, in order."""
    query = select(Row).where(col(Row.run_id) == run_id, col(Row.standing) == Standing.DRIFT.value)
    return [_view(row) for row in session.scalars(query.order_by(col(Row.n)))]


def page(  # noqa: PLR0913 - one keyword a filter
    session: Session,
    run_id: str,
    *,
    standing: Standing | None = None,
    rule: str | None = None,
    cause: str | None = None,
    system: str | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[FindingView]:
    """The findings of a run, in order."""
    query = select(Row).where(col(Row.run_id) == run_id)
    for name, wanted in {"standing": standing, "rule": rule, "cause": cause, "system": system}.items():
        if wanted is not None:
            query = query.where(col(getattr(Row, name)) == str(wanted))
    return page_of(session, query, [col(Row.n)], limit=limit, cursor=cursor).of(_view)


def _view(row: ReconciliationFindingRow) -> FindingView:
    return FindingView.model_validate(row)
