"""Small exports of stock and of acknowledgements for tests, written as the ERP writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from twins.erp.acknowledgements import AcknowledgedLine, Acknowledgement, write_ordack
from twins.erp.stock import StockRow, write_inv410r

T0 = datetime(2026, 11, 20, 10, 55, tzinfo=UTC)  # 05:55 in New York


def hours(count: float) -> datetime:
    """So many hours after the first export."""
    return T0 + timedelta(hours=count)


def row(sku: str, on_hand: int = 40, warehouse: str = "ATL", allocated: int = 0, status: str = "A") -> StockRow:
    """What one warehouse has of one item."""
    numbers = {"on_hand": Decimal(on_hand), "allocated": Decimal(allocated), "on_order": Decimal(0)}
    return StockRow(sku=sku, warehouse=warehouse, status=status, **numbers)


def export(at: float, rows: Sequence[StockRow]) -> tuple[str, bytes]:
    """The export of so many hours after the first: its name and its bytes."""
    return f"INV410R.{hours(at):%Y%m%d.%H%M}", write_inv410r(hours(at), rows)


def acknowledged(
    sequence: int, at: float, *orders: tuple[str, str, Sequence[tuple[int, str, int, int]]]
) -> tuple[str, bytes]:
    """A file of acknowledgements: orders with their status, and lines of line, item, allocated, backordered."""
    said = [
        Acknowledgement(
            order_no=number,
            status=status,
            lines=tuple(
                AcknowledgedLine(line=line, sku=sku, allocated=Decimal(allocated), backordered=Decimal(backordered))
                for line, sku, allocated, backordered in lines
            ),
        )
        for number, status, lines in orders
    ]
    return f"ORDACK.S{sequence:06d}", write_ordack(sequence, hours(at), said)
