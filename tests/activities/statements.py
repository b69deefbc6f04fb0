"""Shipments to start from: one that bills at once, one whose order is missing, one that differs from its order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from domain.exceptions import Cause
from domain.shipments import Shipment
from tests.activities.world import House, fresh_number
from tests.build import line, order, order_for, order_line, shipment


def stated(house: House, **changes: Any) -> Shipment:
    """A shipment that bills at once, with its order."""
    made = unordered(**changes)
    house.order(order_for(made))
    return made


def unordered(*lines: Any, **changes: Any) -> Shipment:
    """A shipment whose order is not known."""
    number = fresh_number()
    return shipment(*lines, **{"number": number, "order_number": f"SO-{number}", **changes})


def open_causes(house: House, number: str) -> list[Cause]:
    return [one.cause for one in house.open_work(number)]


def differing(house: House) -> Shipment:
    """The ERP states 2.60, the order 2.50; 10 pieces of 8 ordered."""
    made = unordered(line(unit_price=Decimal("2.60"), quantity_shipped=Decimal(10), quantity_ordered=Decimal(8)))
    house.order(order(order_line(quantity=Decimal(8)), number=made.order_number))
    return made
