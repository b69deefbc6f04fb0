"""The ERP's twin takes order files in: checks them, acknowledges the orders, ships them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.twins.erp.conftest import Serve
from tests.twins.erp.reading import read
from twins.erp.ordimp import OrderAction, read_ordimp

PUNCHED = "{ABCDEFGHI"


def order_record(action: str, number: str) -> str:
    return f"O1{action}{number:10}0004001712611250000000ATL{'PO-1':14}N30".ljust(120)


def line_record(line: int, sku: str, quantity: int, price: str) -> str:
    return f"O2{line:04d}{sku:15}{quantity:09d}EA{price[:-1]}{PUNCHED[int(price[-1])]}".ljust(120)


def order_file(sequence: int, orders: Sequence[tuple[str, str, list[tuple[str, int, str]]]]) -> bytes:
    """An order file as the description of the layout has it; quantities and prices are written without their point."""
    records = [f"H1THWORDIMP{sequence:06d}1261125081500".ljust(120)]
    for action, number, lines in orders:
        records.append(order_record(action, number))
        records += [line_record(place, *line) for place, line in enumerate(lines, 1)]
        records.append(f"O9{number:10}{len(lines):04d}".ljust(120))
    quantities = sum(line[1] for _, _, lines in orders for line in lines)
    records.append(f"T9{len(records) + 1:07d}{len(orders):07d}{quantities % 10**10:010d}".ljust(120))
    return "".join(f"{record}\r\n" for record in records).encode("cp1252")


TWO = order_file(1, [("A", "SO900001", [("HCS-0100/Z", 250, "00000477119")]), ("X", "SO700310", [])])


def test_a_file_is_read_field_by_field() -> None:
    file = read_ordimp(TWO)
    first, second = file.orders
    assert (file.sequence, first.action, second.action) == (1, OrderAction.ADD, OrderAction.CANCEL)
    assert (first.order.order_no, first.order.customer_erp_no, first.order.po_no) == ("SO900001", "00040017", "PO-1")
    assert (first.order.ordered_on.isoformat(), first.requested_on) == ("2026-11-25", None)
    line = first.order.lines[0]
    assert (line.sku, line.quantity, line.unit_price) == ("HCS-0100/Z", Decimal("2.5"), Decimal("47.7119"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (TWO[:-5], "whole record"),
        (TWO[:200] + TWO[201:], "characters"),
        (TWO.replace(b"O9SO900001  0001", b"O9SO900001  0002"), "states"),
        (TWO.replace(b"H1THWORDIMP", b"H1THWSHPCNF"), "header"),
        (TWO.replace(b"000000250EA", b"000000251EA"), "trailer states"),
        (TWO.replace(b"O9SO700310  0000", b"O9SO700310  0003"), "states"),
        (TWO.replace(b"O2", b"O7"), "out of place"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused(content: bytes, problem: str) -> None:
    assert content != TWO
    with pytest.raises(ValueError, match=problem):
        read_ordimp(content)


async def test_handed_in_orders_are_acknowledged_and_shipped(serve: Serve) -> None:
    """Cases I4, O9: an order leaves the deduction when the ERP speaks of it; a cancelled one does not ship."""
    async with serve() as client:
        await client.post("/world", json={"orders": 20})
        taken: dict[str, Any] = (await client.post("/imports", content=TWO)).json()
        assert (taken["add"], taken["cancel"], taken["repeated"]) == (["SO900001"], ["SO700310"], False)
        assert (await client.post("/imports", content=TWO)).json()["repeated"] is True
        await client.post("/exports/ORDACK", json={"backordered": 0})
        truth = (await client.get("/truth/ORDACK.S000101")).json()
        told = {order["order_no"]: order for order in truth["orders"]}
        assert told["SO700310"] == {"order_no": "SO700310", "status": "C", "lines": []}
        assert told["SO900001"]["lines"][0]["allocated"] == "2.5"
        content = (await client.post("/exports/SHPCNF", json={"shipments": 500})).content
        shipped = {shipment.order for shipment in read(content)}
        assert "SO900001" in shipped
        assert "SO700310" not in shipped


async def test_the_sequence_of_order_files_has_no_gaps(serve: Serve) -> None:
    async with serve() as client:
        await client.post("/world", json={"orders": 20})
        assert (await client.post("/imports", content=order_file(4, []))).status_code == 200
        gap = await client.post("/imports", content=order_file(6, []))
        assert (gap.status_code, gap.json()) == (422, {"detail": "sequence 6 does not follow 4"})
        assert (await client.post("/imports", content=order_file(5, []))).status_code == 200
