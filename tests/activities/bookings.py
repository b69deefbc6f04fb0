"""Shipments on their way into QuickBooks, and the check that each came to one invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from domain.shipments import Shipment
from tests.activities.worker import Worker
from tests.activities.world import House, amount_of, check_exactly_one, fresh_number
from tests.build import line, order_for, shipment

UNCERTAIN, INTENDED, BOOKED = "intended/uncertain", "intended/intended", "invoiced/booked"


def stated(house: House, count: int, **more: Any) -> list[Shipment]:
    """Shipments that bill at once, each with its order: fractions of a cent, freight, two units of measure."""
    made = [
        shipment(
            line(1, quantity_shipped=Decimal(7 + place), unit_price=Decimal("1.1150")),
            line(2, sku="NUT", quantity_shipped=Decimal(3), uom="BX", unit_price=Decimal("20.2550")),
            number=(number := fresh_number()),
            order_number=f"SO-{number}",
            freight=Decimal("12.50") if place % 2 else Decimal(0),
            **more,
        )
        for place in range(count)
    ]
    house.order(*(order_for(one) for one in made))
    return made


def intended(house: House, worker: Worker, count: int) -> tuple[list[Shipment], list[str]]:
    made = stated(house, count)
    return made, worker.prepare_range(house.deliver(*made)).book


def check_all(house: House, made: list[Shipment]) -> None:
    for one in made:
        check_exactly_one(house, one.number, amount_of(one))
        assert not house.open_work(one.number)


def read_as_refused(house: House, made: Shipment) -> None:
    """A refusal was read while an earlier attempt was still under way."""
    with house.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE invoice_intents SET state = 'refused', settled_at = now() WHERE shipment_number = %s",
            (made.number,),
        )
