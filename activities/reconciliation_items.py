"""Work for people out of drift: one item a record and cause, which closes itself when the next run finds it gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session

from domain.exceptions import Cause, Choice, ExceptionKind, Finding
from domain.money import plain
from domain.reconciliation import Difference, Standing, Verdict
from runtime import metrics
from store import exceptions
from store.reconciliation import findings, runs
from store.reconciliation.runs import Run

DRIFT = "drift"  # the record type of this work
THE_REST = "all others"


def keep_items(session: Session, run: Run, verdicts: Sequence[Verdict], now: datetime) -> None:
    """Open (or keep open) an item for what does not heal by itself, or did not; close what is gone or accepted."""
    drift: defaultdict[str, list[Difference]] = defaultdict(list)
    for one in verdicts:
        if one.standing is Standing.DRIFT:
            drift[_key(one.difference)].append(one.difference)
    stay = {_key(one.difference) for one in verdicts if one.standing is not Standing.WAIVED}
    before = runs.last_finished(session, but=run.id)
    seen = (
        findings.first_seen(session, before.id, {one.identity for some in drift.values() for one in some})
        if before
        else {}
    )
    due = {key: some for key, some in drift.items() if not all(_heals(one, run, seen) for one in some)}
    listed = dict(list(due.items())[: run.rules.most_items])
    items = {key: _open(session, run, key, some) for key, some in listed.items()}
    if len(due) > len(listed):
        items[THE_REST] = _open_rest(session, run, len(due) - len(listed))
        stay.add(THE_REST)
    exceptions.close_others(session, DRIFT, sorted(stay), now)
    findings.link(session, run.id, {one.identity: items[key] for key, some in listed.items() for one in some})


def _heals(one: Difference, run: Run, seen: Container[str]) -> bool:
    """Whether it is being put right by itself; what a run before has tried to is work for a person."""
    return run.rules.heal.allows(one.remedy) and one.identity not in seen


def _key(one: Difference) -> str:
    return f"{one.cause} {one.record_type} {one.record_key}"


def _open(session: Session, run: Run, key: str, some: Sequence[Difference]) -> str:
    found = [_finding(one) for one in some]
    metrics.count("exceptions_raised", kind=ExceptionKind.CONFLICT, cause=Cause.RECONCILIATION_DRIFT)
    return exceptions.open_item(
        session,
        finding=found[0],
        findings=found,
        record=(DRIFT, key),
        owner=run.rules.owner,
        money_at_stake=max((one.money or Decimal(0) for one in some), default=None),
    )


def _finding(one: Difference) -> Finding:
    return Finding(
        kind=ExceptionKind.CONFLICT,
        cause=Cause.RECONCILIATION_DRIFT,
        sentence=sentence(one),
        choices=(Choice.HANDLED,),
        subject=one.fingerprint,
    )


def sentence(one: Difference) -> str:
    """A difference in words: which record, what it must be, what was found instead."""
    place = f"{one.record_type.replace('_', ' ')} {one.record_key}"
    about = ", ".join(f"{name} {key}" for name, key in one.belongs if key != one.record_key)
    what = f"{one.field} is " if one.field else ""
    stake = f"; {plain(one.money)} at stake" if one.money else ""
    return (
        f"{one.cause.replace('_', ' ').capitalize()} at {place} in {one.system}{f' ({about})' if about else ''}: "
        f"{what}{one.found or 'nothing'}, expected {one.expected or 'nothing'}{stake} ({one.rule})."
    )


def _open_rest(session: Session, run: Run, number: int) -> str:
    words = f"{number} more records differ than have an item of their own: see the findings of reconciliation {run.id}."
    finding = Finding(
        kind=ExceptionKind.CONFLICT, cause=Cause.RECONCILIATION_DRIFT, sentence=words, choices=(Choice.HANDLED,)
    )
    return exceptions.open_item(session, finding=finding, record=(DRIFT, THE_REST), owner=run.rules.owner)
