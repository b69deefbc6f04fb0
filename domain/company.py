"""The company: what differs from one distributor to the next, as data (`config/company.toml`)."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.correction_rules import CorrectionPolicy
from domain.exception_work import ExceptionRules
from domain.kits import Kit
from domain.order_acceptance import NumberRules
from domain.order_plan import OrderRules
from domain.reconciliation_policy import ReconciliationPolicy
from domain.stock_rules import KitRules, StockRules, kits_of


class Terms(BaseModel):
    """Payment terms by the ERP's code; `due_days` counts from the invoice date."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    due_days: int = Field(ge=0)


class BillingPolicy(BaseModel):
    """The rules by which a shipment is billed; `version` names them in every stored decision.

    `price_tolerance_percent`: how far the ERP's price may differ from the order's and still be billed at the order's
    (case E2). `overship_tolerance_percent`: how much more than ordered may be billed without a person (case O4).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    price_tolerance_percent: Decimal = Decimal(0)
    overship_tolerance_percent: Decimal = Decimal(0)
    price_places: int = Field(default=4, ge=2, le=7)
    freight_sku: str = "FREIGHT"
    invoice_date: str = "ship_date"

    @field_validator("invoice_date")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in {"ship_date", "booking_date"}:
            raise ValueError("use ship_date or booking_date")
        return value


class StatusWords(BaseModel):
    """The values of `Gateway_Status__c` in this org's own words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    invoiced: str = "Invoiced"
    partially_invoiced: str = "Partially Invoiced"
    needs_attention: str = "Needs Attention"


class OrderFiles(BaseModel):
    """The files that tell the ERP of orders: their layout, their name, and the number of the very first one.

    A name is the `prefix` and the sequence, zero filled to `digits`. Later numbers come from the store alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: str = "ordimp"
    prefix: str = Field(default="ORDIMP.S", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    digits: int = Field(default=6, ge=1, le=12)
    first_sequence: int = Field(default=1, ge=0)

    def name(self, sequence: int) -> str:
        """The name of the file with this number."""
        return f"{self.prefix}{sequence:0{self.digits}}"


class Company(BaseModel):
    """One distributor: its code in ERP files, zone, currency, terms, warehouses, rules, kits and status words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    name: str
    timezone: str
    currency: str = "USD"
    terms: dict[str, Terms]
    warehouses: dict[str, str]
    billing: BillingPolicy
    corrections: CorrectionPolicy = CorrectionPolicy()
    status_words: StatusWords = StatusWords()
    orders: OrderRules = OrderRules()
    order_numbers: NumberRules = NumberRules()
    stock: StockRules = StockRules()
    kits: dict[str, KitRules] = {}
    order_files: OrderFiles = OrderFiles()
    exceptions: ExceptionRules = ExceptionRules()
    reconciliation: ReconciliationPolicy = ReconciliationPolicy()

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, OSError) as error:
            raise ValueError("name a zone of the IANA database, such as America/New_York") from error
        return value

    @classmethod
    def parse(cls, text: str) -> Company:
        """Read the text of `company.toml`; floats are read as exact decimals."""
        return cls.model_validate(tomllib.loads(text, parse_float=Decimal))

    @property
    def zone(self) -> ZoneInfo:
        """The company's zone."""
        return ZoneInfo(self.timezone)

    @property
    def kits_by_sku(self) -> dict[str, Kit]:
        """What is sold as one and kept as its components."""
        return kits_of(self.kits)

    def local_date(self, instant: datetime) -> date:
        """The business day of an instant, in the company's zone (case F14); a naive time is refused."""
        if instant.tzinfo is None:
            raise ValueError("a time without a zone names no instant")
        return instant.astimezone(self.zone).date()
