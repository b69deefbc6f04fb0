"""Rows that swung and were held: a person's confirmation lets them through (case I9)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from domain.exceptions import Cause, Choice, Resolution
from domain.stock_balances import Balances, sellable_on_hand
from domain.stock_events import Confirmation, stock_key
from domain.stock_guards import StockPolicy
from domain.stock_ledger import apply
from store import exceptions
from store.stock import levels, snapshots
from store.tables.stock import StockFeedRow, StockLevelRow


def confirm_held(session: Session, skus: Sequence[str], policy: StockPolicy) -> None:
    """Let rows through that a person has confirmed, and that have not moved again since they were asked about."""
    held = [row for row in levels.of_items(session, skus) if row.held]
    if not held:
        return
    feeds = levels.feeds(session)
    for row in held:
        decision = _decision(session, stock_key(row.sku, row.warehouse))
        if decision is not None:
            _confirm(session, row, feeds.get(row.warehouse), decision, policy)


def _decision(session: Session, key: str) -> Resolution | None:
    """The confirmation of a row; none while a later swing of it waits for an answer of its own."""
    record = ("stock", key)
    if any(item.cause is Cause.STOCK_SWING for item in exceptions.open_of_record(session, record)):
        return None
    decision = exceptions.latest_resolution(session, record, Cause.STOCK_SWING)
    return decision if decision and decision.choice is Choice.CONFIRM_STOCK else None


def _confirm(
    session: Session, row: StockLevelRow, feed: StockFeedRow | None, decision: Resolution, policy: StockPolicy
) -> None:
    balance = levels.balance(row, feed)
    if balance.base is None:
        return
    confirmation = Confirmation(
        id=f"confirmation/{decision.exception_id}",
        sku=row.sku,
        warehouse=row.warehouse,
        effective_at=balance.base.effective_at,
        sequence=balance.base.sequence,
        on_hand=sellable_on_hand(balance.counts(), policy.sellable),
        confirmed_by=decision.decided_by,
    )
    applied = apply(Balances.model_construct(rows={balance.key: balance}, closings={}), confirmation, policy)
    newest = {row.warehouse: levels.version_of(feed)} if feed else {}
    levels.write(session, [one.after for one in applied.rows], newest)
    snapshots.keep_event(session, confirmation, f"confirmed by {decision.decided_by}", {"reason": decision.reason})
