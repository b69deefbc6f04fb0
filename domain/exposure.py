"""A customer's exposure: owed, shipped but not billed, and on order, against its limit (case O17)."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from domain.money import Money


class Exposure(BaseModel):
    """What a customer may come to owe. All in company currency; no `limit`: nobody set one, so nothing is over it."""

    model_config = ConfigDict(frozen=True)

    customer_number: str
    balance: Money = Decimal(0)
    unbilled: Money = Decimal(0)
    on_order: Money = Decimal(0)
    limit: Money | None = None

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.balance + self.unbilled + self.on_order

    @property
    def is_over(self) -> bool:
        """Whether it is more than the limit allows."""
        return self.limit is not None and self.total > self.limit

    def words(self) -> str:
        """Why it is over, for whoever has to decide."""
        return (
            f"{self.total} against a limit of {self.limit}: {self.balance} owed, {self.unbilled} shipped and not "
            f"billed, {self.on_order} on order."
        )
