"""ORDIMP, the orders that the gateway hands to the ERP: 120-byte records, read and checked strictly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from twins.erp.records import CODE_PAGE, LINE_END, read_century_date, read_zoned
from twins.erp.world import Order, OrderLine

RECORD_LENGTH = 120


class OrderAction(StrEnum):
    """What an order record asks for."""

    ADD = "A"
    CHANGE = "C"
    CANCEL = "X"


@dataclass(frozen=True, slots=True)
class ImportedOrder:
    """One order of a file; `requested_on` is None where the record has zeros."""

    action: OrderAction
    order: Order
    requested_on: date | None = None


@dataclass(frozen=True, slots=True)
class OrderFile:
    """A file that passed every check."""

    sequence: int
    orders: tuple[ImportedOrder, ...]


def read_ordimp(content: bytes) -> OrderFile:
    """Read a file of orders; ValueError names the record that is wrong, nothing of such a file is taken."""
    *records, rest = content.decode(CODE_PAGE).split(LINE_END)
    if rest or len(records) < 2:
        raise ValueError("the file does not end with a whole record")
    for number, record in enumerate(records, 1):
        if len(record) != RECORD_LENGTH:
            raise ValueError(f"record {number} has {len(record)} characters, not {RECORD_LENGTH}")
    header, *body, trailer = records
    if _columns(header, 1, 11) != "H1THWORDIMP":
        raise ValueError("record 1 is not the header of an ORDIMP file")
    orders = tuple(_orders(body))
    _check_trailer(trailer, len(records), body)
    return OrderFile(int(_columns(header, 12, 17)), orders)


def _columns(record: str, first: int, last: int) -> str:
    return record[first - 1 : last]


def _text(record: str, first: int, last: int) -> str:
    return _columns(record, first, last).rstrip()


def _orders(body: list[str]) -> Iterator[ImportedOrder]:
    current: ImportedOrder | None = None
    for number, record in enumerate(body, 2):
        kind = _columns(record, 1, 2)
        if kind == "O1" and current is None:
            current = _order(record)
        elif kind == "O2" and current is not None:
            current = _with_line(current, record)
        elif kind == "O9" and current is not None:
            _check_order(current.order, record, number)
            yield current
            current = None
        else:
            raise ValueError(f"record {number} of type {kind!r} is out of place")
    if current is not None:
        raise ValueError(f"order {current.order.order_no} has no end")


def _order(record: str) -> ImportedOrder:
    order = Order(
        order_no=_text(record, 4, 13),
        customer_erp_no=_text(record, 14, 21),
        po_no=_text(record, 39, 52),
        ordered_on=read_century_date(_columns(record, 22, 28)),
        warehouse=_text(record, 36, 38),
        terms_code=_text(record, 53, 55),
        lines=(),
    )
    requested = _columns(record, 29, 35)
    requested_on = read_century_date(requested) if requested.strip("0") else None
    return ImportedOrder(OrderAction(_columns(record, 3, 3)), order, requested_on)


def _with_line(imported: ImportedOrder, record: str) -> ImportedOrder:
    line = OrderLine(
        line=int(_columns(record, 3, 6)),
        sku=_text(record, 7, 21),
        quantity=Decimal(_columns(record, 22, 30)).scaleb(-2),
        uom=_text(record, 31, 32),
        unit_price=read_zoned(_columns(record, 33, 43), 4),
    )
    return replace(imported, order=replace(imported.order, lines=(*imported.order.lines, line)))


def _check_order(order: Order, record: str, number: int) -> None:
    stated = (_text(record, 3, 12), int(_columns(record, 13, 16)))
    if stated != (order.order_no, len(order.lines)):
        raise ValueError(f"record {number} states {stated}, read were {order.order_no} and {len(order.lines)} lines")


def _check_trailer(trailer: str, records: int, body: list[str]) -> None:
    kinds = [_columns(record, 1, 2) for record in body]
    quantities = sum(int(_columns(record, 22, 30)) for record in body if record.startswith("O2"))
    read = (records, kinds.count("O1"), quantities % 10**10)
    if _columns(trailer, 1, 2) != "T9":
        raise ValueError("the last record is not the trailer")
    stated = tuple(int(_columns(trailer, *place)) for place in ((3, 9), (10, 16), (17, 26)))
    if stated != read:
        raise ValueError(f"the trailer states {stated} (records, orders, hash total), read were {read}")
