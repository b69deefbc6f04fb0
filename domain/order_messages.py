"""What the ERP is told of an order: add it, change it, cancel it."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from domain.money import Money, Quantity, plain


class OrderAction(StrEnum):
    """What the ERP shall do."""

    ADD = "add"
    CHANGE = "change"
    CANCEL = "cancel"


class OrderFileState(StrEnum):
    """How far a file of messages is: its bytes are frozen, or it lies in the ERP's folder."""

    INTENDED = "intended"
    WRITTEN = "written"


class MessageState(StrEnum):
    """How far a message is: waiting for a file, in one on its way, there for the ERP to read, or not to be written.

    `withdrawn`: the order went on before it was in a file; a newer one says it all, or there is nothing to say.
    """

    PENDING = "pending"
    TAKEN = "taken"
    SENT = "sent"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class OrderMessageLine(BaseModel):
    """One line as the ERP shall have it; `unit_price` is per `uom`."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    line_no: int
    sku: str
    quantity: Quantity
    uom: str
    unit_price: Money


class OrderMessage(BaseModel):
    """An order as the ERP shall have it: a change replaces all that was said before, a cancellation needs no lines.

    `requested_on` is the day on which the customer wants the goods. `terms` is the ERP's code.
    """

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    action: OrderAction
    order_number: str
    customer_number: str
    ordered_on: date
    requested_on: date | None = None
    warehouse: str
    purchase_order: str | None = None
    terms: str
    lines: tuple[OrderMessageLine, ...] = ()

    @field_validator("purchase_order")
    @classmethod
    def _blank_is_none(cls, value: str | None) -> str | None:
        return value or None

    @model_validator(mode="after")
    def _has_lines(self) -> OrderMessage:
        if not self.lines and self.action is not OrderAction.CANCEL:
            raise ValueError("an order without lines can only be cancelled")
        if len({line.line_no for line in self.lines}) != len(self.lines):
            raise ValueError("a line number stands once in an order")
        return self

    @property
    def content_hash(self) -> str:
        """Names the content: equal messages have one, however their numbers are written (`4` and `4.00`)."""
        body = self.model_dump(exclude={"lines"})
        lines = [line.model_dump() for line in self.lines]
        text = repr([_plain(body), [_plain(line) for line in lines]])
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(values: dict[str, object]) -> list[tuple[str, str]]:
    """Every value as text, in the order of names."""
    return [(name, _text(value)) for name, value in sorted(values.items())]


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value + 0)  # no negative zero
    return "" if value is None else str(value)
