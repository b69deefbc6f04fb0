"""Balances derived from events: any order, any repetition of the same events ends in the same balances (I1, I2, I8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from domain.exceptions import Cause, ExceptionKind
from domain.money import plain
from domain.stock_balances import Agreed, Balance, Balances, Base, Closing
from domain.stock_events import Absence, Confirmation, Delta, Snapshot, SnapshotRow, StockEvent, Version, stock_key
from domain.stock_guards import StockFinding, StockPolicy, census, doubts, guarded, shrinkage

NO_VALUES: Mapping[str, Decimal] = {}


class RowOutcome(NamedTuple):
    """What an event did to one row. `changed`: its figures or its hold are others than before, not only its instant."""

    key: str
    before: Balance | None
    after: Balance
    changed: bool
    findings: tuple[StockFinding, ...] = ()


class Applied(NamedTuple):
    """The balances after an event, the rows that it touched, and what was found about the event as a whole."""

    balances: Balances
    rows: tuple[RowOutcome, ...] = ()
    findings: tuple[StockFinding, ...] = ()


def apply(
    balances: Balances, event: StockEvent, policy: StockPolicy, unit_values: Mapping[str, Decimal] = NO_VALUES
) -> Applied:
    """Apply one event; an older one never changes a newer statement, a repeated one does nothing.

    `unit_values` are money per base unit by SKU, for the swing guard.
    """
    if isinstance(event, Snapshot):
        counted = census(balances, event)
        found = doubts(counted, event, policy)
        if found:
            return Applied(balances=balances, findings=tuple(found))
        shrunk = shrinkage(counted, event, policy) if event.complete else None
        return restate(balances, event, policy, unit_values, shrunk=shrunk)
    row = balances.rows.get(stock_key(event.sku, event.warehouse))
    if isinstance(event, Confirmation):
        after = _confirmed(row, event) if row else None
    else:
        after = _moved(row or Balance(sku=event.sku, warehouse=event.warehouse), event)
    if after is None:
        return Applied(balances=balances)
    settled = _settled(after, balances.closings.get(event.warehouse), policy, unit_values)
    return _applied(balances, [settled], policy, balances.closings)


def derive(
    events: Iterable[StockEvent], policy: StockPolicy, unit_values: Mapping[str, Decimal] = NO_VALUES
) -> Balances:
    """The balances that these events come to."""
    balances = Balances()
    for event in events:
        balances = apply(balances, event, policy, unit_values).balances
    return balances


def restate(
    balances: Balances,
    snapshot: Snapshot,
    policy: StockPolicy,
    unit_values: Mapping[str, Decimal] = NO_VALUES,
    *,
    shrunk: StockFinding | None = None,
) -> Applied:
    """Apply a snapshot that nothing speaks against; `shrunk`: why the absence of rows is not believed, if it is not.

    `balances` may be a part of all rows, where the snapshot is cut to the same part.
    """
    closes = closes_absent(snapshot, shrunk)
    closings = _closings(balances, snapshot) if closes else balances.closings
    scope = set(snapshot.warehouses)
    stated = {stock_key(row.sku, row.warehouse): row for row in snapshot.rows if row.warehouse in scope}
    stated |= {key: _as_before(balances.rows[key], snapshot) for key in snapshot.unchanged if key in balances.rows}
    touched = [_stated(balances.rows.get(key), snapshot, row) for key, row in stated.items()]
    if closes:
        touched += [row for key, row in balances.rows.items() if row.warehouse in scope and key not in stated]
    settled = [_settled(row, closings.get(row.warehouse), policy, unit_values) for row in touched]
    applied = _applied(balances, settled, policy, closings)
    rivals = _rivals(balances, snapshot, stated)
    return applied._replace(findings=(*([shrunk] if shrunk else []), *rivals))


def closes_absent(snapshot: Snapshot, shrunk: StockFinding | None) -> bool:
    """Whether what a snapshot does not list is changed by that (case I2)."""
    return snapshot.complete and shrunk is None and snapshot.absence is not Absence.KEEP


def closing_by(snapshot: Snapshot) -> Closing:
    """A snapshot as what closes the absent rows of its warehouses."""
    return Closing(
        effective_at=snapshot.effective_at,
        sequence=snapshot.sequence,
        event_id=snapshot.id,
        source=snapshot.source,
        absence=snapshot.absence,
    )


def _closings(balances: Balances, snapshot: Snapshot) -> Mapping[str, Closing]:
    closing = closing_by(snapshot)
    known = balances.closings
    newer = {one: closing for one in snapshot.warehouses if one not in known or known[one].version < closing.version}
    return {**known, **newer}


def _as_before(row: Balance, snapshot: Snapshot) -> SnapshotRow:
    """What an unchanged line states: the figures of the row's base, at the new instant."""
    counts = row.base.counts if row.base else ()
    return SnapshotRow(sku=row.sku, warehouse=row.warehouse, counts=counts, source=snapshot.source)


def _stated(row: Balance | None, snapshot: Snapshot, stated: SnapshotRow) -> Balance:
    before = row or Balance(sku=stated.sku, warehouse=stated.warehouse)
    if before.base is not None and before.base.version >= snapshot.version:
        return before
    base = Base(
        effective_at=snapshot.effective_at,
        sequence=snapshot.sequence,
        event_id=snapshot.id,
        source=stated.source,
        counts=stated.counts,
    )
    return before.rebased(base)


def _moved(row: Balance, delta: Delta) -> Balance:
    """A movement that is not later than the base is inside it; one that comes before any base waits in the row."""
    if row.base is not None and delta.effective_at <= row.base.effective_at:
        return row
    return row.moved(delta)


def _confirmed(row: Balance, confirmation: Confirmation) -> Balance | None:
    """The row with what the person saw as agreed; None where they saw nothing newer than what is agreed already."""
    version = confirmation.version
    newest = row.base.version if row.base else version
    if row.held is None or version > newest or (row.agreed and version < row.agreed.version):
        return None
    agreed = Agreed(
        effective_at=confirmation.effective_at, sequence=confirmation.sequence, on_hand=confirmation.on_hand
    )
    return row.model_copy(update={"agreed": agreed})


def _settled(row: Balance, closing: Closing | None, policy: StockPolicy, unit_values: Mapping[str, Decimal]) -> Balance:
    """The row after its warehouse's newest complete statement had its say: a late old row does not rise again."""
    if closing and (row.base is None or row.base.version < closing.version):
        row = row.rebased(closing.base())
    return guarded(row, policy, unit_values.get(row.sku))


def _applied(
    balances: Balances, settled: list[Balance], policy: StockPolicy, closings: Mapping[str, Closing]
) -> Applied:
    outcomes = tuple(_outcome(balances.rows.get(row.key), row, policy) for row in settled)
    rows = {**balances.rows, **{row.key: row for row in settled}}
    # Built without validation: the rows were validated one by one, and there may be hundreds of thousands.
    return Applied(balances=Balances.model_construct(rows=rows, closings=closings), rows=outcomes)


def _outcome(before: Balance | None, after: Balance, policy: StockPolicy) -> RowOutcome:
    changed = before is None or _figures(before) != _figures(after)
    findings = tuple(_row_findings(after, policy)) if changed else ()
    return RowOutcome(key=after.key, before=before, after=after, changed=changed, findings=findings)


def _figures(row: Balance) -> object:
    return (row.counts(), row.base.state if row.base else None, row.held)


def _row_findings(row: Balance, policy: StockPolicy) -> Iterable[StockFinding]:
    for one in row.counts():
        if one.on_hand < 0:
            sentence = f"{row.sku} in {row.warehouse} has {plain(one.on_hand)} on hand in bucket {one.bucket}."
            yield StockFinding(cause=Cause.STOCK_NEGATIVE, sentence=sentence, subject=row.key)
        if one.bucket not in policy.sellable:
            sentence = f"Bucket {one.bucket} of {row.sku} in {row.warehouse} is not mapped: it is not sold from."
            yield StockFinding(cause=Cause.STOCK_BUCKET_UNKNOWN, sentence=sentence, subject=row.key)
    if row.held:
        yield StockFinding(
            cause=Cause.STOCK_SWING, sentence=row.held.sentence, subject=row.key, money_at_stake=row.held.money
        )


def _rivals(balances: Balances, snapshot: Snapshot, stated: Mapping[str, SnapshotRow]) -> list[StockFinding]:
    """Another snapshot of the same instant and sequence that says otherwise: the first stays, a person decides."""
    known = ((balances.rows[key].base, row) for key, row in stated.items() if key in balances.rows)
    rivals = [
        row
        for base, row in known
        if base and base.version == snapshot.version and base.event_id != snapshot.id and base.counts != row.counts
    ]
    if not rivals:
        return []
    sentence = (
        f"{snapshot.source} is of the same instant and sequence as an earlier statement, "
        f"and differs in {len(rivals)} rows: the earlier one stands."
    )
    conflict = ExceptionKind.CONFLICT
    return [StockFinding(kind=conflict, cause=Cause.STOCK_SAME_INSTANT, sentence=sentence, subject=snapshot.id)]


def may_replace(shown: Version | None, offered: Version) -> bool:
    """The outward guard: what is shown elsewhere is never replaced by something of an older instant (case I8)."""
    return shown is None or offered >= shown
