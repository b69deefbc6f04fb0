"""What keeps a wrong export from becoming a wrong number: guards on the whole snapshot and on one row's swing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from domain.exceptions import Cause, ExceptionKind
from domain.money import Money, Quantity, plain, to_cents
from domain.stock import Bucket
from domain.stock_balances import Agreed, Balance, Balances, Held, sellable_on_hand
from domain.stock_events import Snapshot, stock_key


class StockFinding(BaseModel):
    """One reason for work on stock: cause, a sentence for a person, and the row or file that it is about."""

    model_config = ConfigDict(frozen=True)

    kind: ExceptionKind = ExceptionKind.HOLD
    cause: Cause
    sentence: str
    subject: str
    money_at_stake: Money | None = None


class StockPolicy(BaseModel):
    """How stock statements are read and doubted; `version` is kept with every decision.

    `sellable` maps bucket codes (case I10). Percentages are of what was there before. A swing is held when it is more
    than `swing_percent` and worth more than `swing_money`; where an item's value is unknown the percentage decides
    alone. No limit: None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    sellable: Mapping[str, bool] = {one: one is Bucket.SELLABLE for one in Bucket}
    shrink_percent: Decimal | None = Field(default=Decimal(10), ge=0)
    zero_percent: Decimal | None = Field(default=Decimal(60), ge=0)
    swing_percent: Decimal | None = Field(default=None, ge=0)
    swing_money: Money = Decimal(0)


class Census(NamedTuple):
    """How a snapshot compares with what was there before it, in its warehouses.

    `listed`: rows that were stated, of which `missing` are not in it. `holding`: rows that held something, of which it
    states `emptied` as holding nothing.
    """

    listed: int
    missing: int
    holding: int
    emptied: int


def census(balances: Balances, snapshot: Snapshot) -> Census:
    """Count, over balances that are in memory."""
    scope = _in_scope(balances, snapshot)
    there = [key for key in scope if _is_stated(balances.rows[key])]
    holding = {key for key in scope if _holds_something(balances.rows[key])}
    listed = snapshot.listed()
    emptied = 0
    for row in snapshot.rows:
        emptied += stock_key(row.sku, row.warehouse) in holding and not any(one.on_hand for one in row.counts)
    missing = sum(1 for key in there if key not in listed)
    return Census(listed=len(there), missing=missing, holding=len(holding), emptied=emptied)


def doubts(counted: Census, snapshot: Snapshot, policy: StockPolicy) -> list[StockFinding]:
    """Why nothing of this snapshot may be applied (case I2); a snapshot that a person accepted has none."""
    if snapshot.accepted:
        return []
    if not snapshot.proven:
        sentence = f"{snapshot.source}: its totals are not proven, so nothing of it is applied."
        return [StockFinding(cause=Cause.STOCK_NOT_PROVEN, sentence=sentence, subject=snapshot.id)]
    limit = policy.zero_percent
    if limit is None or not counted.holding or counted.emptied * 100 <= limit * counted.holding:
        return []
    sentence = (
        f"{snapshot.source}: {counted.emptied} of {counted.holding} rows that held stock are stated as empty, "
        f"more than {plain(limit)} %. Nothing of it is applied."
    )
    return [StockFinding(cause=Cause.STOCK_TOO_MANY_ZEROS, sentence=sentence, subject=snapshot.id)]


def shrinkage(counted: Census, snapshot: Snapshot, policy: StockPolicy) -> StockFinding | None:
    """Why the absence of rows is not believed: too many of the rows that there were are missing (case I2)."""
    limit = policy.shrink_percent
    if snapshot.accepted or limit is None:
        return None
    if not counted.listed or counted.missing * 100 <= limit * counted.listed:
        return None
    sentence = (
        f"{snapshot.source}: {counted.missing} of {counted.listed} rows are missing, more than {plain(limit)} %. "
        "The rows that it lists are applied, the missing ones stay as they were."
    )
    return StockFinding(cause=Cause.STOCK_SHRUNK, sentence=sentence, subject=snapshot.id)


def _in_scope(balances: Balances, snapshot: Snapshot) -> list[str]:
    """Rows of its warehouses that are older than it."""
    scope = set(snapshot.warehouses)
    return [
        key
        for key, row in balances.rows.items()
        if row.warehouse in scope and row.base is not None and row.base.version < snapshot.version
    ]


def _is_stated(row: Balance) -> bool:
    return row.base is not None and bool(row.base.counts)


def _holds_something(row: Balance) -> bool:
    return any(one.on_hand for one in row.counts())


def guarded(row: Balance, policy: StockPolicy, unit_value: Decimal | None) -> Balance:
    """The row with its swing judged against what was last agreed: let through, or held for a person (case I9).

    Without a limit nothing is held and nothing has to be agreed: the next number after a limit is set is let through.
    """
    if policy.swing_percent is None and row.agreed is None and row.held is None:
        return row
    if policy.swing_percent is None:
        return row.model_copy(update={"agreed": None, "held": None})
    if row.base is None:
        return row
    on_hand = sellable_on_hand(row.counts(), policy.sellable)
    held = _swing(row, on_hand, policy, unit_value) if row.agreed else None
    if held:
        return row.model_copy(update={"held": held})
    agreed = Agreed(effective_at=row.base.effective_at, sequence=row.base.sequence, on_hand=on_hand)
    return row.model_copy(update={"agreed": agreed, "held": None})


def _swing(row: Balance, on_hand: Quantity, policy: StockPolicy, unit_value: Decimal | None) -> Held | None:
    before = row.agreed.on_hand if row.agreed else on_hand
    change = abs(on_hand - before)
    percent = to_cents(change * 100 / max(abs(before), Decimal(1)))
    money = to_cents(change * unit_value) if unit_value is not None else None
    within_money = money is not None and money <= policy.swing_money
    if policy.swing_percent is None or percent <= policy.swing_percent or within_money:
        return None
    worth = f", worth {money}" if money is not None else ""
    sentence = (
        f"{row.sku} in {row.warehouse} goes from {plain(before)} to {plain(on_hand)} ({plain(percent)} %{worth}). "
        "Confirm it, or correct it in the ERP; until then this row is not published."
    )
    return Held(on_hand_before=before, on_hand=on_hand, percent=percent, money=money, sentence=sentence)
