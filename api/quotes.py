"""Quotes and reservations as they travel: what is asked to be kept, what is kept, and how it stands."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from api.shapes import Flag, Whole
from domain.demand import Reservation
from domain.errors import Malformed
from domain.money import Quantity

LONGEST_MINUTES = 60 * 24 * 90


# How much is asked for: a decimal string, like every quantity.
Sent = Annotated[
    Quantity,
    Field(gt=0, lt=10**12, decimal_places=6),
    WithJsonSchema({"type": "string", "pattern": r"^(0*[1-9]\d{0,11}(\.\d{1,6})?|0+\.\d{0,5}[1-9])$"}),
]


class QuoteLine(BaseModel):
    """A line of a quote; `uom` left out: base units. Without a warehouse it counts against the total alone."""

    model_config = ConfigDict(str_strip_whitespace=True, extra="forbid")

    line_no: Whole = Field(ge=1, le=2**31 - 1)
    sku: str = Field(min_length=1, max_length=200)
    warehouse: str | None = Field(default=None, min_length=1, max_length=50)
    quantity: Sent
    uom: str | None = Field(default=None, min_length=1, max_length=20)


class Quote(BaseModel):
    """Goods to keep: all of them or, if `all_or_nothing` is false, as many as there are; `minutes`: for how long."""

    model_config = ConfigDict(
        str_strip_whitespace=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "reference": "Q-1042",
                    "lines": [
                        {"line_no": 1, "sku": "BVB-0114", "warehouse": "ATL", "quantity": "12"},
                        {"line_no": 2, "sku": "PVE-0121", "quantity": "2", "uom": "BX"},
                    ],
                    "minutes": 240,
                }
            ]
        },
    )

    reference: str = Field(min_length=1, max_length=200, description="The quote's own number; names the reservation.")
    lines: list[QuoteLine] = Field(min_length=1, max_length=500)
    minutes: Whole | None = Field(default=None, ge=1, le=LONGEST_MINUTES)
    all_or_nothing: Flag = True

    @model_validator(mode="after")
    def _each_line_once(self) -> Quote:
        if len({line.line_no for line in self.lines}) < len(self.lines):
            raise Malformed("body.lines: a line number stands for one line only.", reason="lines")
        return self


class KeptLine(BaseModel):
    """What one line got, in base units; `limited_by` names the scarce item, of a kit the scarce component."""

    model_config = ConfigDict(frozen=True)

    line_no: int
    sku: str
    warehouse: str | None
    quantity: Quantity
    promised: Quantity
    short: Quantity
    limited_by: str | None


class Kept(BaseModel):
    """What is kept for a quote, and until when."""

    model_config = ConfigDict(frozen=True)

    reference: str
    lines: list[KeptLine]
    created_at: AwareDatetime
    expires_at: AwareDatetime


class ReservationState(StrEnum):
    """Whether goods are held now, or why no more."""

    HELD = "held"
    EXPIRED = "expired"
    RELEASED = "released"
    CONVERTED = "converted"


class ReservationView(Kept):
    """A reservation as it stands: `order_number` is the order that it became, `parts` the items that it keeps."""

    state: ReservationState
    order_number: str | None
    parts: list[Reservation]
