"""A tiny reader of shipment files for the tests: slices by column, written from the description of the layout alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

SIGNED = {**{mark: (digit, 1) for digit, mark in enumerate("{ABCDEFGHI")}} | {
    mark: (digit, -1) for digit, mark in enumerate("}JKLMNOPQR")
}


def columns(record: str, first: int, last: int) -> str:
    """Columns count from 1, both ends belong to the field."""
    return record[first - 1 : last]


def zoned(text: str, places: int) -> Decimal:
    digit, sign = SIGNED[text[-1]]
    return sign * Decimal(int(text[:-1] + str(digit))).scaleb(-places)


@dataclass
class ReadShipment:
    number: str
    order: str
    customer: str
    warehouse: str
    freight: Decimal
    lines: list[tuple[int, str, Decimal, Decimal, Decimal, str]] = field(default_factory=list)

    @property
    def worth(self) -> Decimal:
        amounts = (shipped * price for _, _, _, shipped, price, _ in self.lines)
        return sum((a.quantize(Decimal("0.01"), ROUND_HALF_UP) for a in amounts), self.freight)


def read(content: bytes) -> list[ReadShipment]:
    """The shipments of a file; every record length, count and total is checked on the way."""
    *records, rest = content.decode("cp1252").split("\r\n")
    assert rest == ""
    assert {len(record) for record in records} == {140}
    header, *body, trailer = records
    assert header.startswith("H1THWSHPCNF")
    shipments: list[ReadShipment] = []
    for record in body:
        _read_record(record, shipments)
    assert columns(trailer, 1, 2) == "T9"
    assert int(columns(trailer, 3, 9)) == len(records)
    assert int(columns(trailer, 10, 16)) == len(shipments)
    assert int(columns(trailer, 17, 26)) == sum(int(shipment.number[2:]) for shipment in shipments) % 10**10
    assert zoned(columns(trailer, 27, 39), 2) == sum(shipment.worth for shipment in shipments)
    return shipments


def _read_record(record: str, shipments: list[ReadShipment]) -> None:
    kind = columns(record, 1, 2)
    if kind == "S1":
        number, order, customer, warehouse = (
            columns(record, *place).rstrip() for place in ((3, 12), (13, 22), (23, 30), (31, 33))
        )
        shipments.append(ReadShipment(number, order, customer, warehouse, zoned(columns(record, 73, 81), 2)))
    elif kind == "S2":
        ordered, shipped = (Decimal(columns(record, *place)).scaleb(-2) for place in ((22, 30), (31, 39)))
        line = int(columns(record, 3, 6))
        price = zoned(columns(record, 42, 52), 4)
        sku, reason = columns(record, 7, 21).rstrip(), columns(record, 65, 66).strip()
        shipments[-1].lines.append((line, sku, ordered, shipped, price, reason))
    else:
        assert kind == "S9"
        assert columns(record, 3, 12).rstrip() == shipments[-1].number
        assert int(columns(record, 13, 16)) == len(shipments[-1].lines)
