"""The rules of reconciliation, as data: when it runs, how long a change may be under way, what heals by itself."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from domain.reconciliation import Remedy, Side


class Healing(BaseModel):
    """Which unambiguous differences are put right by themselves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    say_again: bool = True
    stock_again: bool = True
    refresh: bool = True

    def allows(self, remedy: Remedy) -> bool:
        """Whether this is done without asking."""
        return remedy is not Remedy.PERSON and bool(getattr(self, remedy.value))


class ReconciliationPolicy(BaseModel):
    """By what a run decides; `version` stands in every certificate.

    Graces say how long a change may be under way at a system before what it left different counts as lost.
    `minor_up_to` marks small differences and hides none. `books_since`: invoices of an earlier day were made before the
    gateway took over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "2026-11"
    at: time = time(2, 30)
    quickbooks_grace_seconds: int = Field(default=900, ge=0)
    salesforce_grace_seconds: int = Field(default=900, ge=0)
    erp_grace_seconds: int = Field(default=900, ge=0)
    gateway_grace_seconds: int = Field(default=900, ge=0)
    second_read_seconds: int = Field(default=30, ge=0)
    minor_up_to: Decimal = Decimal("1.00")
    books_since: date | None = None
    keep_inputs_runs: int = Field(default=35, ge=1)
    most_items: int = Field(default=500, ge=1)
    owner: str = "reconciliation"
    heal: Healing = Healing()

    def grace(self, side: Side) -> timedelta:
        """How long a change of this side may be under way."""
        seconds = {
            Side.QUICKBOOKS: self.quickbooks_grace_seconds,
            Side.SALESFORCE: self.salesforce_grace_seconds,
            Side.ERP: self.erp_grace_seconds,
        }
        return timedelta(seconds=seconds.get(side, self.gateway_grace_seconds))
