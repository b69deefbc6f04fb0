"""The rules by which what is invoiced is corrected: `[corrections]` of `company.toml`."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Way(StrEnum):
    """Whether a kind of correction is made by itself or put before a person."""

    AUTOMATIC = "automatic"
    PROPOSED = "proposed"


class ClosedPeriod(StrEnum):
    """What becomes of a correction that belongs into a period that is closed (case E12)."""

    FIRST_OPEN_DAY = "first_open_day"
    HOLD = "hold"


class CorrectionPolicy(BaseModel):
    """How corrections and returns of invoiced goods are dealt with; `version` names the rules in every stored decision.

    `automatic_up_to`: a document over more money than this is always put before a person. `restocking_fee_percent`: of
    the worth of goods that go back on the shelf, taken off the credit by an item of its own. `credit_damaged`: whether
    goods that came back damaged are credited (in full, without the fee).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "default"
    supplement: Way = Way.PROPOSED
    credit_memo: Way = Way.PROPOSED
    void: Way = Way.PROPOSED
    automatic_up_to: Decimal = Field(default=Decimal(0), ge=0)
    restocking_fee_percent: Decimal = Field(default=Decimal(0), ge=0, le=100)
    restocking_sku: str = "RESTOCK"
    credit_damaged: bool = False
    closed_period: ClosedPeriod = ClosedPeriod.FIRST_OPEN_DAY

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if Way.AUTOMATIC in {self.supplement, self.credit_memo, self.void} and self.automatic_up_to == 0:
            raise ValueError("say with automatic_up_to over how much money a correction may be made by itself")
        return self

    @property
    def fee_skus(self) -> tuple[str, ...]:
        """The item of the restocking fee, where one is taken."""
        return (self.restocking_sku,) if self.restocking_fee_percent else ()
