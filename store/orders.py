"""Orders in the store: never an older version over a newer one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import select, text
from sqlmodel import Session, col

from domain.orders import Order, OrderLine
from store.history import children_as_of, page_as_of, rows_as_of
from store.paging import DEFAULT_LIMIT, Page, page_of
from store.tables.orders import OrderLineRow, OrderRow
from store.upserts import upsert as upsert_rows

_NOT_OLDER = "stored.version_at <= excluded.version_at"


def upsert(session: Session, orders: Iterable[Order]) -> list[str]:
    """Write orders with their lines where they are new or differ; answers the numbers of those that were written.

    An order whose stored version is newer is left alone, lines and all. Lines that an order no longer has are removed.
    Running it again writes nothing.
    """
    newest = _newest_of_each(orders)
    if not newest:
        return []
    headers = [order.model_dump(exclude={"lines"}) for order in newest.values()]
    written = {number for (number,) in upsert_rows(session, OrderRow, headers, guard=_NOT_OLDER)}
    current = _at_version(session, newest)
    lines = [{"order_number": order.number, **line.model_dump()} for order in current for line in order.lines]
    written |= _remove_other_lines(session, current, lines)
    written |= {number for number, _ in upsert_rows(session, OrderLineRow, lines)}
    return sorted(written)


def get_many(session: Session, numbers: Sequence[str], as_of: datetime | None = None) -> dict[str, Order]:
    """The orders of these numbers that are known, deleted ones too, now or as of a time."""
    if as_of is not None:
        rows = list(rows_as_of(session, OrderRow, as_of, numbers).values())
        return {order.number: order for order in _past(session, as_of, rows)}
    query = select(OrderRow).where(col(OrderRow.number).in_(set(numbers)))
    return {order.number: order for order in _with_lines(session, list(session.scalars(query)))}


def page(
    session: Session, *, customer_number: str | None = None, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Order]:
    """Orders in the order of their numbers."""
    query = select(OrderRow)
    if customer_number is not None:
        query = query.where(col(OrderRow.customer_number) == customer_number)
    found = page_of(session, query, [col(OrderRow.number)], limit=limit, cursor=cursor)
    return Page(items=tuple(_with_lines(session, found.items)), next_cursor=found.next_cursor)


def past_page(
    session: Session,
    as_of: datetime,
    alike: Mapping[str, str] | None = None,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[Order]:
    """Orders as they stood at a time, in the order of their numbers; `alike`: values that they had then."""
    found = page_as_of(session, OrderRow, as_of, limit=limit, cursor=cursor, alike=alike)
    return Page(items=tuple(_past(session, as_of, found.items)), next_cursor=found.next_cursor)


def _newest_of_each(orders: Iterable[Order]) -> dict[str, Order]:
    newest: dict[str, Order] = {}
    for order in orders:
        if order.number not in newest or newest[order.number].version_at <= order.version_at:
            newest[order.number] = order
    return newest


def _at_version(session: Session, orders: dict[str, Order]) -> list[Order]:
    """Those whose stored version is the given one; their rows are locked by the write before."""
    query = select(col(OrderRow.number), col(OrderRow.version_at)).where(col(OrderRow.number).in_(orders))
    stored = dict(session.execute(query).all())
    return [order for number, order in orders.items() if stored[number] == order.version_at]


def _remove_other_lines(session: Session, orders: Sequence[Order], lines: Sequence[dict[str, Any]]) -> set[str]:
    kept = [{"order_number": line["order_number"], "line_no": line["line_no"]} for line in lines]
    removed = session.execute(
        text(
            "DELETE FROM order_lines WHERE order_number = ANY(:numbers) AND (order_number, line_no) NOT IN ("
            "SELECT order_number, line_no FROM json_to_recordset(CAST(:kept AS json)) "
            "AS kept(order_number text, line_no integer)) RETURNING order_number"
        ),
        {"numbers": [order.number for order in orders], "kept": to_json(kept).decode()},
    )
    return {number for (number,) in removed}


def _with_lines(session: Session, rows: Sequence[OrderRow]) -> list[Order]:
    query = select(OrderLineRow).where(col(OrderLineRow.order_number).in_([row.number for row in rows]))
    return _orders(rows, list(session.scalars(query)))


def _past(session: Session, as_of: datetime, rows: Sequence[OrderRow]) -> list[Order]:
    return _orders(rows, children_as_of(session, OrderLineRow, as_of, [row.number for row in rows]))


def _orders(rows: Sequence[OrderRow], lines: Iterable[OrderLineRow]) -> list[Order]:
    of_each: defaultdict[str, list[OrderLine]] = defaultdict(list)
    for line in sorted(lines, key=lambda one: one.line_no):
        of_each[line.order_number].append(OrderLine(**line.model_dump(exclude={"order_number"})))
    return [Order(**row.model_dump(), lines=tuple(of_each[row.number])) for row in rows]
