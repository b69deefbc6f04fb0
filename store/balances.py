"""What customers owe by QuickBooks' own word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select
from sqlmodel import Session, col

from domain.money import Money
from store.tables.credits import CustomerBalanceRow
from store.upserts import upsert


class CustomerBalance(BaseModel):
    """What a customer owes, as of when QuickBooks last changed it."""

    model_config = ConfigDict(frozen=True)

    customer_number: str
    balance: Money
    as_of_at: datetime


def get_many(session: Session, numbers: Sequence[str]) -> dict[str, CustomerBalance]:
    """The balances of these customers, as far as QuickBooks has named them."""
    query = select(CustomerBalanceRow).where(col(CustomerBalanceRow.customer_number).in_(numbers))
    return {row.customer_number: CustomerBalance(**row.model_dump()) for row in session.scalars(query)}


def keep(session: Session, found: Mapping[str, tuple[Decimal, datetime]]) -> list[str]:
    """Keep what was read; answers whose balance moved. An older reading never replaces a newer one."""
    before = get_many(session, list(found))
    moved = [number for number, (balance, _) in found.items() if _moved(before.get(number), balance)]
    rows = [{"customer_number": number, "balance": balance, "as_of_at": at} for number, (balance, at) in found.items()]
    upsert(session, CustomerBalanceRow, rows, guard="stored.as_of_at <= excluded.as_of_at")
    return sorted(moved)


def forget(session: Session, numbers: Sequence[str]) -> list[str]:
    """Forget what these customers owed: QuickBooks has no balance of theirs any more. Answers who had one."""
    gone = delete(CustomerBalanceRow).where(col(CustomerBalanceRow.customer_number).in_(numbers))
    return sorted(session.scalars(gone.returning(col(CustomerBalanceRow.customer_number))))


def _moved(before: CustomerBalance | None, balance: Decimal) -> bool:
    return before is None or before.balance != balance
