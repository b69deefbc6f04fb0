"""Open demand: what orders want, what of it the ERP has seen at an instant, and what reservations keep."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.acknowledgements import AcknowledgementStatus, OrderAcknowledgement
from domain.items import Factor
from domain.money import Money, Quantity

BASE_PLACES = 4


def base_quantity(quantity: Decimal, factor: Fraction) -> Decimal:
    """The quantity in base units, rounded up beyond four places: a promise is never too high (case E3)."""
    scaled = Fraction(quantity) * factor * 10**BASE_PLACES
    return Decimal(math.ceil(scaled)).scaleb(-BASE_PLACES).normalize() + Decimal(0)


class ShippedPart(BaseModel):
    """Goods of an order line that have left the building, in the order's unit."""

    model_config = ConfigDict(frozen=True)

    shipment_number: str
    quantity: Quantity
    shipped_at: AwareDatetime


class OpenDemand(BaseModel):
    """One order line that the gateway accepted. `quantity` is per `uom`, of which one holds `factor` base units.

    `factor` None: nobody knows this unit, so no number can be stated. `version_at` tells repeated statements of the
    line apart: the newest counts. `sent_again_at`: refusals of the ERP that were cut before it are overtaken.
    `unit_price` is per `uom`.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    order_number: str
    line_no: int
    sku: str
    warehouse: str | None
    quantity: Quantity
    uom: str
    factor: Factor | None
    accepted_at: AwareDatetime
    version_at: AwareDatetime
    cancelled: bool = False
    sent_again_at: AwareDatetime | None = None
    shipped: tuple[ShippedPart, ...] = ()
    promise_on: date | None = None
    unit_price: Money = Decimal(0)

    @property
    def name(self) -> str:
        """How a person finds it."""
        return f"{self.order_number} line {self.line_no}"


class LineAcknowledgement(BaseModel):
    """What a file that was cut at `cut_at` says of an order line; `line_no` None: of the whole order.

    `allocated` and `backordered` are in the order's unit; `allocated` None: all that is open.
    """

    model_config = ConfigDict(frozen=True)

    order_number: str
    line_no: int | None
    status: AcknowledgementStatus
    allocated: Quantity | None = None
    backordered: Quantity = Decimal(0)
    promise_on: date | None = None
    cut_at: AwareDatetime
    sequence: int
    source: str


class Reservation(BaseModel):
    """Goods kept for a quote until `expires_at`, in base units; none once it became an order (case I11)."""

    model_config = ConfigDict(frozen=True)

    id: str
    sku: str
    warehouse: str | None
    quantity: Quantity
    created_at: AwareDatetime
    expires_at: AwareDatetime
    order_number: str | None = None

    def holds(self, at: datetime) -> bool:
        """True while it keeps goods back; at the instant of expiry it does no longer."""
        return self.order_number is None and self.created_at <= at < self.expires_at


def line_acknowledgements(
    said: OrderAcknowledgement, cut_at: datetime, sequence: int, source: str
) -> list[LineAcknowledgement]:
    """What a file's statement on one order says line by line; without lines it speaks of the whole order."""
    common = {"order_number": said.order_number, "status": said.status, "cut_at": cut_at, "sequence": sequence}
    if said.status is not AcknowledgementStatus.ACCEPTED:
        return [LineAcknowledgement.model_validate({**common, "line_no": None, "source": source})]
    return [
        LineAcknowledgement.model_validate(
            {
                **common,
                "source": source,
                **one.model_dump(exclude={"sku"}),
            }
        )
        for one in said.lines
    ]


def newest_demands(demands: Iterable[OpenDemand]) -> list[OpenDemand]:
    """Each order line as it was stated last, by order and line; statements may repeat and come in any order.

    A line for a kit stands for several items: all those of its last statement, and none of an earlier one.
    """
    stated = list(demands)
    last: dict[tuple[str, int], datetime] = {}
    for one in stated:
        key = (one.order_number, one.line_no)
        last[key] = max(last.get(key, one.version_at), one.version_at)
    newest = {
        (one.order_number, one.line_no, one.sku): one
        for one in stated
        if one.version_at == last[one.order_number, one.line_no]
    }
    return [newest[key] for key in sorted(newest)]
