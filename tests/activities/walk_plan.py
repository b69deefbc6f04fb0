"""What a walk sets out with: shipments and their orders by the throw of the dice, and what is known of each of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from domain.shipments import Shipment, ShipmentLine
from tests.activities.world import CUSTOMERS, SKUS, House
from tests.build import line, order, order_line, shipment


@dataclass
class Known:
    """What the walk knows of one shipment: all that was stated, and what people did about it."""

    statements: list[Shipment]
    delivered: bool = False
    ordered: bool = False
    foreign: str | None = None
    given_up: bool = False


class Plan:
    """The shipments of one walk, of one to three lines; some of them are parts of one order."""

    def __init__(self, house: House, dice: Random, prefix: str) -> None:
        self._house, self._dice = house, dice
        self.known = self._shipments(prefix)
        for one in {known.statements[0].order_number: known for known in self.known.values()}.values():
            if one.ordered:
                self.place_order(one.statements[0].order_number)

    def place_order(self, number: str) -> None:
        """The order has every line that its shipments name first."""
        parts = [one for one in self.known.values() if one.statements[0].order_number == number]
        lines = [
            order_line(part.line_no, sku=part.sku, quantity=part.quantity_shipped, unit_price=part.unit_price)
            for one in parts
            for part in one.statements[0].lines
        ]
        customer = parts[0].statements[0].customer_number
        self._house.order(order(*lines, number=number, customer_number=customer))
        for one in parts:
            one.ordered = True

    def money(self, low: int, high: int) -> Decimal:
        """An amount between two, to the cent."""
        return Decimal(self._dice.randint(low * 100, high * 100)).scaleb(-2)

    def _shipments(self, prefix: str) -> dict[str, Known]:
        known: dict[str, Known] = {}
        order_number = ""
        for place in range(self._dice.randint(3, 6)):
            number = f"{prefix}-{place}"
            if not order_number or self._dice.random() < 0.7:
                order_number = f"S{number}"
                customer = self._dice.choice(list(CUSTOMERS))
            lines = [self._line(place * 10 + offset) for offset in range(1, self._dice.randint(2, 4))]
            made = shipment(
                *lines,
                number=number,
                order_number=order_number,
                customer_number=customer,
                freight=self._dice.choice([Decimal(0), self.money(5, 90)]),
            )
            known[number] = Known([made], ordered=self._dice.random() < 0.8)
        return known

    def _line(self, line_no: int) -> ShipmentLine:
        quantity = Decimal(self._dice.randint(2, 40))
        price = Decimal(self._dice.randint(1, 999999)).scaleb(-4)
        return line(line_no, sku=self._dice.choice(SKUS), quantity_shipped=quantity, unit_price=price)
